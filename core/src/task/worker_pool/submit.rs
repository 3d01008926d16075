//! A job on its way into the queue, and to its end.

use super::error::JobError;
use super::handle::PoolHandle;
use super::job::{IntoJob, Job, Work};
use super::job_handle::JobHandle;
use super::queue::Refused;
use super::submit_error::SubmitError;
use crate::channel::places::Turn;
use crate::probe;
use crate::sync::own_waker::poll_locked;
use crate::task::cancel_token::CancelledFuture;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

impl PoolHandle {
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
}

/// The future of [`WorkerPool::submit`](super::WorkerPool::submit).
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct SubmitFuture<'a, W> {
    pool: &'a PoolHandle,
    // There until this is ready.
    job: Option<Job<W>>,
    turn: Turn,
    // While it waits for a place: the pool may be told to stop while all its workers are busy.
    stop: Option<CancelledFuture<'a>>,
}

// The job is moved, never pinned.
impl<W> Unpin for SubmitFuture<'_, W> {}

impl<'a, W> SubmitFuture<'a, W> {
    pub(super) fn new(pool: &'a PoolHandle, job: Job<W>) -> Self {
        Self { pool, job: Some(job), turn: Turn::default(), stop: None }
    }

    /// The job, if it has not been submitted; it is not submitted then.
    pub fn into_job(mut self) -> Option<Job<W>> {
        self.job.take()
    }

    fn poll_admit(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        let pool = self.pool;
        if self.turn.is_new() {
            ready!(pool.budget().poll_proceed(cx));
        }
        pool.close_if_stopped();
        let poll = poll_locked(cx, |own| pool.shared().lock().poll_admit(&mut self.turn, own));
        if poll.is_ready() {
            pool.budget().spend();
            return poll;
        }
        pool.budget().refill();
        let stop = self.stop.get_or_insert_with(|| pool.token().cancelled());
        if Pin::new(stop).poll(cx).is_ready() {
            // Everybody in the line is refused, this one at its next poll.
            pool.shared().close();
            cx.waker().wake_by_ref();
        }
        probe::waiting(|| {
            let state = pool.shared().lock();
            let (queued, bound, waiting) =
                (state.queue().len(), state.queue().bound(), state.queue().waiting());
            drop(state);
            format!("a place in a worker pool's queue, {queued}/{bound} taken, {waiting} waiting")
        });
        Poll::Pending
    }
}

impl<W: Work> Future for SubmitFuture<'_, W> {
    type Output = Result<JobHandle<W::Output>, SubmitError<W>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        assert!(this.job.is_some(), "a submission was polled again after it gave its outcome");
        let admitted = ready!(this.poll_admit(cx));
        this.stop = None;
        let Some(job) = this.job.take() else { unreachable!("it is there, as asserted") };
        Poll::Ready(match admitted {
            Ok(()) => Ok(this.pool.push(job)),
            Err(refused) => Err(this.pool.refuse(job, refused)),
        })
    }
}

impl<W> Drop for SubmitFuture<'_, W> {
    fn drop(&mut self) {
        self.pool.shared().leave(&mut self.turn);
    }
}

impl<W> fmt::Debug for SubmitFuture<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmitFuture").field("job", &self.job).finish_non_exhaustive()
    }
}

/// The future of [`WorkerPool::run`](super::WorkerPool::run). Dropped, it cancels its job.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct RunFuture<'a, W: Work> {
    submit: SubmitFuture<'a, W>,
    // Once it is submitted, until it has ended.
    job: Option<JobHandle<W::Output>>,
    // A refused job is back in `submit`, and would be submitted again.
    is_over: bool,
}

impl<'a, W: Work> RunFuture<'a, W> {
    pub(super) const fn new(submit: SubmitFuture<'a, W>) -> Self {
        Self { submit, job: None, is_over: false }
    }

    /// The job, if the pool has not taken it on, or has refused it: await the future by `&mut`, and take it out then.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{task::{JobError, WorkerPool}, testing::Sim};
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let pool = WorkerPool::builder().build(&rt).unwrap();
    ///     pool.handle().close();
    ///     let mut run = pool.run(async { 42 });
    ///     assert!(matches!((&mut run).await, Err(JobError::Closed { .. })));
    ///     let job = run.into_job().unwrap();
    ///     assert_eq!(job.into_inner().await, 42);
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    pub fn into_job(mut self) -> Option<Job<W>> {
        self.submit.job.take()
    }
}

impl<W: Work> Future for RunFuture<'_, W> {
    type Output = Result<W::Output, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        assert!(!this.is_over, "a run of a job was polled again after it gave its outcome");
        if this.job.is_none() {
            match ready!(Pin::new(&mut this.submit).poll(cx)) {
                Ok(job) => this.job = Some(job),
                Err(refused) => {
                    this.is_over = true;
                    let is_full = refused.is_full();
                    let job = this.submit.job.insert(refused.into_job());
                    let label = job.label().clone();
                    return Poll::Ready(Err(match is_full {
                        true => JobError::Rejected { label },
                        false => JobError::Closed { label },
                    }));
                }
            }
        }
        let Some(job) = &mut this.job else { unreachable!("it was submitted above, or before") };
        let outcome = ready!(Pin::new(job).poll(cx));
        this.is_over = true;
        this.job = None;
        Poll::Ready(outcome)
    }
}

impl<W: Work> Drop for RunFuture<'_, W> {
    fn drop(&mut self) {
        if let Some(job) = &self.job {
            job.abort();
        }
    }
}

impl<W: Work> fmt::Debug for RunFuture<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunFuture").field("submit", &self.submit).field("job", &self.job).finish()
    }
}
