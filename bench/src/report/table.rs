//! A report as plain text, for a terminal.

use super::column::COLUMNS;
use super::grid::{Field, WIDTH, grid};
use super::number::{interval, ratio, show};
use super::row::{Bare, Row};
use super::section::Section;
use super::verdict::{Verdict, change};
use super::{Report, Twins};
use crate::stats::MATTERS;
use crate::style::Style;
use crate::workload::Measure;
use std::fmt::Write;

/// All rows, with a verdict for each section.
pub fn table(report: &Report, style: Style) -> String {
    let mut text = heading();
    for section in &report.sections {
        text.push_str(&heading_of(section, style));
        for row in &section.rows {
            text.push_str(&line(section.measure, row));
        }
        text.push_str(&columns(section, style));
        text.push_str(&verdicts(section, style));
    }
    if let Some(twins) = Twins::of(report) {
        let paint = if twins.are_equal() { Style::green } else { Style::red };
        let _ = writeln!(text, "\n{}", paint(style, &twins.to_string()));
    }
    let _ = writeln!(
        text,
        "\nBrackets hold 95 % intervals. A difference is shown where the whole interval is more than {} % off.\n\
         {} processes for each cell, {:.0} s",
        MATTERS * 100.0,
        report.processes,
        report.seconds
    );
    text
}

/// What is done, and what a figure is of: in two lines where it is long.
fn heading_of(section: &Section, style: Style) -> String {
    let (title, about, figure) = (section.title(), &section.about, section.figure());
    let length =
        [&title, about, &figure].map(|part| part.chars().count()).iter().sum::<usize>() + ": ; ".len();
    let between = if length > WIDTH { "\n  " } else { " " };
    format!("\n{}: {about};{between}{figure}\n", style.bold(&title))
}

/// What else is known of each runtime, in columns: those in which there is something. The best of a column stands out
/// where it is certain.
fn columns(section: &Section, style: Style) -> String {
    let mut columns = Vec::new();
    for column in &COLUMNS {
        let best = column.best(section);
        let field = |row: &Row| Field {
            text: column.show(section, row.runtime).unwrap_or_default(),
            bold: best == Some(row.runtime),
        };
        let fields: Vec<_> = section.rows.iter().map(field).collect();
        if fields.iter().any(|field| !field.text.is_empty()) {
            columns.push((column.name(), fields));
        }
    }
    let names: Vec<_> = section.rows.iter().map(|row| row.runtime.name()).collect();
    grid(&names, &columns, style)
}

fn verdicts(section: &Section, style: Style) -> String {
    let mut text = String::new();
    for (why, cells) in section.not_here() {
        let _ = writeln!(text, "  = {}", style.yellow(&format!("not measured: {}: {why}", cells.join(", "))));
    }
    if let Some(words) = section.verdict.words(section.measure) {
        let words = match section.verdict {
            Verdict::Winner { .. } => style.green(&words),
            Verdict::TooNoisy { .. } | Verdict::TooFew { .. } => style.yellow(&words),
            Verdict::Alone | Verdict::NoClearWinner { .. } => words,
        };
        let _ = writeln!(text, "  = runtimes: {words}");
    }
    if let Some(overhead) = &section.overhead {
        let _ = writeln!(text, "  = backstay: {}", overhead.words(&section.rows));
    }
    text
}

fn heading() -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "  {:10}  {:^37}  {:^26}  {:^36}",
        "", "through backstay", "against the fastest", "against bare"
    );
    let _ = writeln!(
        text,
        "  {:10}  {:>9} {:<17} {:>9}  {:>5} {:<14} {:>5}  {:>9}  {:>7} {:<17}",
        "", "median", "[95 %]", "whole run", "ratio", "[95 %]", "loses", "bare", "adds", "[95 %]"
    );
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn line(measure: Measure, row: &Row) -> String {
    let behind = row.behind.as_ref().map_or_else(
        || format!("{:>5} {:14} {:>5}", "1.00", "", ""),
        |behind| {
            let (value, interval) = ratio(behind.ratio);
            format!("{value:>5} {interval:14} {:>3.0} %", behind.loses * 100.0)
        },
    );
    let bare = row.bare.as_ref().map_or_else(String::new, |Bare { figure, overhead }| {
        let change = change(*overhead);
        let (percent, interval) = change.split_once(" [").unwrap_or((&change, ""));
        let bracket = if interval.is_empty() { "" } else { "[" };
        format!("{:>9} {percent:>8} {bracket}{interval}", show(measure, figure.value))
    });
    let line = format!(
        "  {:10}  {:>9} {:17} {:>9}  {behind}  {bare}",
        row.runtime,
        show(measure, row.backstay.value),
        interval(measure, row.backstay),
        show(Measure::Throughput, row.whole_ns),
    );
    format!("{}\n", line.trim_end())
}
