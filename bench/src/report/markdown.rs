//! A report in Markdown, for a pull request or a wiki.

use super::column::{COLUMNS, Column};
use super::date::date;
use super::number::{interval, ratio, show};
use super::row::Row;
use super::section::Section;
use super::summary::summary;
use super::verdict::change;
use super::{Report, Twins};
use std::fmt::Write;

/// All of it but the single runs.
pub fn markdown(report: &Report) -> String {
    let mut text = String::from("# The runtimes, compared\n\n");
    text.push_str(&conditions(report));
    let _ = write!(text, "\n{}", summary(&report.sections));
    for section in &report.sections {
        text.push_str(&part(section));
    }
    if let Some(twins) = Twins::of(report) {
        let _ = write!(text, "\n{twins}\n");
    }
    text.push_str(
        "\nBrackets hold 95 % intervals. Of times and quantities less is better. Bold is the best of a column, where\n\
         it is certain: the whole interval of the ratio to each of the others is more than 3 % off.\n",
    );
    text
}

fn conditions(report: &Report) -> String {
    let environment = &report.environment;
    let (machine, build) = (&environment.machine, &environment.build);
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    let load = |load: Option<f64>| load.map_or_else(|| "unknown".to_owned(), |load| format!("{load:.2}"));
    let crates: Vec<_> = build.crates.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let mut text = String::new();
    let mut line = |what: &str, how: String| {
        let _ = writeln!(text, "* {what}: {how}");
    };
    if let Some(date) = date(report.started) {
        line("begun", date);
    }
    line("again", format!("`{}`", report.command));
    line("machine", format!("{} cores of {}, {}", machine.cores, known(&machine.cpu), machine.arch));
    line("system", format!("{} {}", machine.os, known(&machine.kernel)));
    line("load", format!("{} before, {} after", load(environment.load_before), load(environment.load_after)));
    line("built", format!("{}, {}, opt-level {}", build.compiler, build.profile, build.opt_level));
    line("crates", crates.join(", "));
    line("commit", known(&build.commit));
    line("processes", format!("{} for each cell, {:.0} s in all", report.processes, report.seconds));
    for finding in &report.doctor {
        if let Some(warning) = &finding.warning {
            line(&format!("**warning**, {}", finding.what), format!("{}: {warning}", finding.found));
        }
    }
    text
}

fn part(section: &Section) -> String {
    let mut text = format!("\n## {}\n\n", section.title());
    let _ = write!(text, "{}; {}.\n\n", section.about, section.figure());
    if !section.rows.is_empty() {
        text.push_str(
            "| runtime | through backstay | against the fastest | loses | bare | backstay adds |\n",
        );
        text.push_str("|---|---|---|---|---|---|\n");
    }
    for row in &section.rows {
        text.push_str(&line(section, row));
    }
    text.push_str(&columns(section));
    text.push('\n');
    for (why, cells) in section.not_here() {
        let _ = writeln!(text, "* not measured: {}: {why}", cells.join(", "));
    }
    if let Some(words) = section.verdict.words(section.measure) {
        let _ = writeln!(text, "* runtimes: {words}");
    }
    if let Some(overhead) = &section.overhead {
        let _ = writeln!(text, "* backstay: {}", overhead.words(&section.rows));
    }
    text
}

fn line(section: &Section, row: &Row) -> String {
    let figure =
        format!("{} {}", show(section.measure, row.backstay.value), interval(section.measure, row.backstay));
    let (behind, loses) = match row.behind {
        None => ("1.00".to_owned(), String::new()),
        Some(behind) => {
            let (value, interval) = ratio(behind.ratio);
            (format!("{value} {interval}"), format!("{:.0} %", behind.loses * 100.0))
        }
    };
    let (bare, adds) = match row.bare {
        None => (String::new(), String::new()),
        Some(bare) => (show(section.measure, bare.figure.value), change(bare.overhead)),
    };
    let cells = [row.runtime.name(), figure.trim(), behind.trim(), &loses, &bare, &adds];
    format!("| {} |\n", cells.join(" | "))
}

/// What else is known of each runtime; the best of a column stands out where it is certain.
fn columns(section: &Section) -> String {
    let fields = |column: &Column| -> Vec<String> {
        let best = column.best(section);
        let field = |row: &Row| match column.show(section, row.runtime) {
            Some(text) if best == Some(row.runtime) => format!("**{text}**"),
            text => text.unwrap_or_default(),
        };
        section.rows.iter().map(field).collect()
    };
    let columns = COLUMNS.iter().map(|column| (column.name(), fields(column)));
    let columns: Vec<_> =
        columns.filter(|(_, fields)| fields.iter().any(|field| !field.is_empty())).collect();
    if columns.is_empty() {
        return String::new();
    }
    let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
    let mut text = format!("\n| runtime | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(columns.len()));
    for (number, row) in section.rows.iter().enumerate() {
        let fields: Vec<_> = columns.iter().map(|(_, fields)| &*fields[number]).collect();
        let _ = writeln!(text, "| {} | {} |", row.runtime, fields.join(" | "));
    }
    text
}
