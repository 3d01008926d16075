//! Doing work several times, and reading a meter around each.

use crate::failure::Failure;
use crate::workload::Outcome;
use std::sync::OnceLock;
use std::time::Instant;

/// Something that only grows: nanoseconds, allocations. It is read before and after each iteration.
pub type Meter = fn() -> u64;

/// The meter of time: nanoseconds.
pub fn nanoseconds() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

/// How to sample: one warm-up unless told otherwise, then iterations.
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    /// Runs that count.
    pub iterations: u32,
    /// Runs before them that don't.
    pub warm_up: u32,
    /// What is read.
    pub meter: Meter,
}

impl Sampling {
    /// Once, without a warm-up, in nanoseconds.
    pub const ONCE: Self = Self { iterations: 1, warm_up: 0, meter: nanoseconds };

    /// So many iterations after one warm-up, in nanoseconds.
    pub const fn time(iterations: u32) -> Self {
        Self { iterations, warm_up: 1, meter: nanoseconds }
    }
}

/// A run that counts.
#[derive(Clone, Debug)]
pub struct Run<T = Outcome> {
    /// By how much the meter grew.
    pub taken: u64,
    /// What came of it.
    pub outcome: T,
}

/// Runs `once` as often as `sampling` says; gives those runs that count.
pub(crate) async fn sample<T, F>(
    sampling: Sampling,
    mut once: impl FnMut() -> F,
) -> Result<Vec<Run<T>>, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    for _ in 0..sampling.warm_up {
        once().await?;
    }
    let mut runs = Vec::with_capacity(sampling.iterations as usize);
    for _ in 0..sampling.iterations {
        let before = (sampling.meter)();
        let outcome = once().await?;
        runs.push(Run { taken: (sampling.meter)() - before, outcome });
    }
    Ok(runs)
}
