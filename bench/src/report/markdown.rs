//! A report in Markdown, for a pull request or a wiki.

use super::number::{interval, ratio, show};
use super::row::{Percentiles, Row};
use super::section::Section;
use super::verdict::change;
use super::{Report, Twins};
use crate::workload::Measure;
use std::fmt::Write;

/// All of it but the single runs.
pub fn markdown(report: &Report) -> String {
    let mut text = String::from("# The runtimes, compared\n\n");
    text.push_str(&conditions(report));
    for section in &report.sections {
        text.push_str(&part(section));
    }
    if let Some(twins) = Twins::of(report) {
        let _ = write!(text, "\n{twins}\n");
    }
    text.push_str("\nBrackets hold 95 % intervals. Less is better everywhere.\n");
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
    text.push_str("| runtime | through backstay | against the fastest | loses | bare | backstay adds |\n");
    text.push_str("|---|---|---|---|---|---|\n");
    for row in &section.rows {
        text.push_str(&line(section, row));
    }
    text.push_str(&percentiles(section));
    text.push_str(&usage(section));
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

/// Latencies, where there are any.
fn percentiles(section: &Section) -> String {
    let mut text = String::new();
    for row in &section.rows {
        let Some(Percentiles { p50, p90, p99, p999, max }) = row.latencies else { continue };
        if text.is_empty() {
            text.push_str("\n| runtime | p50 | p90 | p99 | p99.9 | greatest |\n|---|---|---|---|---|---|\n");
        }
        let times = [p50, p90, p99, p999, max].map(|nanos| show(Measure::Latency, nanos));
        let _ = writeln!(text, "| {} | {} |", row.runtime, times.join(" | "));
    }
    text
}

/// What the processes used.
fn usage(section: &Section) -> String {
    let mut text =
        String::from("\n| runtime | peak memory | CPU per million | switches per operation | threads |\n");
    text.push_str("|---|---|---|---|---|\n");
    let known = |quantity: Option<f64>, show: fn(f64) -> String| quantity.map_or_else(String::new, show);
    for Row { runtime, usage, .. } in &section.rows {
        let cells = [
            known(usage.peak_memory_bytes, |bytes| format!("{:.1} MiB", bytes / f64::from(1 << 20))),
            known(usage.cpu_seconds_per_million, |seconds| show(Measure::Latency, seconds * 1e9)),
            known(usage.switches_per_operation, |switches| format!("{switches:.3}")),
            known(usage.threads, |threads| format!("{threads:.0}")),
        ];
        let _ = writeln!(text, "| {runtime} | {} |", cells.join(" | "));
    }
    text
}
