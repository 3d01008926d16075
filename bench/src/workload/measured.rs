//! What comes of a workload.

use crate::histogram::Histogram;
use std::time::Duration;

/// So many units were done: the time that all of them took is what counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units(pub u64);

/// So many units were done in a time that the workload took itself: a part of the run, where the rest has to be done
/// too and isn't what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timed {
    /// The units.
    pub units: u64,
    /// The time of all of them.
    pub taken: Duration,
}

/// Times that the workload took itself, such as those from planned to answered.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Histogram);

impl Latencies {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one down.
    pub fn record(&mut self, latency: Duration) {
        self.0.record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Takes over all of the other's.
    pub fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.count()
    }
}

/// Any other quantity of which less is better, such as bytes per task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity(pub f64);

/// What kind of figure a workload gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Nanoseconds a unit: the time of the run, or of the part that the workload timed, over the units done.
    Throughput,
    /// Nanoseconds: the 99th percentile of the latencies that the workload took.
    Latency,
    /// A quantity; the workload's unit says what of.
    Quantity,
}

/// One of [`Units`], [`Timed`], [`Latencies`] and [`Quantity`].
pub trait Measured: Into<Outcome> + Send + 'static {
    /// What kind of figure it gives.
    const MEASURE: Measure;
}

impl Measured for Units {
    const MEASURE: Measure = Measure::Throughput;
}

impl Measured for Timed {
    const MEASURE: Measure = Measure::Throughput;
}

impl Measured for Latencies {
    const MEASURE: Measure = Measure::Latency;
}

impl Measured for Quantity {
    const MEASURE: Measure = Measure::Quantity;
}

/// Any of them.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Units done.
    Units(u64),
    /// Units done in a part of the run.
    Timed(Timed),
    /// Latencies taken.
    Latencies(Histogram),
    /// A quantity.
    Quantity(f64),
}

impl From<Units> for Outcome {
    fn from(units: Units) -> Self {
        Self::Units(units.0)
    }
}

impl From<Timed> for Outcome {
    fn from(timed: Timed) -> Self {
        Self::Timed(timed)
    }
}

impl From<Latencies> for Outcome {
    fn from(latencies: Latencies) -> Self {
        Self::Latencies(latencies.0)
    }
}

impl From<Quantity> for Outcome {
    fn from(quantity: Quantity) -> Self {
        Self::Quantity(quantity.0)
    }
}
