//! What the tests share.

use backstay::testing::{Failure, Sim};
use backstay_core::time::Instant;
use std::time::Duration;

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// So many milliseconds after the origin.
pub(crate) const fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

/// Runs it on the simulated runtime; a failure prints the report.
#[track_caller]
pub(crate) fn on_sim<F: Future<Output = ()>>(test: impl Fn(Sim) -> F) {
    passed(Sim::builder().run(test));
}

#[track_caller]
pub(crate) fn passed<T>(outcome: Result<T, Failure>) -> T {
    outcome.unwrap_or_else(|failure| panic!("{failure}"))
}
