//! Workloads down, runtimes across: a report in a few lines of Markdown.

use super::number::{ratio, show};
use super::row::Row;
use super::section::Section;
use super::verdict::Verdict;
use crate::contender::Contender;
use crate::stats::{MATTERS, Shown};
use std::fmt::Write;

/// Medians through backstay, and how many times the least of its row each is: `1.34 ×` where that is certain, `level`
/// where it isn't, `unclear` where it may be 10 % or more. The winner is bold.
pub fn summary<'a>(sections: impl IntoIterator<Item = &'a Section>) -> String {
    let sections: Vec<_> = sections.into_iter().collect();
    let mut runtimes: Vec<Contender> = Vec::new();
    for series in sections.iter().flat_map(|section| &section.series) {
        if !runtimes.contains(&series.runtime) {
            runtimes.push(series.runtime);
        }
    }
    let mut text = String::from("| workload | a figure is |");
    runtimes.iter().for_each(|runtime| {
        let _ = write!(text, " {runtime} |");
    });
    let _ = writeln!(text, "\n|---|---|{}", "---|".repeat(runtimes.len()));
    for section in sections {
        let _ = write!(text, "| `{}`, {} | {} |", section.label(), section.threads(), section.figure());
        for runtime in &runtimes {
            let row = section.rows.iter().find(|row| row.runtime == *runtime);
            let _ = write!(text, " {} |", row.map_or_else(|| "–".to_owned(), |row| cell(section, row)));
        }
        text.push('\n');
    }
    text
}

fn cell(section: &Section, row: &Row) -> String {
    let figure = show(section.measure, row.backstay.value);
    match (&section.verdict, row.behind) {
        (Verdict::Winner { runtime, .. }, _) if *runtime == row.runtime => format!("**{figure}**"),
        (_, None) => figure,
        (_, Some(behind)) if behind.ratio.shows(MATTERS) == Shown::More => {
            format!("{figure}, {} ×", ratio(behind.ratio).0)
        }
        (Verdict::TooNoisy { .. } | Verdict::TooFew { .. }, _) => format!("{figure}, unclear"),
        _ => format!("{figure}, level"),
    }
}
