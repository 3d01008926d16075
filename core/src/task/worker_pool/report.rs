//! What a pool tells of itself.

use crate::task::roster::TaskLabel;

/// What a pool has done so far, and what it is at: from [`WorkerPool::stats`](super::WorkerPool::stats).
///
/// Jobs are counted at one moment, so that they add up: each that was submitted has finished, panicked, been cancelled
/// or been dropped, or is running or queued. Workers are counted a moment before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Workers that are there.
    pub workers: usize,
    /// Jobs that wait for a worker, or for a thread that may block.
    pub queued: usize,
    /// Jobs that run, blocking ones included: also those that nobody waits for any more.
    pub running: usize,
    /// Blocking jobs that run.
    pub blocking: usize,
    /// Jobs that were taken on.
    pub submitted: u64,
    /// Jobs that ended by themselves, whatever their value.
    pub finished: u64,
    /// Jobs that panicked.
    pub panicked: u64,
    /// Jobs that were cancelled, before they began or while they ran.
    pub cancelled: u64,
    /// Jobs that the [overflow policy](super::PoolOverflow) has dropped.
    pub dropped: u64,
    /// Jobs that were given back because the queue was full.
    pub rejected: u64,
}

/// What has become of a pool's jobs, from its beginning to its end: from [`WorkerPool::drain`](super::WorkerPool::drain).
///
/// It adds up: each job that was submitted has finished, panicked, been cancelled or been dropped, or still blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolReport {
    /// Jobs that ended by themselves, whatever their value.
    pub finished: u64,
    /// Jobs that panicked.
    pub panicked: u64,
    /// Jobs that were cancelled, before they began or while they ran: also async ones whose workers have not had their
    /// turn since, when the grace was over.
    pub cancelled: u64,
    /// Jobs that the [overflow policy](super::PoolOverflow) has dropped.
    pub dropped: u64,
    /// Jobs that were given back because the queue was full.
    pub rejected: u64,
    /// Blocking jobs that have not ended: they block their threads, and can't be stopped. The pool's parent has them now.
    pub still_blocking: Vec<TaskLabel>,
}
