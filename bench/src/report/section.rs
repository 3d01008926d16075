//! A part of a report: one workload in one size on one number of threads.

use super::row::{Row, rows};
use super::verdict::{Overhead, Verdict};
use crate::cell::Variant;
use crate::reading::Reading;
use crate::workload::Measure;
use backstay::Backend;
use serde::{Deserialize, Serialize};

/// A part of a report: one workload in one size on one number of threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// The workload's name.
    pub workload: String,
    /// How much of it.
    pub size: u64,
    /// On how many worker threads.
    pub threads: usize,
    /// How many a second, where it has an open loop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// What is done.
    pub about: String,
    /// What a figure is of.
    pub unit: String,
    /// What kind of figure it is.
    pub measure: Measure,
    /// Nanoseconds that it takes at least, which were taken off.
    pub floor_ns: u64,
    /// Every run of every cell.
    pub series: Vec<Series>,
    /// What they come to, a row for each runtime.
    pub rows: Vec<Row>,
    /// Which runtime is the fastest, as far as the rows show it.
    pub verdict: Verdict,
    /// What backstay costs, as far as they show it; `None` where nothing is by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overhead: Option<Overhead>,
}

/// Every run of a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// On which runtime.
    pub runtime: Backend,
    /// Through what.
    pub variant: Variant,
    /// What each process said, in the order in which they ran.
    pub runs: Vec<Reading>,
}

impl Series {
    /// The figures of the runs.
    pub fn figures(&self) -> Vec<f64> {
        self.runs.iter().map(|reading| reading.figure).collect()
    }
}

impl Section {
    /// The name with the size: `spawn-1k`.
    pub fn label(&self) -> String {
        let size = crate::size::Size::new(self.size);
        let size = size.map_or_else(|| self.size.to_string(), |size| size.to_string());
        format!("{}-{size}", self.workload)
    }

    /// What a figure of it is, in words.
    pub fn figure(&self) -> String {
        let Self { unit, rate, .. } = self;
        match self.measure {
            Measure::Throughput => format!("time per {unit}"),
            Measure::Latency => {
                let rate = rate.as_ref().map_or_else(String::new, |rate| format!(", at {rate}"));
                format!("p99 of the latency per {unit}{rate}")
            }
            Measure::Quantity => unit.clone(),
        }
    }

    /// `1 thread`, `2 threads`.
    pub fn threads(&self) -> String {
        format!("{} {}", self.threads, if self.threads == 1 { "thread" } else { "threads" })
    }

    /// Says what the series show: the rows, the verdict, the overhead, all anew.
    pub fn conclude(&mut self) {
        self.rows = rows(&self.series);
        self.verdict = Verdict::of(&self.rows, self.series.iter().map(|series| series.runs.len()).min());
        self.overhead = Overhead::of(&self.rows);
    }
}
