//! The report.

use super::case::Case;
use super::plan::Plan;
use super::results::{Bare, Results, Row, overhead_verdict, percent, speed_verdict};
use crate::stats::{Estimate, MATTERS};
use crate::workload::Measure;
use fastrand::Rng;
use std::fmt::Write;

/// The conditions, before anything is measured.
pub(super) fn preamble(plan: &Plan) -> String {
    let names: Vec<_> = plan.backends.iter().map(|backend| backend.name()).collect();
    let mut threads: Vec<_> = plan.cases.iter().map(|case| case.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    let threads: Vec<_> = threads.iter().map(ToString::to_string).collect();
    format!(
        "\
The same work on {names}: by hand (bare) and through backstay.
  threads      {threads} workers on each; the main thread waits and takes no part
  allocator    the system's
  yield        one self-wake, the same on all
  tokio        with its cooperative budget, which is its default
  sockets      TCP over loopback, TCP_NODELAY on both sides
  processes    {processes}: {repetitions} for each cell, in random order; --seed {seed}
  a process    runs the work once to warm up, then several times, and gives the median of those
",
        names = names.join(", "),
        threads = threads.join(", then "),
        processes = plan.processes(),
        repetitions = plan.repetitions,
        seed = plan.seed,
    )
}

/// All rows, with a verdict for each case.
pub(super) fn table(plan: &Plan, results: &Results) -> String {
    let mut rng = Rng::with_seed(plan.seed);
    let mut text = heading();
    for case in &plan.cases {
        let rows = results.rows(case, &plan.backends, &mut rng);
        let _ = write!(text, "\n{}\n", title(case));
        for row in &rows {
            text.push_str(&line(case.entry.measure(), row));
        }
        if let Some(verdict) = speed_verdict(case.entry.measure(), &rows) {
            let _ = writeln!(text, "  = runtimes: {verdict}");
        }
        if let Some(verdict) = overhead_verdict(&rows) {
            let _ = writeln!(text, "  = backstay: {verdict}");
        }
    }
    let _ = write!(
        text,
        "\nBrackets hold 95 % intervals. A difference is shown where its interval excludes 1 and it exceeds {} %.",
        MATTERS * 100.0
    );
    text
}

fn title(case: &Case) -> String {
    let unit = case.entry.unit();
    let figure = match case.entry.measure() {
        Measure::Throughput => format!("time per {unit}"),
        Measure::Latency => format!("p99 of the latency per {unit}, at {}", case.rate),
        Measure::Quantity => unit.to_owned(),
    };
    let threads = if case.threads.get() == 1 { "thread" } else { "threads" };
    format!("{}, {} {threads}: {}; {figure}", case.label(), case.threads, case.entry.about(case.load()))
}

fn heading() -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "  {:9}  {:^37}  {:^26}  {:^36}",
        "", "through backstay", "against the fastest", "against bare"
    );
    let _ = writeln!(
        text,
        "  {:9}  {:>9} {:<17} {:>9}  {:>5} {:<14} {:>5}  {:>9}  {:>7} {:<17}",
        "", "median", "[95 %]", "whole run", "ratio", "[95 %]", "loses", "bare", "adds", "[95 %]"
    );
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn line(measure: Measure, row: &Row) -> String {
    let behind = match &row.behind {
        None => format!("{:>5} {:14} {:>5}", "1.00", "", ""),
        Some(behind) => {
            let Estimate { value, low, high } = behind.ratio;
            let interval = format!("[{low:.2}, {high:.2}]");
            format!("{value:>5.2} {interval:14} {:>3.0} %", behind.fastest_wins * 100.0)
        }
    };
    let bare = row.bare.as_ref().map_or_else(String::new, |Bare { figure, overhead }| {
        let [over, low, high] = [overhead.value, overhead.low, overhead.high].map(percent);
        let bare = show(measure, *figure);
        format!("{bare:>9} {over:>+6.1} % {:17}", format!("[{low:+.1}, {high:+.1}]"))
    });
    let line = format!(
        "  {:9}  {:>9} {:17} {:>9}  {behind}  {bare}",
        row.backend,
        show(measure, row.backstay.value),
        interval(measure, row.backstay),
        show(Measure::Throughput, row.whole),
    );
    format!("{}\n", line.trim_end())
}

/// In the largest unit that leaves a digit before the point.
fn scale(measure: Measure, figure: f64) -> (f64, &'static str) {
    match (measure, figure.abs()) {
        (Measure::Quantity, n) if n < 1e4 => (1.0, ""),
        (Measure::Quantity, n) if n < 1e6 => (1e3, " k"),
        (Measure::Quantity, _) => (1e6, " M"),
        (_, n) if n < 1e3 => (1.0, " ns"),
        (_, n) if n < 1e6 => (1e3, " µs"),
        (_, n) if n < 1e9 => (1e6, " ms"),
        _ => (1e9, " s"),
    }
}

/// Three digits.
fn digits(value: f64) -> String {
    match value.abs() {
        v if v < 9.995 => format!("{value:.2}"),
        v if v < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn show(measure: Measure, figure: f64) -> String {
    let (by, unit) = scale(measure, figure);
    format!("{}{unit}", digits(figure / by))
}

/// In the unit of its figure.
fn interval(measure: Measure, estimate: Estimate) -> String {
    let (by, _) = scale(measure, estimate.value);
    let [low, high] = [estimate.low, estimate.high].map(|end| digits(end / by));
    format!("[{low}, {high}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        let time = |nanos| show(Measure::Latency, nanos);
        assert_eq!(time(1.5), "1.50 ns");
        assert_eq!(time(999.0), "999 ns");
        assert_eq!(time(12_345.0), "12.3 µs");
        assert_eq!(time(9_999_000.0), "10.0 ms");
        assert_eq!(time(2.5e9), "2.50 s");
        let quantity = |quantity| show(Measure::Quantity, quantity);
        assert_eq!(
            [1.5, -2.0, 1_234.0, 12_345.0, 2e6].map(quantity),
            ["1.50", "-2.00", "1234", "12.3 k", "2.00 M"]
        );
    }

    #[test]
    fn an_interval_has_its_figure_s_unit() {
        let estimate = Estimate { value: 2_000.0, low: 900.0, high: 12_000.0 };
        assert_eq!(interval(Measure::Throughput, estimate), "[0.90, 12.0]");
    }
}
