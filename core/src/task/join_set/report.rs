//! How the tasks of a set have ended.

use crate::runtime::{JoinError, Panic};

/// What [`JoinSet::drain`](super::JoinSet::drain) tells: each task is in one of these lists, with its key.
#[derive(Debug)]
#[non_exhaustive]
pub struct JoinReport<K, T> {
    /// Those that ran to their end, with what they gave, in the order in which they ended.
    pub finished: Vec<(K, T)>,
    /// Those that were aborted.
    pub aborted: Vec<K>,
    /// Those that panicked.
    pub panicked: Vec<(K, Panic)>,
    /// Those whose runtime ended first.
    pub lost: Vec<K>,
    /// Blocking tasks that still run, or that were aborted while they waited for a thread, which those may have: they are
    /// still in the set.
    pub still_blocking: Vec<K>,
}

impl<K, T> JoinReport<K, T> {
    pub(super) fn new(
        ended: impl Iterator<Item = (K, Result<T, JoinError>)>,
        still_blocking: impl Iterator<Item = K>,
    ) -> Self {
        let still_blocking = still_blocking.collect();
        let mut report = Self {
            finished: Vec::new(),
            aborted: Vec::new(),
            panicked: Vec::new(),
            lost: Vec::new(),
            still_blocking,
        };
        for (key, outcome) in ended {
            match outcome {
                Ok(value) => report.finished.push((key, value)),
                Err(JoinError::Aborted) => report.aborted.push(key),
                Err(JoinError::Panicked(panic)) => report.panicked.push((key, panic)),
                Err(JoinError::Shutdown) => report.lost.push(key),
            }
        }
        report
    }
}
