//! The handle of a pool, for those who submit.

use super::job::{IntoJob, Job, Work};
use super::job_handle::JobHandle;
use super::queue::Refused;
use super::report::PoolStats;
use super::shared::Shared;
use super::submit_error::SubmitError;
use super::ticket::Ticket;
use crate::ready_budget::SharedReadyBudget;
use crate::task::cancel_token::CancelToken;
use std::fmt;
use std::sync::Arc;

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
        let ticket = Ticket::new(job.label, Arc::clone(self.shared.accounts()));
        let queued = job.work.queued(Arc::clone(&ticket));
        let key = self.shared.push(job.priority, queued);
        JobHandle::new(ticket, Arc::clone(&self.shared), key)
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
