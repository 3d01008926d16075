//! What a job and its handle share: whether it is to be cancelled, and how it ended.

use super::accounts::{Accounts, Ended};
use super::error::JobError;
use crate::primitives::{Mutex, lock};
use crate::runtime::JoinError;
use crate::runtime::backend::{Outcome, quietly};
use crate::task::roster::TaskLabel;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// | job | `number` | `outcome` | left by |
/// |---|---|---|---|
/// | queued | none | none | `begin`, `settle` |
/// | running | its own | none | `settle` |
/// | ended | none | there until it is taken; dropped at once where the handle is gone | – |
pub struct Ticket<T> {
    label: TaskLabel,
    accounts: Arc<Accounts>,
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    number: Option<u64>,
    outcome: Option<Result<T, JobError>>,
    has_ended: bool,
    is_cancelled: bool,
    // Pushed out of the queue.
    is_dropped: bool,
    handle_gone: bool,
    // Of who awaits the handle, and of the worker that polls the job.
    waiter: Option<Waker>,
    worker: Option<Waker>,
}

/// The job's side, whatever its type.
pub(super) trait Control: Send + Sync {
    /// The job is to run; whether it may.
    fn begin(&self, number: u64, blocking: bool) -> bool;

    /// Whether it is to be cancelled; if not, the worker is woken when it is. Once the job has ended, nobody is.
    fn poll_cancelled(&self, cx: &Context<'_>) -> bool;

    /// It has been pushed out of the queue, and is about to be dropped.
    fn push_out(&self);

    fn label(&self) -> &TaskLabel;
}

impl<T> Ticket<T> {
    pub(super) fn new(label: TaskLabel, accounts: Arc<Accounts>) -> Arc<Self> {
        let inner = Inner {
            number: None,
            outcome: None,
            has_ended: false,
            is_cancelled: false,
            is_dropped: false,
            handle_gone: false,
            waiter: None,
            worker: None,
        };
        Arc::new(Self { label, accounts, inner: Mutex::new(inner) })
    }

    /// The job has ended with an outcome, or was dropped without one. Called once; runs no code of the user's that
    /// could panic through it.
    pub(super) fn settle(&self, outcome: Option<Outcome<T>>) {
        let label = self.label.clone();
        let mut inner = lock(&self.inner);
        let (outcome, ended) = match outcome.map(Outcome::into_result) {
            Some(Ok(value)) => (Ok(value), Ended::Finished),
            Some(Err(JoinError::Panicked(panic))) => {
                (Err(JobError::Panicked { label, panic }), Ended::Panicked)
            }
            _ if inner.is_dropped => (Err(JobError::Dropped { label }), Ended::Dropped),
            _ => (Err(JobError::Cancelled { label }), Ended::Cancelled),
        };
        let number = inner.number.take();
        drop(inner);
        // Counted before anybody can know.
        quietly(|| self.accounts.end(number, ended));

        let mut inner = lock(&self.inner);
        inner.has_ended = true;
        let unwanted = if inner.handle_gone {
            Some(outcome)
        } else {
            inner.outcome = Some(outcome);
            None
        };
        let (waiter, worker) = (inner.waiter.take(), inner.worker.take());
        drop(inner);
        if let Some(waiter) = waiter {
            quietly(|| waiter.wake());
        }
        quietly(|| drop(worker));
        quietly(|| drop(unwanted));
    }

    /// The handle's side: how it ended.
    pub(super) fn poll_outcome(&self, cx: &Context<'_>) -> Poll<Option<Result<T, JobError>>> {
        // Wakers are cloned and dropped outside of the lock, whatever is returned.
        let own = cx.waker().clone();
        let mut inner = lock(&self.inner);
        if inner.has_ended {
            return Poll::Ready(inner.outcome.take());
        }
        let old = inner.waiter.replace(own);
        drop(inner);
        drop(old);
        Poll::Pending
    }

    pub(super) fn has_ended(&self) -> bool {
        lock(&self.inner).has_ended
    }

    /// Cancels the job, unless it is a blocking one that runs.
    pub(super) fn cancel(&self) {
        let mut inner = lock(&self.inner);
        inner.is_cancelled = true;
        let worker = inner.worker.take();
        drop(inner);
        if let Some(worker) = worker {
            worker.wake();
        }
    }

    /// Nobody will ask how it ended.
    pub(super) fn forget(&self) {
        let mut inner = lock(&self.inner);
        inner.handle_gone = true;
        let left = (inner.outcome.take(), inner.waiter.take());
        drop(inner);
        drop(left);
    }

    pub(super) const fn job_label(&self) -> &TaskLabel {
        &self.label
    }
}

impl<T: Send> Control for Ticket<T> {
    fn begin(&self, number: u64, blocking: bool) -> bool {
        if lock(&self.inner).is_cancelled || !self.accounts.begin(number, &self.label, blocking) {
            return false;
        }
        lock(&self.inner).number = Some(number);
        true
    }

    fn poll_cancelled(&self, cx: &Context<'_>) -> bool {
        let own = cx.waker().clone();
        let mut inner = lock(&self.inner);
        if inner.is_cancelled {
            return true;
        }
        if inner.has_ended {
            return false;
        }
        let old = inner.worker.replace(own);
        drop(inner);
        drop(old);
        false
    }

    fn push_out(&self) {
        lock(&self.inner).is_dropped = true;
    }

    fn label(&self) -> &TaskLabel {
        &self.label
    }
}

impl<T> fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("label", &self.label).finish_non_exhaustive()
    }
}
