//! How a pool is made: its fields, their defaults and what is refused.

use super::WorkerPool;
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::settings::{Rule, Setting};
use crate::task::parent::Parent;

/// What a pool does with a job for which its queue has no place.
///
/// | | [`submit`](WorkerPool::submit) and [`run`](WorkerPool::run) | [`try_submit`](WorkerPool::try_submit) |
/// |---|---|---|
/// | `Wait` | wait for a place | gives the job back |
/// | `Reject` | give the job back | the same |
/// | `DropOldest`, `DropNewest` | drop a job, the new one where it is the one to go | the same |
///
/// What goes is of the least urgent [`Priority`] there is, the new job's among them; of those, the oldest or the newest.
/// The handle of a job that was dropped gives [`JobError::Dropped`](super::JobError::Dropped). All are counted:
/// [`PoolStats`](super::PoolStats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[doc(alias = "backpressure")]
pub enum PoolOverflow {
    /// The submitter waits; nothing is lost.
    #[default]
    Wait,
    /// The new job is given back: whoever has it can tell its own caller that the service is busy.
    Reject,
    /// The job that has waited for longest is dropped: for work whose worth fades.
    DropOldest,
    /// The job that came last is dropped: for work where who came first is served first, and who comes too late not.
    DropNewest,
}

/// How urgent a job is; among equals, who came first is first.
///
/// A job that is less urgent isn't starved: the first of its level is passed over
/// [`WorkerPool::PATIENCE`] times, then it is next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Priority {
    /// When there is nothing else to do.
    Low,
    /// As most.
    #[default]
    Normal,
    /// Before all others.
    High,
}

/// Makes a [`WorkerPool`]; from [`WorkerPool::builder`].
///
/// | field | default | refused |
/// |---|---|---|
/// | [`workers`](Self::workers) | 4 | 0; more than [`MAX_WORKERS`](Self::MAX_WORKERS) |
/// | [`queue`](Self::queue) | 256 | 0 |
/// | [`overflow`](Self::overflow) | [`PoolOverflow::Wait`] | – |
///
/// It is plain data, and can be in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "does nothing until it is built"]
#[non_exhaustive]
pub struct WorkerPoolBuilder {
    /// How many jobs run at once.
    pub workers: usize,
    /// How many may wait.
    pub queue: usize,
    /// What becomes of a job for which there is no place.
    pub overflow: PoolOverflow,
}

const WORKERS: Rule<usize> = Rule {
    reason: "must be at least 1 and at most 65,536",
    holds: |workers| (1..=WorkerPoolBuilder::MAX_WORKERS).contains(workers),
};

crate::settings_of_its_own!(PoolOverflow);

crate::settings! {
    WorkerPoolBuilder from Self::new();
    workers: WORKERS,
    queue: Rule::<usize>::NOT_ZERO,
    overflow,
}

impl Default for WorkerPoolBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl WorkerPoolBuilder {
    /// More workers than this are refused: each is a task.
    pub const MAX_WORKERS: usize = 1 << 16;

    pub(super) const fn new() -> Self {
        Self { workers: 4, queue: 256, overflow: PoolOverflow::Wait }
    }

    /// How many jobs run at once, async and blocking ones together.
    #[doc(alias = "concurrency")]
    pub const fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// How many jobs may wait for a worker.
    #[doc(alias = "capacity")]
    pub const fn queue(mut self, queue: usize) -> Self {
        self.queue = queue;
        self
    }

    /// What becomes of a job for which there is no place.
    pub const fn overflow(mut self, overflow: PoolOverflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Starts the workers, under a parent: a scope, a shutdown, or just a runtime.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`], which names the field; nothing has been started.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{task::WorkerPool, testing::Sim};
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let error = WorkerPool::builder().queue(0).build(&rt).unwrap_err();
    ///     assert_eq!(error.to_string(), "invalid `queue` = 0: must be at least 1");
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    #[track_caller]
    pub fn build<P: Parent>(self, parent: &P) -> Result<WorkerPool<P::Runtime>, ConfigError> {
        self.validate()?;
        let queue = Limit::new(self.queue)?;
        Ok(WorkerPool::start(parent, self.workers, queue, self.overflow))
    }

    /// Whether it makes sense: what [`build`](Self::build) checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`], which names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()
    }

    pub(super) fn checked_workers(workers: usize) -> Result<usize, ConfigError> {
        workers.check("workers", &WORKERS).map(|()| workers)
    }
}
