//! Handles: of a pool, for those who submit, and of a job.

use super::error::{JobError, SubmitError};
use super::job::{IntoJob, Job, JobName, Work};
use super::queue::{JobKey, Refused};
use super::report::PoolStats;
use super::shared::Shared;
use super::submit::{RunFuture, SubmitFuture};
use super::ticket::Ticket;
use crate::probe;
use crate::ready_budget::SharedReadyBudget;
use crate::task::cancel_token::CancelToken;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

// That of a handle's futures.
const READY_BUDGET: u8 = 128;

/// Submits jobs to a [`WorkerPool`](super::WorkerPool); from [`WorkerPool::handle`](super::WorkerPool::handle).
///
/// A clone is for the same pool. Handles keep nothing alive: when the pool is gone, jobs are given back.
///
/// After [`PoolHandle::READY_BUDGET`] jobs that were queued at once, a handle's next future is pending one time, so that
/// a loop that only submits lets its executor have its turn.
pub struct PoolHandle {
    shared: Arc<Shared>,
    token: CancelToken,
    budget: SharedReadyBudget<READY_BUDGET>,
}

impl PoolHandle {
    /// How many submissions of one handle are ready at once in a row before one yields.
    pub const READY_BUDGET: u8 = READY_BUDGET;

    pub(super) const fn new(shared: Arc<Shared>, token: CancelToken) -> Self {
        Self { shared, token, budget: SharedReadyBudget::new() }
    }

    /// As [`WorkerPool::run`](super::WorkerPool::run).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there: dropped, it cancels the job.
    #[track_caller]
    pub fn run<J: IntoJob>(&self, job: J) -> RunFuture<'_, J::Work> {
        RunFuture::new(self.submit(job))
    }

    /// As [`WorkerPool::submit`](super::WorkerPool::submit).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there: dropped, it has submitted nothing.
    #[track_caller]
    pub fn submit<J: IntoJob>(&self, job: J) -> SubmitFuture<'_, J::Work> {
        SubmitFuture::new(self, job.into_job())
    }

    /// As [`WorkerPool::try_submit`](super::WorkerPool::try_submit).
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn try_submit<J: IntoJob>(
        &self,
        job: J,
    ) -> Result<JobHandle<<J::Work as Work>::Output>, SubmitError<J::Work>> {
        let job = job.into_job();
        self.close_if_stopped();
        let admitted = self.shared.lock().try_admit();
        match admitted {
            Ok(()) => Ok(self.push(job)),
            Err(refused) => Err(self.refuse(job, refused)),
        }
    }

    /// The pool takes no new jobs from now on, and works off those that it has.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Whether the pool takes no new jobs.
    pub fn is_closed(&self) -> bool {
        self.close_if_stopped();
        self.shared.lock().queue().is_closed()
    }

    /// What the pool has done, and is at.
    pub fn stats(&self) -> PoolStats {
        let workers = self.shared.lock().alive();
        self.shared.accounts().stats(workers)
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) const fn token(&self) -> &CancelToken {
        &self.token
    }

    pub(super) const fn budget(&self) -> &SharedReadyBudget<READY_BUDGET> {
        &self.budget
    }

    /// Nobody else may have seen it: workers look at the token when they have their turn.
    pub(super) fn close_if_stopped(&self) {
        if self.token.is_cancelled() {
            self.shared.close();
        }
    }

    /// Queues a job that was admitted.
    pub(super) fn push<W: Work>(&self, job: Job<W>) -> JobHandle<W::Output> {
        let ticket = Ticket::new(job.name, Arc::clone(self.shared.accounts()));
        let queued = job.work.queued(Arc::clone(&ticket));
        let key = self.shared.push(job.priority, queued);
        JobHandle { ticket, shared: Arc::clone(&self.shared), key, has_ended: false }
    }

    pub(super) fn refuse<W>(&self, job: Job<W>, refused: Refused) -> SubmitError<W> {
        match refused {
            Refused::Full => {
                self.shared.accounts().reject();
                SubmitError::Full(job)
            }
            Refused::Closed => SubmitError::Closed(job),
        }
    }
}

impl Clone for PoolHandle {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared), self.token.clone())
    }
}

impl fmt::Debug for PoolHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolHandle").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// The handle of a job that was submitted: a future of its outcome.
///
/// The pool owns the job: it goes on when the handle is dropped, and is counted.
///
/// # Errors
///
/// [`JobError`], with the job's name.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` loses nothing: the outcome stays until it has been taken.
///
/// # Panics
///
/// If it is polled again after its end.
#[must_use = "awaiting it gives the job's outcome; `detach` it if nobody wants that"]
pub struct JobHandle<T> {
    ticket: Arc<Ticket<T>>,
    shared: Arc<Shared>,
    key: JobKey,
    has_ended: bool,
}

impl<T> JobHandle<T> {
    /// Cancels the job: one that is queued is removed at once, an async one that runs is dropped by its worker, a
    /// blocking one that runs goes on, and its value is delivered. May be called any number of times.
    #[doc(alias = "cancel")]
    pub fn abort(&self) {
        // Its destructor has run by then; the next in line has its place.
        if !self.shared.remove(self.key) {
            self.ticket.cancel();
        }
    }

    /// Whether the job has ended, so that awaiting the handle would not wait.
    pub fn is_finished(&self) -> bool {
        self.ticket.has_ended()
    }

    /// The job's name.
    pub fn name(&self) -> &JobName {
        self.ticket.job_name()
    }

    /// Lets the job go on without anybody who wants its outcome: `drop`, as a word in the code.
    pub fn detach(self) {
        drop(self);
    }
}

impl<T> Future for JobHandle<T> {
    type Output = Result<T, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.has_ended, "a job's handle was polled again after it gave its outcome");
        let poll = self.ticket.poll_outcome(cx);
        if poll.is_pending() {
            probe::waiting(|| format!("the job `{}`", self.name()));
        }
        let outcome = ready!(poll);
        self.has_ended = true;
        Poll::Ready(outcome.unwrap_or_else(|| Err(JobError::Cancelled { name: self.name().clone() })))
    }
}

impl<T> Drop for JobHandle<T> {
    fn drop(&mut self) {
        self.ticket.forget();
    }
}

impl<T> fmt::Debug for JobHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle")
            .field("name", self.name())
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
