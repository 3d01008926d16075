//! The report.

use super::plan::Plan;
use super::results::{Results, Row, overhead_verdict, percent, speed_verdict};
use crate::stats::{Estimate, MATTERS};
use crate::workload::Workload;
use fastrand::Rng;
use std::fmt::Write;

/// The conditions, before anything is measured.
pub(super) fn preamble(plan: &Plan) -> String {
    let names: Vec<_> = plan.backends.iter().map(|backend| backend.name()).collect();
    format!(
        "\
The same work on {names}: by hand (bare) and through backstay.
  workers      {workers} on each; the main thread waits and takes no part
  allocator    the system's
  yield        one self-wake, the same on all
  tokio        with its cooperative budget, which is its default
  sockets      TCP over loopback, TCP_NODELAY on both sides
  processes    {processes}: {repetitions} for each cell, in random order; --seed {seed}
  a process    runs the work once to warm up, then several times, and gives the median of those
",
        names = names.join(", "),
        workers = plan.workers,
        processes = plan.processes(),
        repetitions = plan.repetitions,
        seed = plan.seed,
    )
}

/// All rows, with a verdict for each workload.
pub(super) fn table(plan: &Plan, results: &Results) -> String {
    let mut rng = Rng::with_seed(plan.seed);
    let mut text = heading();
    for &workload in &plan.workloads {
        let rows = results.rows(workload, &plan.backends, &mut rng);
        let _ = write!(text, "\n{workload}: {}; time per {}\n", workload.about(), workload.unit());
        for row in &rows {
            text.push_str(&line(workload, row));
        }
        if let Some(verdict) = speed_verdict(&rows) {
            let _ = writeln!(text, "  = runtimes: {verdict}");
        }
        let _ = writeln!(text, "  = backstay: {}", overhead_verdict(&rows));
    }
    let _ = write!(
        text,
        "\nBrackets hold 95 % intervals. A difference is shown where its interval excludes 1 and it exceeds {} %.",
        MATTERS * 100.0
    );
    text
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

fn line(workload: Workload, row: &Row) -> String {
    let units = workload.units() as f64;
    let behind = match &row.behind {
        None => format!("{:>5} {:14} {:>5}", "1.00", "", ""),
        Some(behind) => {
            let Estimate { value, low, high } = behind.ratio;
            let interval = format!("[{low:.2}, {high:.2}]");
            format!("{value:>5.2} {interval:14} {:>3.0} %", behind.fastest_wins * 100.0)
        }
    };
    let [over, low, high] = [row.overhead.value, row.overhead.low, row.overhead.high].map(percent);
    let overhead = format!("{over:>+6.1} % {:17}", format!("[{low:+.1}, {high:+.1}]"));
    let line = format!(
        "  {:9}  {:>9} {:17} {:>9}  {behind}  {:>9} {overhead}",
        row.backend,
        time(row.backstay.value / units),
        interval(row.backstay, units),
        time(row.backstay.value),
        time(row.bare / units),
    );
    format!("{}\n", line.trim_end())
}

/// In the largest unit that leaves a digit before the point.
fn scale(nanos: f64) -> (f64, &'static str) {
    match nanos {
        n if n < 1e3 => (1.0, "ns"),
        n if n < 1e6 => (1e3, "µs"),
        n if n < 1e9 => (1e6, "ms"),
        _ => (1e9, "s"),
    }
}

/// Three digits.
fn digits(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

fn time(nanos: f64) -> String {
    let (by, unit) = scale(nanos);
    format!("{} {unit}", digits(nanos / by))
}

/// In the unit of its figure.
fn interval(estimate: Estimate, units: f64) -> String {
    let (by, _) = scale(estimate.value / units);
    let [low, high] = [estimate.low, estimate.high].map(|end| digits(end / units / by));
    format!("[{low}, {high}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        assert_eq!(time(1.5), "1.50 ns");
        assert_eq!(time(999.0), "999 ns");
        assert_eq!(time(12_345.0), "12.3 µs");
        assert_eq!(time(9_999_000.0), "10.0 ms");
        assert_eq!(time(2.5e9), "2.50 s");
    }

    #[test]
    fn an_interval_has_its_figure_s_unit() {
        let estimate = Estimate { value: 2_000.0, low: 900.0, high: 12_000.0 };
        assert_eq!(interval(estimate, 1.0), "[0.90, 12.0]");
        assert_eq!(interval(estimate, 1_000.0), "[0.90, 12.0]");
    }
}
