//! So many jobs at once, and a queue with a limit before them (recipe 5.5).

mod accounts;
mod config;
mod error;
mod handle;
mod job;
mod job_handle;
mod queue;
mod queued;
mod report;
mod shared;
mod state;
mod submit;
mod submit_error;
mod ticket;
mod worker;

pub use config::{PoolOverflow, Priority, WorkerPoolBuilder};
pub use error::JobError;
pub use handle::PoolHandle;
pub use job::{AsyncWork, BlockingWork, IntoJob, Job, Work};
pub use job_handle::JobHandle;
pub use report::{PoolReport, PoolStats};
pub use submit::{RunFuture, SubmitFuture};
pub use submit_error::SubmitError;

use super::cancel_token::{CancelReason, CancelToken};
use super::join_set::{JoinSet, TaskId};
use super::parent::{Guardian, Parent};
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::runtime::Runtime;
use shared::Shared;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;
use worker::Worker;

/// Workers that run jobs, async ones and blocking ones, at most so many at once, from a queue with a limit.
///
/// A job's outcome goes to whoever [runs](Self::run) it or has its [handle](JobHandle). A job that panics is an error
/// with its name, and its worker goes on with the next.
///
/// For work whose amount must be bounded, in number and in backlog, with one place where it is seen and stopped. For a
/// few tasks that one place starts and collects, a [`JoinSet`] is less; for a limit alone, a
/// [`Semaphore`](crate::sync::Semaphore).
///
/// # Order and fairness
///
/// The most urgent [`Priority`] first; among equals, in the order in which they were submitted. The first job of a level
/// is passed over [`PATIENCE`](Self::PATIENCE) times at most, and once more for each level between that has waited as
/// long: so nothing starves. Those who wait for a place in the queue get one in the order in which they came, however
/// urgent their job is. Async and blocking jobs are in one queue, and a worker runs one of them at a time.
///
/// # Its end
///
/// | what happens | new jobs | queued jobs | running async jobs | running blocking jobs |
/// |---|---|---|---|---|
/// | [`close`](PoolHandle::close), or its token is cancelled, with the parent's | given back | run | run on | run on |
/// | [`drain`](Self::drain), until its token is cancelled | given back | run | run on | run on |
/// | then | given back | cancelled | are dropped | run on for the grace; then the report names them, and the parent has them |
/// | the pool is dropped | given back | cancelled | are dropped | run on, and the parent awaits them |
///
/// # Cost
///
/// Two allocations a job, for its outcome and for itself, and a place in a tree. Blocking jobs that wait in the queue
/// run one after the other on a thread that one of them was given: the runtime is asked for a thread once for many.
///
/// # Examples
///
/// ```
/// use backstay::{Runtime, task::{Job, WorkerPool}, testing::Sim};
/// use std::time::Duration;
///
/// Sim::builder().run(|rt| async move {
///     let pool = WorkerPool::builder().workers(2).queue(16).build(&rt).unwrap();
///     let sum = pool.run(Job::blocking(|| (1..=10).sum::<u32>())).await.unwrap();
///     assert_eq!(sum, 55);
///
///     let slow = pool.submit({
///         let rt = rt.clone();
///         async move { rt.sleep(Duration::from_secs(1)).await; "done" }
///     }).await.unwrap();
///     let error = pool.run(Job::new(async { panic!("no such page") }).named("crawl")).await.unwrap_err();
///     assert_eq!(error.to_string(), "the job `crawl` panicked: no such page");
///     assert_eq!(slow.await.unwrap(), "done");
///
///     let no_later_than = pool.token().child_with_deadline(&rt, rt.now() + Duration::from_secs(10));
///     let report = pool.drain(&no_later_than, Duration::from_secs(1)).await;
///     assert_eq!((report.finished, report.panicked), (2, 1));
/// })?;
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
#[doc(alias = "ThreadPool")]
#[doc(alias = "TaskPool")]
#[must_use = "its jobs are cancelled when it is dropped"]
pub struct WorkerPool<R: Runtime> {
    rt: R,
    handle: PoolHandle,
    workers: JoinSet<R, TaskId, ()>,
    guardian: Guardian,
    at: &'static Location<'static>,
}

impl WorkerPool<crate::AnyRuntime> {
    /// How often the first job of a level is passed over before it is its turn.
    pub const PATIENCE: u32 = queue::PATIENCE;

    /// Makes a pool: 4 workers, 256 places in the queue, submitters wait.
    pub const fn builder() -> WorkerPoolBuilder {
        WorkerPoolBuilder::new()
    }
}

impl<R: Runtime> WorkerPool<R> {
    #[track_caller]
    fn start(
        parent: &impl Parent<Runtime = R>,
        workers: usize,
        queue: Limit,
        overflow: PoolOverflow,
    ) -> Self {
        let set = JoinSet::new(parent);
        let handle = PoolHandle::new(Shared::new(queue, overflow), set.token().clone());
        let (rt, guardian) = (parent.runtime().clone(), parent.guardian());
        let mut pool = Self { rt, handle, workers: set, guardian, at: Location::caller() };
        pool.hire(workers);
        pool
    }

    /// Runs a job: a future, or a [`Job`]. It is submitted as with [`submit`](Self::submit), and waited for.
    ///
    /// # Errors
    ///
    /// A [`JobError`], with the job's name: what has become of the job, or that it was not taken on; the future has it
    /// then, [to be had back](RunFuture::into_job).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it cancels the job: one that is queued is removed, an async one that runs is dropped by its worker, and
    /// a blocking one that runs goes on to its end, and is counted. A job that should go on is
    /// [submitted](Self::submit).
    ///
    /// # Panics
    ///
    /// The future, if it is polled again after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{Runtime, task::WorkerPool, testing::Sim};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let pool = WorkerPool::builder().workers(1).build(&rt).unwrap();
    ///     let stuck = pool.run(std::future::pending::<()>());
    ///     assert!(rt.timeout(Duration::from_secs(1), stuck).await.is_err());
    ///     assert_eq!(pool.run(async { 42 }).await.unwrap(), 42); // the worker is free again
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    #[track_caller]
    pub fn run<J: IntoJob>(&self, job: J) -> RunFuture<'_, J::Work> {
        self.handle.run(job)
    }

    /// Submits a job, waiting for a place in the queue if the [policy](PoolOverflow) is to wait.
    ///
    /// It waits in line with the others, from its first poll. When it is ready the job is in the queue, and goes on
    /// whatever becomes of the handle.
    ///
    /// # Errors
    ///
    /// [`SubmitError`] with the job: the queue is full, or the pool is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has submitted nothing, and the job is dropped with it, unless it is taken
    /// [out](SubmitFuture::into_job).
    ///
    /// # Panics
    ///
    /// The future, if it is polled again after its end.
    #[track_caller]
    pub fn submit<J: IntoJob>(&self, job: J) -> SubmitFuture<'_, J::Work> {
        self.handle.submit(job)
    }

    /// Submits a job if that needs no waiting.
    ///
    /// # Errors
    ///
    /// [`SubmitError`] with the job: the queue is full, or somebody waits for its places; or the pool is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::task::{Job, PoolOverflow, SubmitError, WorkerPool};
    /// use backstay::testing::Sim;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let pool = WorkerPool::builder().workers(1).queue(1).overflow(PoolOverflow::Reject).build(&rt).unwrap();
    ///     let first = pool.try_submit(async { 1 }).unwrap(); // no worker has had its turn yet
    ///     match pool.try_submit(Job::new(async { 2 }).named("second")) {
    ///         Err(SubmitError::Full(job)) => assert_eq!(job.label().name(), Some("second")),
    ///         other => panic!("{other:?}"),
    ///     }
    ///     assert_eq!(first.await.unwrap(), 1);
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    #[track_caller]
    pub fn try_submit<J: IntoJob>(
        &self,
        job: J,
    ) -> Result<JobHandle<<J::Work as Work>::Output>, SubmitError<J::Work>> {
        self.handle.try_submit(job)
    }

    /// A handle, for tasks that submit jobs; it keeps nothing alive.
    pub const fn handle(&self) -> &PoolHandle {
        &self.handle
    }

    /// The pool's token, below that of its parent. Cancelled, the pool takes no new jobs and works off its queue; a job
    /// that is to be told takes it, or a child of it: a blocking job can't be stopped otherwise.
    ///
    /// The pool cancels it itself when the rest of a [`drain`](Self::drain) is cancelled, with the reason of the token
    /// given to that, and when the pool is dropped or has been drained, with [`CancelReason::GuardDropped`].
    pub const fn token(&self) -> &CancelToken {
        self.workers.token()
    }

    /// What the pool has done, and is at.
    pub fn stats(&self) -> PoolStats {
        self.handle.stats()
    }

    /// So many workers from now on. If they are fewer, those that are too many end when they have run their job.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`], of the field `workers`: none, or more than
    /// [`MAX_WORKERS`](WorkerPoolBuilder::MAX_WORKERS). Nothing has changed.
    pub fn resize(&mut self, workers: usize) -> Result<(), ConfigError> {
        let workers = WorkerPoolBuilder::checked_workers(workers)?;
        // Those that have ended since the last time.
        while self.workers.try_join_next().is_some() {}
        self.hire(workers);
        Ok(())
    }

    /// Ends the pool: takes no new jobs and runs those that are queued, until all have ended or `until` is cancelled,
    /// a token with a deadline for one. Then it cancels the rest and the pool's [token](Self::token), gives them `grace`
    /// to end, and reports.
    ///
    /// A token that is cancelled already cancels at once. Async jobs that are cancelled are dropped when their worker
    /// has its next turn; blocking ones that run can't be, but may look at the pool's token. What has not
    /// ended by then is in [`still_blocking`](PoolReport::still_blocking), and is left to the parent. So this ends when
    /// the token is cancelled and the grace is over, at the latest.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the pool.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{Runtime, task::{CancelToken, WorkerPool}, testing::Sim};
    /// use std::{future::pending, time::Duration};
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let pool = WorkerPool::builder().workers(1).build(&rt).unwrap();
    ///     let done = pool.submit(async { 1 }).await.unwrap();
    ///     let stuck = pool.submit(pending::<()>()).await.unwrap();
    ///     let behind = pool.submit(async { 2 }).await.unwrap();
    ///     let until = CancelToken::with_deadline(&rt, rt.now() + Duration::from_secs(1));
    ///     let report = pool.drain(&until, Duration::from_secs(1)).await;
    ///     assert_eq!((report.finished, report.cancelled), (1, 2));
    ///     assert!(done.await.is_ok() && stuck.await.is_err() && behind.await.is_err());
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    #[doc(alias = "shutdown")]
    #[doc(alias = "join")]
    pub async fn drain(mut self, until: &CancelToken, grace: Duration) -> PoolReport {
        self.handle.close();
        if let Err(stopped) = until.run(self.ended()).await {
            self.handle.shared().abandon();
            self.workers.abort_all();
            // Blocking jobs that look at it can end within the grace.
            self.workers.token().cancel_with(stopped.into_reason());
            let rt = self.rt.clone();
            // What is left then is in the report.
            let _ = rt.timeout(grace, self.ended()).await;
        }
        self.handle.shared().accounts().report()
    }

    async fn ended(&mut self) {
        while self.workers.join_next().await.is_some() {}
        Arc::clone(self.handle.shared().accounts()).quiet().await;
    }

    fn hire(&mut self, workers: usize) {
        for _ in 0..self.handle.shared().set_wanted(workers) {
            let worker = Worker::new(self.handle.shared());
            let (rt, token) = (self.rt.clone(), self.workers.token().clone());
            self.workers.spawn(worker.work(rt, token, self.at));
        }
    }
}

impl<R: Runtime> Drop for WorkerPool<R> {
    fn drop(&mut self) {
        let blocking = self.handle.shared().abandon();
        // The workers are aborted by their set, which hands them over too.
        if blocking > 0 {
            let quiet = Arc::clone(self.handle.shared().accounts()).quiet();
            self.guardian.take_over(blocking, quiet);
        }
        self.workers.token().cancel_with(CancelReason::GuardDropped);
    }
}

impl<R: Runtime> fmt::Debug for WorkerPool<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerPool").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
