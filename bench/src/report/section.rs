//! A part of a report: one workload in one size on one number of threads.

use super::row::{Row, rows};
use super::series::Series;
use super::verdict::{Overhead, Verdict};
use crate::contender::Contender;
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
    /// What they come to, a row for each runtime that could be measured.
    pub rows: Vec<Row>,
    /// Which runtime is the fastest, as far as the rows show it.
    pub verdict: Verdict,
    /// What backstay costs, as far as they show it; `None` where nothing is by hand, or in too few runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overhead: Option<Overhead>,
}

impl Section {
    /// The name with the size: `spawn-1k`; in an A/A comparison with the runtime, `spawn-1k/tokio`.
    pub fn label(&self) -> String {
        let size = crate::size::Size::new(self.size);
        let size = size.map_or_else(|| self.size.to_string(), |size| size.to_string());
        let twin = self.twin().map_or_else(String::new, |backend| format!("/{backend}"));
        format!("{}-{size}{twin}", self.workload)
    }

    /// The runtime that is compared with itself here, under two names.
    pub fn twin(&self) -> Option<Backend> {
        let runtimes = self.series.iter().map(|series| series.runtime);
        runtimes.filter(|runtime| runtime.is_twin()).map(Contender::backend).next()
    }

    /// Whether another report's section is of the same: the figures of both can be compared.
    pub fn is_same(&self, other: &Self) -> bool {
        let key = |section: &Self| (section.size, section.threads, section.measure, section.twin());
        (key(self), &self.workload, &self.rate) == (key(other), &other.workload, &other.rate)
    }

    /// The label and the threads: `spawn-1k, 2 threads`.
    pub fn title(&self) -> String {
        format!("{}, {}", self.label(), self.threads())
    }

    /// What can't be measured on this system: each reason once, with the cells that gave it, `tokio/bare`.
    pub fn not_here(&self) -> Vec<(&str, Vec<String>)> {
        let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
        for Series { runtime, variant, not_here, .. } in &self.series {
            let (Some(why), cell) = (not_here, format!("{runtime}/{variant}")) else { continue };
            match reasons.iter_mut().find(|(reason, _)| reason == why) {
                Some((_, cells)) => cells.push(cell),
                None => reasons.push((why, vec![cell])),
            }
        }
        reasons
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
        let measured = self.series.iter().filter(|series| series.not_here.is_none());
        self.verdict = Verdict::of(&self.rows, measured.map(|series| series.runs.len()).min());
        self.overhead = Overhead::of(&self.rows);
    }
}
