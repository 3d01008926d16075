//! The numbers of a section in tables: what its charts draw, for those who'd rather read it.

use super::escape::Text;
use super::runtimes::{Runtimes, name};
use super::svg::key;
use super::table::{Table, two};
use crate::cell::Variant;
use crate::report::column::{COLUMNS, Column};
use crate::report::number::{interval, ratio, show};
use crate::report::verdict::change;
use crate::report::{Row, Section};
use crate::workload::Measure;

/// The columns that are a table of their own.
const LATENCIES: [&str; 5] = ["p50", "p90", "p99", "p99.9", "max"];

/// All of them.
pub(super) fn numbers(section: &Section, runtimes: &Runtimes) -> String {
    let heading = |row: &Row| {
        let name = name(row.runtime);
        format!("{}{}", key(runtimes.look(&name)), Text(&name))
    };
    [figures(section, heading), latencies(section, heading), usage(section, heading)].concat()
}

fn figures(section: &Section, heading: impl Fn(&Row) -> String) -> String {
    let measure = section.measure;
    let by_hand = section.rows.iter().any(|row| row.bare.is_some());
    let rate = filled(section, |name| name == COLUMNS[0].name());
    let mut columns = vec!["runtime", "median"];
    columns.extend(rate.iter().map(|_| "a second"));
    columns.extend(["to the least", "loses"]);
    if by_hand {
        columns.extend(["by hand", "backstay adds"]);
    }
    let mut table = Table::new("Figures, through backstay, with 95 % intervals", &columns);
    for row in &section.rows {
        let mut cells = vec![two(&show(measure, row.backstay.value), &interval(measure, row.backstay))];
        cells.extend(rate.iter().map(|rate| {
            let text = rate.show(section, row.runtime).unwrap_or_default();
            let (figure, interval) = text.split_at(text.find(" [").unwrap_or(text.len()));
            two(figure, interval.trim())
        }));
        cells.extend(row.behind.map_or_else(
            || ["1.00".to_owned(), String::new()],
            |behind| {
                let (value, interval) = ratio(behind.ratio);
                let known = behind.loses.is_finite();
                let loses = if known { format!("{:.0} %", behind.loses * 100.0) } else { String::new() };
                [two(&value, &interval), loses]
            },
        ));
        if by_hand {
            cells.extend(row.bare.map_or_else(Default::default, |bare| {
                let change = change(bare.overhead);
                let (percent, interval) = change.split_at(change.find(" [").unwrap_or(change.len()));
                [
                    two(&show(measure, bare.figure.value), &self::interval(measure, bare.figure)),
                    two(percent, interval.trim()),
                ]
            }));
        }
        table.row(&heading(row), &cells);
    }
    table.finish()
}

/// How many runs, from the least to the greatest.
fn runs(section: &Section, row: &Row) -> String {
    let own = |series: &&crate::report::Series| {
        series.variant != Variant::Bare && name(series.runtime) == name(row.runtime)
    };
    let figures = section.series.iter().find(own).map(|series| series.figures()).unwrap_or_default();
    let end = |pick: fn(f64, f64) -> f64| figures.iter().copied().reduce(pick).unwrap_or(f64::NAN);
    let [least, most] = [end(f64::min), end(f64::max)].map(|figure| show(section.measure, figure));
    if figures.is_empty() {
        return "0".to_owned();
    }
    two(&figures.len().to_string(), &format!("{least} to {most}"))
}

/// Latencies, where there are any.
fn latencies(section: &Section, heading: impl Fn(&Row) -> String) -> String {
    let columns = filled(section, |name| LATENCIES.contains(&name));
    let names: Vec<_> = ["runtime"].into_iter().chain(columns.iter().map(Column::name)).collect();
    let mut table = Table::new("Latencies: of each percentile the median of the runs", &names);
    for row in section.rows.iter().filter(|_| !columns.is_empty()) {
        table.row(&heading(row), &cells(section, row, &columns));
    }
    table.finish()
}

/// What the processes took and used.
fn usage(section: &Section, heading: impl Fn(&Row) -> String) -> String {
    let columns = filled(section, |name| !LATENCIES.contains(&name) && name != COLUMNS[0].name());
    let names = ["runtime", "processes", "whole run"].into_iter().chain(columns.iter().map(Column::name));
    let names: Vec<_> = names.collect();
    let mut table = Table::new("The processes: medians of what each took and used", &names);
    for row in &section.rows {
        let mut fields = vec![runs(section, row), show(Measure::Throughput, row.whole_ns)];
        fields.extend(cells(section, row, &columns));
        table.row(&heading(row), &fields);
    }
    table.finish()
}

/// The columns of these names in which there is something.
fn filled(section: &Section, is_asked: impl Fn(&str) -> bool) -> Vec<Column> {
    let is_filled = |column: &&Column| {
        is_asked(column.name()) && section.rows.iter().any(|row| column.show(section, row.runtime).is_some())
    };
    COLUMNS.iter().filter(is_filled).copied().collect()
}

/// What the columns say of a runtime; the best stands out where it is certain.
fn cells(section: &Section, row: &Row, columns: &[Column]) -> Vec<String> {
    let cell = |column: &Column| {
        let text = column.show(section, row.runtime).unwrap_or_else(|| "–".to_owned());
        let is_best = column.best(section) == Some(row.runtime);
        if is_best { format!("<b>{}</b>", Text(text)) } else { Text(text).to_string() }
    };
    columns.iter().map(cell).collect()
}
