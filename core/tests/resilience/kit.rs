//! What the tests share.

use backstay::testing::{Completed, Failure, Sim};
use backstay_core::Limit;
use backstay_core::resilience::{Event, EventKind, Observer};
use backstay_core::time::Instant;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("not zero")
}

/// What came of it; a failure is reported.
pub(crate) fn passed<T>(outcome: Result<T, Failure>) -> T {
    outcome.unwrap_or_else(|failure| panic!("{failure}"))
}

/// Runs on the simulated runtime.
pub(crate) fn sim<F: Future>(program: impl FnOnce(Sim) -> F) -> Completed<F::Output> {
    passed(Sim::builder().run(program))
}

/// Keeps what it is told, but for the ends of calls.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<(&'static str, EventKind)>>>);

impl Observer for Heard {
    fn on_event(&self, event: &Event) {
        if !matches!(event.kind, EventKind::Completed { .. }) {
            self.0.lock().unwrap().push((event.source, event.kind));
        }
    }
}

impl Heard {
    /// What it was told since it was asked last.
    pub(crate) fn take(&self) -> Vec<(&'static str, EventKind)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
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
