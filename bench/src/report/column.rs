//! The columns of what a runtime does and uses: what is in each, how it is shown, and who is best.

use super::number::{interval, show};
use super::section::Section;
use crate::cell::Variant;
use crate::contender::Contender;
use crate::reading::{Reading, Tail};
use crate::stats::{Estimate, MATTERS, Shown, median, median_estimate, ratio_estimate};
use crate::usage::Usage;
use crate::workload::Measure;

/// A column: a figure of each run through backstay, of which less is better.
///
/// # Examples
///
/// ```
/// use backstay_bench::report::column::COLUMNS;
///
/// let names: Vec<_> = COLUMNS.iter().map(|column| column.name()).collect();
/// assert_eq!(names[0], "ops/s [95 %]");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Column {
    name: &'static str,
    of: Of,
    show: fn(f64) -> String,
    /// Whether less of it is a merit, and not only a fact.
    is_merit: bool,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    /// Nanoseconds of an operation, of which there are so many a second; with their interval.
    Operation,
    Latency(fn(&Tail) -> u64),
    Usage(fn(&Usage) -> Option<f64>),
}

/// All of them, in the order of the table.
pub const COLUMNS: [Column; 11] = {
    const fn latency(name: &'static str, of: fn(&Tail) -> u64) -> Column {
        Column { name, of: Of::Latency(of), show: time, is_merit: true }
    }
    const fn usage(name: &'static str, of: fn(&Usage) -> Option<f64>, show: fn(f64) -> String) -> Column {
        Column { name, of: Of::Usage(of), show, is_merit: true }
    }
    [
        Column { name: "ops/s [95 %]", of: Of::Operation, show: quantity, is_merit: true },
        latency("p50", |tail| tail.p50),
        latency("p90", |tail| tail.p90),
        latency("p99", |tail| tail.p99),
        latency("p99.9", |tail| tail.p999),
        latency("max", |tail| tail.max),
        usage("peak memory", |usage| usage.peak_memory_bytes, mebibytes),
        usage("bytes/task", |usage| usage.bytes_per_task, whole),
        usage("CPU/1M ops", |usage| usage.cpu_seconds_per_million, |seconds| time(seconds * 1e9)),
        usage("switches/op", |usage| usage.switches_per_operation, |switches| format!("{switches:.3}")),
        Column { is_merit: false, ..usage("threads", |usage| usage.threads, whole) },
    ]
};

impl Column {
    /// What stands above it.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it says of this runtime: the median of its runs; `None` where there is nothing.
    pub fn show(&self, section: &Section, runtime: Contender) -> Option<String> {
        let figures = self.figures(section, runtime);
        if figures.is_empty() {
            return None;
        }
        match self.of {
            Of::Operation => {
                let Estimate { value, interval: ends } = median_estimate(&figures);
                // The longer an operation takes, the fewer there are in a second.
                let ends = ends.map(|[low, high]| [1e9 / high, 1e9 / low]);
                let rate = Estimate { value: 1e9 / value, interval: ends };
                let text = format!("{} {}", (self.show)(rate.value), interval(Measure::Quantity, rate));
                Some(text.trim_end().to_owned())
            }
            Of::Latency(_) | Of::Usage(_) => Some((self.show)(median(&figures))),
        }
    }

    /// The best runtime, if it is certainly better than each of the others by more than 3 %: the rule of the verdict.
    pub fn best(&self, section: &Section) -> Option<Contender> {
        let others: Vec<_> = section.rows.iter().map(|row| row.runtime).collect();
        if !self.is_merit || others.len() < 2 {
            return None;
        }
        let beats = |best: &[f64], other: &[f64]| ratio_estimate(other, best).shows(MATTERS) == Shown::More;
        others.iter().copied().find(|&best| {
            let figures = self.figures(section, best);
            let mut others = others.iter().filter(|&&other| other != best);
            others.all(|&other| beats(&figures, &self.figures(section, other)))
        })
    }

    /// That of each run, as far as it is known.
    fn figures(&self, section: &Section, runtime: Contender) -> Vec<f64> {
        let own = section
            .series
            .iter()
            .filter(|series| (series.runtime, series.variant) == (runtime, Variant::Backstay));
        let figure = |run: &Reading| match self.of {
            // What is above a floor is no operation's whole time.
            Of::Operation if section.measure != Measure::Throughput || section.floor_ns > 0 => None,
            Of::Operation => Some(run.figure),
            Of::Latency(of) => run.latencies.as_ref().map(|tail| of(tail) as f64),
            Of::Usage(of) => of(run.usage.as_ref()?),
        };
        own.flat_map(|series| &series.runs).filter_map(figure).collect()
    }
}

fn time(nanos: f64) -> String {
    show(Measure::Latency, nanos)
}

fn quantity(number: f64) -> String {
    show(Measure::Quantity, number)
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / f64::from(1 << 20))
}

fn whole(number: f64) -> String {
    format!("{number:.0}")
}
