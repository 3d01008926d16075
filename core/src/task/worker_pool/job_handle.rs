//! The handle of a job.

use super::error::JobError;
use super::queue::JobKey;
use super::shared::Shared;
use super::ticket::Ticket;
use crate::probe;
use crate::task::roster::TaskLabel;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The handle of a job that was submitted: a future of its outcome.
///
/// The pool owns the job: it goes on when the handle is dropped, and is counted.
///
/// # Errors
///
/// [`JobError`], which says which job.
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
    pub(super) const fn new(ticket: Arc<Ticket<T>>, shared: Arc<Shared>, key: JobKey) -> Self {
        Self { ticket, shared, key, has_ended: false }
    }

    /// Cancels the job: one that is queued is removed at once, an async one that runs, or a blocking one that waits for
    /// its thread, is dropped when its worker has its next turn; a blocking one that runs goes on, and its value is
    /// delivered. May be called any number of times.
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

    /// What the job is called.
    pub fn label(&self) -> &TaskLabel {
        self.ticket.job_label()
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
            probe::waiting(|| format!("the job `{}`", self.label().bare()));
        }
        let outcome = ready!(poll);
        self.has_ended = true;
        Poll::Ready(outcome.unwrap_or_else(|| Err(JobError::Cancelled { label: self.label().clone() })))
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
            .field("label", self.label())
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
