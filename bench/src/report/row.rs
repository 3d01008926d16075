//! A runtime's row: its figures, beside those of the fastest and beside those by hand.

use super::series::Series;
use crate::cell::Variant;
use crate::contender::Contender;
use crate::reading::Tail;
use crate::stats::{Estimate, median, median_estimate, ratio_estimate, superiority};
use crate::usage::Usage;
use serde::{Deserialize, Serialize};

/// What the runs on a runtime come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// On which runtime.
    pub runtime: Contender,
    /// The figure through backstay.
    pub backstay: Estimate,
    /// Nanoseconds of a whole run.
    pub whole_ns: f64,
    /// How it compares with the fastest; `None` for that one itself.
    pub behind: Option<Behind>,
    /// The same by hand, if it is.
    pub bare: Option<Bare>,
    /// How the latencies are distributed: of each percentile the median of the runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latencies: Option<Percentiles>,
    /// What the processes used: the median of each.
    #[serde(default)]
    pub usage: Usage,
}

/// Percentiles in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "percentiles")]
pub struct Percentiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// How a runtime compares with the fastest, both through backstay.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Behind {
    /// Its median over the fastest's.
    pub ratio: Estimate,
    /// How probable it is that a run of the fastest takes less than one of this.
    pub loses: f64,
}

/// How the work through backstay compares with that by hand.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bare {
    /// The figure by hand.
    pub figure: Estimate,
    /// That through backstay over it.
    pub overhead: Estimate,
}

/// The rows of these series, in their order.
pub(super) fn rows(series: &[Series]) -> Vec<Row> {
    let measured = series.iter().filter(|series| series.not_here.is_none());
    let through: Vec<_> = measured.clone().filter(|series| series.variant == Variant::Backstay).collect();
    let fastest = through.iter().min_by(|a, b| median(&a.figures()).total_cmp(&median(&b.figures())));
    let row = |own: &&Series| {
        let figures = own.figures();
        let behind = fastest.filter(|fastest| fastest.runtime != own.runtime).map(|fastest| Behind {
            ratio: ratio_estimate(&figures, &fastest.figures()),
            loses: superiority(&fastest.figures(), &figures),
        });
        let by_hand = |other: &&Series| (other.runtime, other.variant) == (own.runtime, Variant::Bare);
        let bare = measured
            .clone()
            .find(by_hand)
            .map(Series::figures)
            .map(|bare| Bare { figure: median_estimate(&bare), overhead: ratio_estimate(&figures, &bare) });
        let wholes: Vec<_> = own.runs.iter().map(|reading| reading.whole).collect();
        let backstay = median_estimate(&figures);
        Row {
            runtime: own.runtime,
            backstay,
            whole_ns: median(&wholes),
            behind,
            bare,
            latencies: percentiles(own),
            usage: usage(own),
        }
    };
    through.iter().map(row).collect()
}

fn percentiles(series: &Series) -> Option<Percentiles> {
    let tails: Option<Vec<&Tail>> = series.runs.iter().map(|run| run.latencies.as_ref()).collect();
    let tails = tails.filter(|tails| !tails.is_empty())?;
    let of = |percentile: fn(&Tail) -> u64| -> f64 {
        median(&tails.iter().map(|tail| percentile(tail) as f64).collect::<Vec<_>>())
    };
    Some(Percentiles {
        p50: of(|tail| tail.p50),
        p90: of(|tail| tail.p90),
        p99: of(|tail| tail.p99),
        p999: of(|tail| tail.p999),
        max: of(|tail| tail.max),
    })
}

fn usage(series: &Series) -> Usage {
    let of = |quantity: fn(Usage) -> Option<f64>| {
        let used: Vec<_> = series.runs.iter().filter_map(|run| quantity(run.usage?)).collect();
        (!used.is_empty()).then(|| median(&used))
    };
    Usage {
        peak_memory_bytes: of(|usage| usage.peak_memory_bytes),
        bytes_per_task: of(|usage| usage.bytes_per_task),
        cpu_seconds_per_million: of(|usage| usage.cpu_seconds_per_million),
        switches_per_operation: of(|usage| usage.switches_per_operation),
        threads: of(|usage| usage.threads),
    }
}
