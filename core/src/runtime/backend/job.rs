//! A blocking job that can be kept from running while it is queued, and not after.

use super::abortable::{Abortable, NativeTask};
use super::contained::{Outcome, quietly};
use crate::primitives::{Arc, AtomicU8, Ordering};
use crate::runtime::{JoinError, JoinHandle};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

const QUEUED: u8 = 0;
const STARTED: u8 = 1;
const ABORTED: u8 = 2;

/// Decides, once, whether the job or its abort came first.
#[derive(Debug)]
struct Gate(AtomicU8);

impl Gate {
    fn pass(&self, to: u8) -> bool {
        self.0.compare_exchange(QUEUED, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// A blocking job, half of it for the pool and half for the handle: made by [`Job::new`].
#[derive(Debug)]
pub struct Job<F> {
    // `None` once it runs.
    f: Option<F>,
    gate: Arc<Gate>,
}

impl<F> Job<F> {
    /// A job and what [`AbortableJob::new`] needs to abort it. Allocates once.
    pub fn new(f: F) -> (Self, JobGate) {
        let gate = Arc::new(Gate(AtomicU8::new(QUEUED)));
        (Self { f: Some(f), gate: Arc::clone(&gate) }, JobGate(gate))
    }

    /// Runs it on the pool's thread, unless it was aborted first. Its panics end in the outcome.
    pub fn run<T>(mut self) -> Outcome<T>
    where
        F: FnOnce() -> T,
    {
        Outcome::new(match self.f.take_if(|_| self.gate.pass(STARTED)) {
            Some(f) => catch_unwind(AssertUnwindSafe(f)).map_err(JoinError::panicked),
            None => Err(JoinError::Aborted),
        })
    }
}

impl<F> Drop for Job<F> {
    fn drop(&mut self) {
        // As with a contained future: what a job that never ran holds is dropped where nobody could be told.
        if let Some(f) = self.f.take() {
            quietly(|| drop(f));
        }
    }
}

/// The handle's half of a [`Job`].
#[derive(Debug)]
pub struct JobGate(Arc<Gate>);

/// [`JoinHandle`] of a [`Job`]: as [`Abortable`], but a job that has started can't be aborted, and delivers.
#[derive(Debug)]
pub struct AbortableJob<N: NativeTask> {
    task: Abortable<N>,
    // `None` if the job could not be queued.
    gate: Option<Arc<Gate>>,
}

impl<N: NativeTask> AbortableJob<N> {
    /// A handle for the native task that runs the job.
    pub fn new(task: N, gate: JobGate) -> Self {
        Self { task: Abortable::new(task), gate: Some(gate.0) }
    }

    /// A handle for a job that could not be queued.
    pub fn failed(error: JoinError) -> Self {
        Self { task: Abortable::failed(error), gate: None }
    }
}

impl<N: NativeTask> JoinHandle<N::Output> for AbortableJob<N> {
    fn abort(&self) {
        if self.gate.as_ref().is_some_and(|gate| gate.pass(ABORTED)) {
            self.task.abort();
        }
    }

    fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl<N: NativeTask> Future for AbortableJob<N> {
    type Output = Result<N::Output, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task).poll(cx)
    }
}
