//! The threads of blocking jobs.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Duration;

/// The threads that blocking jobs run on, in virtual time.
///
/// A job that gets a thread holds it for its cost, then runs; a job that gets none waits for one.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) threads: usize,
    pub(crate) busy: usize,
    // By the number of the task, so that who has waited longest is the first.
    pub(crate) waiting: BTreeMap<u64, Waker>,
    /// What a job costs that is spawned from here on.
    pub(crate) cost: Duration,
}

impl Pool {
    pub(crate) const fn new(threads: usize, cost: Duration) -> Self {
        Self { threads, busy: 0, waiting: BTreeMap::new(), cost }
    }
}
