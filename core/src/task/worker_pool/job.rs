//! A job before it is queued: what it does, its name, how urgent it is.

use super::config::Priority;
use super::queued::{AsyncJob, BlockingJob, Queued};
use super::ticket::Ticket;
use crate::task::roster::TaskLabel;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// Work for a [`WorkerPool`](super::WorkerPool), with a name and a priority. A future without either needs no `Job`.
///
/// # Examples
///
/// ```
/// use backstay_core::task::{Job, Priority};
///
/// let sum = Job::blocking(|| (1..=1_000_000_u64).sum::<u64>()).named("sum").priority(Priority::Low);
/// assert_eq!(sum.label().name(), Some("sum"));
/// let sum = sum.into_inner(); // as it comes back from a pool that has no place for it
/// assert_eq!(sum(), 500_000_500_000);
/// ```
#[must_use = "does nothing until a pool runs it"]
pub struct Job<W> {
    pub(super) work: W,
    pub(super) label: TaskLabel,
    pub(super) priority: Priority,
}

impl<F> Job<AsyncWork<F>> {
    /// A future. It is polled by a worker, and dropped where it is cancelled.
    #[track_caller]
    pub const fn new(future: F) -> Self {
        Self {
            work: AsyncWork(future),
            label: TaskLabel::new(None, Location::caller()),
            priority: Priority::Normal,
        }
    }

    /// The future.
    pub fn into_inner(self) -> F {
        self.work.0
    }
}

impl<F> Job<BlockingWork<F>> {
    /// A function that blocks: it runs on a thread that may, and to its end once it has begun.
    #[track_caller]
    pub const fn blocking(function: F) -> Self {
        Self {
            work: BlockingWork(function),
            label: TaskLabel::new(None, Location::caller()),
            priority: Priority::Normal,
        }
    }

    /// The function.
    pub fn into_inner(self) -> F {
        self.work.0
    }
}

impl<W> Job<W> {
    /// With this name, for errors and reports; by default it is where the job was made.
    ///
    /// Who makes many of the same name keeps an `Arc<str>`, and gives a clone to each.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.label = TaskLabel::new(Some(name.into()), self.label.location());
        self
    }

    /// As urgent as this; [`Priority::Normal`] by default.
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// What it is called.
    pub const fn label(&self) -> &TaskLabel {
        &self.label
    }
}

impl<W> fmt::Debug for Job<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("label", &self.label)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

/// A future as the work of a [`Job`].
#[derive(Debug)]
pub struct AsyncWork<F>(F);

/// A blocking function as the work of a [`Job`].
#[derive(Debug)]
pub struct BlockingWork<F>(F);

/// What a pool takes: a future, or a [`Job`].
pub trait IntoJob {
    /// What the job does.
    type Work: Work;

    /// The job.
    fn into_job(self) -> Job<Self::Work>;
}

impl<W: Work> IntoJob for Job<W> {
    type Work = W;

    fn into_job(self) -> Self {
        self
    }
}

impl<F> IntoJob for F
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    type Work = AsyncWork<F>;

    #[track_caller]
    fn into_job(self) -> Job<AsyncWork<F>> {
        Job::new(self)
    }
}

/// Work of a [`Job`]: async or blocking. It is sealed: these are all there are.
pub trait Work: sealed::Work<Value = <Self as Work>::Output> {
    /// What it gives.
    type Output: Send + 'static;
}

impl<F> Work for AsyncWork<F>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    type Output = F::Output;
}

impl<F, T> Work for BlockingWork<F>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;
}

pub(super) mod sealed {
    use super::{Queued, Ticket};
    use std::sync::Arc;

    pub trait Work: Send + 'static {
        type Value;

        fn queued(self, ticket: Arc<Ticket<Self::Value>>) -> Queued;
    }
}

impl<F> sealed::Work for AsyncWork<F>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    type Value = F::Output;

    fn queued(self, ticket: Arc<Ticket<F::Output>>) -> Queued {
        AsyncJob::queued(self.0, ticket)
    }
}

impl<F, T> sealed::Work for BlockingWork<F>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Value = T;

    fn queued(self, ticket: Arc<Ticket<T>>) -> Queued {
        BlockingJob::queued(self.0, ticket)
    }
}
