//! The numbers of a section in tables: what its charts draw, for those who'd rather read it.

use super::escape::Text;
use super::memory::{bytes_a_task, show_bytes};
use super::runtimes::{Runtimes, name};
use super::svg::key;
use super::table::{Table, two};
use crate::cell::Variant;
use crate::report::number::{interval, ratio, show};
use crate::report::verdict::change;
use crate::report::{Percentiles, Row, Section};
use crate::workload::Measure;

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
    let is_throughput = measure == Measure::Throughput;
    let mut columns = vec!["runtime", "median"];
    columns.extend(is_throughput.then_some("a second"));
    columns.extend(["to the least", "loses"]);
    if by_hand {
        columns.extend(["by hand", "backstay adds"]);
    }
    let mut table = Table::new("Figures, through backstay, with 95 % intervals", &columns);
    for row in &section.rows {
        let mut cells = vec![two(&show(measure, row.backstay.value), &interval(measure, row.backstay))];
        if is_throughput {
            cells.push(Text(a_second(row.backstay.value)).to_string());
        }
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

/// How many units a second, of nanoseconds each.
fn a_second(nanos: f64) -> String {
    show(Measure::Quantity, if nanos > 0.0 { 1e9 / nanos } else { f64::NAN })
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

fn latencies(section: &Section, heading: impl Fn(&Row) -> String) -> String {
    let columns = ["runtime", "p50", "p90", "p99", "p99.9", "greatest"];
    let mut table = Table::new("Latencies: of each percentile the median of the runs", &columns);
    for row in &section.rows {
        let Some(Percentiles { p50, p90, p99, p999, max }) = row.latencies else { continue };
        let cells = [p50, p90, p99, p999, max].map(|nanos| show(Measure::Latency, nanos));
        table.row(&heading(row), &cells);
    }
    table.finish()
}

/// What the processes took and used.
fn usage(section: &Section, heading: impl Fn(&Row) -> String) -> String {
    let bytes: Vec<_> = section.rows.iter().map(|row| bytes_a_task(section, row)).collect();
    let has_bytes = bytes.iter().any(Option::is_some);
    let mut columns = vec!["runtime", "processes", "whole run", "peak memory"];
    columns.extend(has_bytes.then_some("memory a task"));
    columns.extend(["CPU per million", "switches per operation", "threads"]);
    let mut table = Table::new("The processes: medians of what each took and used", &columns);
    let known = |quantity: Option<f64>, show: fn(f64) -> String| {
        quantity.filter(|quantity| quantity.is_finite()).map_or_else(|| "–".to_owned(), show)
    };
    for (row, bytes) in section.rows.iter().zip(bytes) {
        let usage = row.usage;
        let mut cells = vec![
            runs(section, row),
            show(Measure::Throughput, row.whole_ns),
            known(usage.peak_memory_bytes, |bytes| format!("{:.1} MiB", bytes / f64::from(1 << 20))),
        ];
        cells.extend(has_bytes.then(|| known(bytes, show_bytes)));
        cells.extend([
            known(usage.cpu_seconds_per_million, |seconds| show(Measure::Latency, seconds * 1e9)),
            known(usage.switches_per_operation, |switches| format!("{switches:.3}")),
            known(usage.threads, |threads| format!("{threads:.0}")),
        ]);
        table.row(&heading(row), &cells);
    }
    table.finish()
}
