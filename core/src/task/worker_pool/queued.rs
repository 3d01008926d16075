//! A job in the queue, whatever its type. Dropped before it has ended, it tells its ticket.

use super::ticket::{Control, Ticket};
use crate::runtime::JoinError;
use crate::runtime::backend::{Delivered, Outcome, quietly};
use crate::span;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

/// What waits in the queue for a worker.
pub struct Queued {
    pub(super) control: Arc<dyn Control>,
    pub(super) work: QueuedWork,
}

pub(super) enum QueuedWork {
    Async(Pin<Box<dyn Future<Output = ()> + Send>>),
    Blocking(Box<dyn Run>),
}

impl Queued {
    pub(super) const fn is_blocking(&self) -> bool {
        matches!(self.work, QueuedWork::Blocking(_))
    }

    /// Drops it: the overflow policy wants it to go.
    pub(super) fn push_out(self) {
        self.control.push_out();
    }
}

impl fmt::Debug for Queued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queued").field("label", self.control.label()).finish_non_exhaustive()
    }
}

/// A blocking job.
pub(super) trait Run: Send {
    /// Runs it, unless it may not; its panics end in its outcome.
    fn run(self: Box<Self>, number: u64);
}

/// A future as a job.
pub(super) struct AsyncJob;

impl AsyncJob {
    pub(super) fn queued<F>(future: F, ticket: Arc<Ticket<F::Output>>) -> Queued
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let control = Arc::<Ticket<F::Output>>::clone(&ticket);
        let future =
            Delivered::new(span::job(control.label(), future), move |outcome| ticket.settle(outcome));
        Queued { control, work: QueuedWork::Async(Box::pin(future)) }
    }
}

/// A blocking function as a job.
pub(super) struct BlockingJob<F, T> {
    // `None` once it runs.
    function: Option<F>,
    ticket: Arc<Ticket<T>>,
}

impl<F, T> BlockingJob<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    pub(super) fn queued(function: F, ticket: Arc<Ticket<T>>) -> Queued {
        let control = Arc::<Ticket<T>>::clone(&ticket);
        let function = span::blocking_job(control.label(), function);
        let job = BlockingJob { function: Some(function), ticket };
        Queued { control, work: QueuedWork::Blocking(Box::new(job)) }
    }
}

impl<F, T> Run for BlockingJob<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn run(mut self: Box<Self>, number: u64) {
        if !self.ticket.begin(number, true) {
            return;
        }
        if let Some(function) = self.function.take() {
            let outcome = catch_unwind(AssertUnwindSafe(function)).map_err(JoinError::panicked);
            self.ticket.settle(Some(Outcome::new(outcome)));
        }
    }
}

impl<F, T> Drop for BlockingJob<F, T> {
    fn drop(&mut self) {
        if let Some(function) = self.function.take() {
            quietly(|| drop(function));
            self.ticket.settle(None);
        }
    }
}
