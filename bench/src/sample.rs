//! Doing work several times, and reading a meter around each.

use crate::failure::Failure;
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
    /// So many iterations after one warm-up, in nanoseconds.
    pub const fn time(iterations: u32) -> Self {
        Self { iterations, warm_up: 1, meter: nanoseconds }
    }
}

/// Runs `once` as often as `sampling` says; gives what each counted run took.
pub(crate) async fn sample<F>(sampling: Sampling, mut once: impl FnMut() -> F) -> Result<Vec<u64>, Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    for _ in 0..sampling.warm_up {
        once().await?;
    }
    let mut taken = Vec::with_capacity(sampling.iterations as usize);
    for _ in 0..sampling.iterations {
        let before = (sampling.meter)();
        once().await?;
        taken.push((sampling.meter)() - before);
    }
    Ok(taken)
}
