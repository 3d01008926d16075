//! What the tests of all families do with a configuration.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::Debug;

/// What a text says.
#[track_caller]
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> T {
    toml::from_str(text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

/// Why a text is refused.
#[track_caller]
pub(crate) fn refused<T: DeserializeOwned + Debug>(text: &str) -> String {
    match toml::from_str::<T>(text) {
        Ok(config) => panic!("{text}\nwas read as {config:?}"),
        Err(error) => error.to_string(),
    }
}

/// A text is refused at that line, with all of these words.
#[track_caller]
pub(crate) fn refused_at<T: DeserializeOwned + Debug>(text: &str, line: usize, words: &str) {
    let error = refused::<T>(text);
    assert!(error.contains(&format!("line {line},")), "not at line {line}:\n{error}");
    assert!(error.contains(words), "no `{words}`:\n{error}");
}

/// It is the same after it was written and read again, in TOML and in JSON.
#[track_caller]
pub(crate) fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(config: &T) -> String {
    let text = toml::to_string(config).unwrap();
    assert_eq!(&read::<T>(&text), config, "{text}");
    let json = serde_json::to_string(config).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), config, "{json}");
    text
}

/// The fields that a type allows, as its error lists them.
#[track_caller]
pub(crate) fn fields<T: DeserializeOwned + Debug>() -> BTreeSet<String> {
    let error = refused::<T>("no_such_field = 1");
    assert!(error.contains("line 1,") && error.contains("unknown field `no_such_field`"), "{error}");
    let list = error.split("expected").nth(1).expect("it lists them");
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The settings of the table of defaults in the docs of a builder: the first cells, in backticks.
pub(crate) fn documented(source: &str, builder: &str) -> BTreeSet<String> {
    let lines: Vec<_> = source.lines().collect();
    let at =
        lines.iter().position(|line| line.contains(&format!("pub struct {builder}"))).expect("it is there");
    let is_docs = |line: &&&str| line.starts_with("///") || line.starts_with("#[") || line.starts_with(")]");
    let docs = lines[..at].iter().rev().take_while(is_docs);
    let cells = docs.filter_map(|line| line.strip_prefix("/// | ")).filter_map(|row| row.split(" | ").next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.map(str::to_owned).collect()
}
