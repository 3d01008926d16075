//! What a supervisor has done, when it has ended.

use crate::task::cancel_token::CancelReason;
use std::sync::Arc;

/// What a [`Supervisor`](super::Supervisor) has done.
///
/// Each start has come to an end: `starts` is the sum of `finished`, `failed`, `panicked`, `aborted` and `lost`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SupervisorReport {
    /// Why it has ended.
    pub end: SupervisorEnd,
    /// How many times a child was started.
    pub starts: u64,
    /// How many failures led to a restart.
    pub restarts: u64,
    /// How many runs gave `Ok`.
    pub finished: u64,
    /// How many gave an error.
    pub failed: u64,
    /// How many panicked.
    pub panicked: u64,
    /// How many were aborted.
    pub aborted: u64,
    /// How many had their runtime end first.
    pub lost: u64,
    /// The children whose tasks did not end within their limit, and were aborted; one that did so twice is there twice.
    /// No more than the latest 64.
    pub overdue: Vec<Arc<str>>,
    /// How many there were of them in all.
    pub overdue_total: u64,
    /// The children that were never started, because the supervisor had to stop before.
    pub never_started: Vec<Arc<str>>,
}

/// Why a supervisor has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SupervisorEnd {
    /// Its parent's token was cancelled.
    Cancelled(CancelReason),
    /// Its handle was told to [`stop`](super::SupervisorHandle::stop) it.
    Stopped,
    /// This significant child has ended by itself.
    Significant(Arc<str>),
    /// There were too many restarts.
    GaveUp,
}
