//! The table of recipes, the documentation, and the files say the same.

use backstay_examples::recipes::{EXAMPLES, RECIPES};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, iter};

/// How many there are of each chapter, and what no example shows: figures and advice.
const CHAPTERS: [u32; 10] = [5, 7, 8, 6, 7, 5, 6, 7, 7, 6];
const SHOWN_ELSEWHERE: [&str; 2] = ["10.4", "10.6"];

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn source(example: &str) -> PathBuf {
    folder().join(example).with_extension("rs")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of `docs/recipes.md`: their ids, and what shows them.
fn documented() -> Vec<(Vec<String>, String)> {
    let page = read(&folder().join("../docs/recipes.md"));
    let rows = page.lines().filter(|line| line.starts_with("| ")).map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [ids, .., shown_by] = *cells else { panic!("no row: {line}") };
        (ids.split(", ").map(str::to_owned).collect(), shown_by.to_owned())
    });
    rows.skip(1).collect() // the heading
}

#[test]
fn every_recipe_is_there_once_and_in_order() {
    let ids =
        (1..).zip(CHAPTERS).flat_map(|(chapter, rows)| (1..=rows).map(move |row| format!("{chapter}.{row}")));
    let expected =
        ids.filter(|id| !SHOWN_ELSEWHERE.contains(&id.as_str())).chain(iter::once("S.1".to_owned()));
    assert_eq!(
        RECIPES.iter().map(|recipe| recipe.id.to_owned()).collect::<Vec<_>>(),
        expected.collect::<Vec<_>>()
    );
}

#[test]
fn the_documentation_names_the_same_examples() {
    let documented = documented();
    for recipe in RECIPES {
        let rows = documented.iter().filter(|(ids, _)| ids.iter().any(|id| id == recipe.id));
        let shown_by: Vec<_> = rows.map(|(_, shown_by)| shown_by.as_str()).collect();
        for example in recipe.examples {
            let named = format!("`{example}`");
            assert!(
                shown_by.iter().any(|text| text.contains(&named)),
                "{}: {named}: {shown_by:?}",
                recipe.id
            );
        }
    }
    // And nothing else: what is documented with an id of a recipe is a recipe.
    let known: BTreeSet<_> = RECIPES.iter().map(|recipe| recipe.id).chain(SHOWN_ELSEWHERE).collect();
    for id in documented.iter().flat_map(|(ids, _)| ids).filter(|id| id.contains('.')) {
        assert!(known.contains(id.as_str()), "{id} is documented and shown by nothing");
    }
}

#[test]
fn every_file_is_an_example_and_every_example_a_file() {
    let entries =
        fs::read_dir(folder()).expect("the folder is there").map(|entry| entry.expect("an entry").path());
    let files: BTreeSet<_> = entries
        .filter(|path| path.extension() == Some(OsStr::new("rs")))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    let named: BTreeSet<_> = EXAMPLES.iter().map(|example| example.name.to_owned()).collect();
    assert_eq!(files, named);
    assert_eq!(named.len(), EXAMPLES.len(), "one is named twice");
    for recipe in RECIPES {
        assert!(!recipe.examples.is_empty(), "{} is shown by nothing", recipe.id);
        for example in recipe.examples {
            assert!(named.contains(*example), "{}: there is no {example}", recipe.id);
        }
    }
}

/// Whether a comment says that something here is this recipe.
fn is_marked(source: &str, id: &str) -> bool {
    source.lines().filter(|line| line.trim_start().starts_with("//")).any(|line| {
        line.match_indices(id).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + id.len()..].chars().next();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '.')
                && !after.is_some_and(char::is_alphanumeric)
        })
    })
}

#[test]
fn every_example_says_where_it_shows_a_recipe() {
    assert!(is_marked("/// 5.1: a task", "5.1") && is_marked("    // 1.2, 5.1.", "5.1"));
    for no in ["let x = 5.1;", "// 15.1", "// 5.12", "// 1.5.1"] {
        assert!(!is_marked(no, "5.1"), "{no}");
    }
    let missing =
        RECIPES.iter().flat_map(|recipe| recipe.examples.iter().map(|example| (recipe.id, *example)));
    let missing: Vec<_> = missing.filter(|(id, example)| !is_marked(&read(&source(example)), id)).collect();
    assert!(missing.is_empty(), "no comment says where these are shown: {missing:?}");
}

#[test]
fn the_list_has_a_line_for_each_recipe() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_backstay-examples")).arg("--list").output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("a text");
    assert_eq!(text.lines().count(), RECIPES.len());
    for (line, recipe) in text.lines().zip(RECIPES) {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some(recipe.id));
        assert!(line.contains(recipe.pattern) && line.ends_with(&recipe.examples.join(", ")), "{line}");
    }
}
