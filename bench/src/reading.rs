//! What one process found out.

use crate::failure::Failure;
use crate::histogram::Histogram;
use crate::sample::Run;
use crate::stats::median;
use crate::usage::Usage;
use crate::workload::{Outcome, Timed};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What one process found out: it says so in one line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The figure: nanoseconds a unit, above the floor; the 99th percentile of the latencies in nanoseconds; or a
    /// quantity. Of several iterations the median, of latencies all together.
    pub figure: f64,
    /// Nanoseconds of a whole run, or of that part of it that counts, above the floor: the median.
    pub whole: f64,
    /// Units done in a run, where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<u64>,
    /// The figure of each iteration.
    pub iterations: Vec<f64>,
    /// The latencies, where the workload took them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latencies: Option<Tail>,
    /// What the process used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// How latencies are distributed, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "percentiles")]
pub struct Tail {
    pub count: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
    /// The bound of each bucket that holds something, and how many it holds.
    pub buckets: Vec<(u64, u64)>,
}

impl Reading {
    /// What these runs say.
    ///
    /// # Errors
    ///
    /// [`Failure::Nothing`] where nothing was done, [`Failure::Early`] where a run took less than it can.
    pub fn new(runs: &[Run], floor: Duration) -> Result<Self, Failure> {
        let floor = u64::try_from(floor.as_nanos()).unwrap_or(u64::MAX);
        let (mut wholes, mut iterations) = (Vec::new(), Vec::new());
        let mut units = None;
        let mut latencies = Histogram::default();
        for run in runs {
            let taken = match &run.outcome {
                Outcome::Timed(timed) => u64::try_from(timed.taken.as_nanos()).unwrap_or(u64::MAX),
                _ => run.taken,
            };
            let whole = taken.checked_sub(floor).filter(|&nanos| nanos > 0).ok_or(Failure::Early)? as f64;
            wholes.push(whole);
            iterations.push(match &run.outcome {
                Outcome::Units(0) | Outcome::Timed(Timed { units: 0, .. }) => return Err(Failure::Nothing),
                Outcome::Units(done) | Outcome::Timed(Timed { units: done, .. }) => {
                    units = Some(*done);
                    whole / *done as f64
                }
                Outcome::Latencies(taken) => {
                    latencies.merge(taken);
                    taken.quantile(0.99).ok_or(Failure::Nothing)? as f64
                }
                Outcome::Quantity(quantity) if quantity.is_finite() => *quantity,
                Outcome::Quantity(_) => return Err(Failure::Nothing),
            });
        }
        if runs.is_empty() {
            return Err(Failure::Nothing);
        }
        let latencies = Tail::of(&latencies);
        let figure = latencies.as_ref().map_or_else(|| median(&iterations), |tail| tail.p99 as f64);
        Ok(Self { figure, whole: median(&wholes), units, iterations, latencies, usage: None })
    }
}

impl Reading {
    /// How many operations a run does: units or latencies.
    pub(crate) fn operations(&self) -> Option<u64> {
        let latencies = self.latencies.as_ref().map(|tail| tail.count / self.iterations.len().max(1) as u64);
        self.units.or(latencies).filter(|&operations| operations > 0)
    }
}

impl Tail {
    /// `None` of nothing.
    pub fn of(histogram: &Histogram) -> Option<Self> {
        Some(Self {
            count: histogram.count(),
            p50: histogram.quantile(0.5)?,
            p90: histogram.quantile(0.9)?,
            p99: histogram.quantile(0.99)?,
            p999: histogram.quantile(0.999)?,
            max: histogram.max(),
            buckets: histogram.buckets().into_iter().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(outcomes: Vec<Outcome>) -> Vec<Run> {
        outcomes.into_iter().map(|outcome| Run { taken: 1_000, outcome }).collect()
    }

    #[test]
    fn throughput_is_time_a_unit_above_the_floor() {
        let reading = Reading::new(&runs(vec![Outcome::Units(10); 3]), Duration::from_nanos(400)).unwrap();
        assert_eq!((reading.figure, reading.whole, reading.units), (60.0, 600.0, Some(10)));
        assert_eq!((reading.iterations.len(), reading.latencies), (3, None));
    }

    #[test]
    fn a_part_of_the_run_counts_alone() {
        let timed = |units, nanos| Outcome::Timed(Timed { units, taken: Duration::from_nanos(nanos) });
        let reading = Reading::new(&runs(vec![timed(10, 300); 3]), Duration::from_nanos(100)).unwrap();
        assert_eq!((reading.figure, reading.whole, reading.units), (20.0, 200.0, Some(10)));
        let nothing = Reading::new(&runs(vec![timed(0, 300)]), Duration::ZERO).unwrap_err();
        assert_eq!(nothing.to_string(), "nothing was done");
    }

    #[test]
    fn latencies_of_all_iterations_are_one_distribution() {
        let histogram = |values: &[u64]| {
            let mut histogram = Histogram::default();
            values.iter().for_each(|&value| histogram.record(value));
            Outcome::Latencies(histogram)
        };
        let reading =
            Reading::new(&runs(vec![histogram(&[1; 99]), histogram(&[7])]), Duration::ZERO).unwrap();
        assert_eq!((reading.figure, reading.iterations), (1.0, vec![1.0, 7.0]));
        let tail = reading.latencies.unwrap();
        assert_eq!((tail.count, tail.p50, tail.p999, tail.max), (100, 1, 7, 7));
        assert_eq!(tail.buckets, [(1, 99), (7, 1)]);
    }

    #[test]
    fn nothing_done_and_less_than_nothing_are_failures() {
        let failure =
            |runs: &[Run], floor| Reading::new(runs, Duration::from_nanos(floor)).unwrap_err().to_string();
        assert_eq!(failure(&[], 0), "nothing was done");
        assert_eq!(failure(&runs(vec![Outcome::Units(0)]), 0), "nothing was done");
        assert_eq!(failure(&runs(vec![Outcome::Latencies(Histogram::default())]), 0), "nothing was done");
        assert_eq!(failure(&runs(vec![Outcome::Quantity(f64::NAN)]), 0), "nothing was done");
        assert_eq!(failure(&runs(vec![Outcome::Units(1)]), 1_000), "a sleep ended before its deadline");
    }

    #[test]
    fn it_goes_through_json() {
        let reading = Reading::new(&runs(vec![Outcome::Quantity(12.5)]), Duration::ZERO).unwrap();
        let line = serde_json::to_string(&reading).unwrap();
        assert_eq!(serde_json::from_str::<Reading>(&line).unwrap(), reading);
    }
}
