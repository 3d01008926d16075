//! The handle of a task of a scope.

use crate::probe;
use crate::runtime::Panic;
use crate::task::cancel_token::Cancelled;
use crate::task::packet::Receipt;
use crate::task::roster::Place;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The handle of a task of a scope: a future of its outcome.
///
/// Dropping it changes nothing: the task belongs to the scope, which waits for it.
///
/// # Errors
///
/// [`ChildError`]. Whoever hears of an outcome finds nothing left of the task's future. The outcome is there whatever
/// wakers do; a panic of the waker that is to be woken with it is the scope's matter: [`OnPanic`](super::OnPanic).
///
/// # Cancel safety
///
/// Awaiting `&mut handle` is cancel safe: the outcome stays until it has been taken. Polled after that, it panics.
pub struct TaskHandle<T, E> {
    receipt: Outcome<T, E>,
    task: Option<(Arc<dyn Enlisting>, Place)>,
}

pub(super) type Outcome<T, E> = Receipt<Result<T, ChildError<E>>>;

/// Where a task is, to who has its handle.
pub(super) trait Enlisting: Send + Sync {
    fn abort(&self, place: Place);
}

/// Why a task of a scope gives no value.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChildError<E> {
    /// It failed, or panicked, and that is its scope's matter: who awaits the scope is told.
    Escalated,
    /// It gave an error, and the scope [isolates](super::OnError::Isolate) its tasks.
    Failed(E),
    /// It panicked, and the scope isolates its tasks and [reports](super::OnPanic::Report) panics.
    Panicked(Panic),
    /// The scope was cancelled, or had ended, before it had: it was cut off, or never ran.
    Cancelled(Cancelled),
    /// It was aborted through its handle.
    Aborted,
    /// The runtime ended first.
    Shutdown,
}

impl<T, E> TaskHandle<T, E> {
    pub(super) fn new(receipt: Outcome<T, E>, task: Option<(Arc<dyn Enlisting>, Place)>) -> Self {
        Self { receipt, task }
    }

    /// Aborts the task. Its siblings go on.
    ///
    /// Awaiting the handle gives [`ChildError::Aborted`] once nothing is left of the task, or what it gave if it was
    /// faster. May be called any number of times.
    pub fn abort(&self) {
        if let Some((scope, place)) = &self.task {
            scope.abort(*place);
        }
    }

    /// Whether the task has ended, so that awaiting the handle would not wait.
    pub fn is_finished(&self) -> bool {
        self.receipt.is_there()
    }
}

impl<T, E> Future for TaskHandle<T, E> {
    type Output = Result<T, ChildError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let poll = self.receipt.poll_take(cx);
        if poll.is_pending() {
            probe::waiting(|| "a task of a scope".to_owned());
        }
        poll
    }
}

// The outcome is not pinned.
impl<T, E> Unpin for TaskHandle<T, E> {}

impl<E: fmt::Display> fmt::Display for ChildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Escalated => f.write_str("the task failed, and its scope with it"),
            Self::Failed(error) => error.fmt(f),
            Self::Panicked(panic) => match panic.message() {
                Some(message) => write!(f, "the task panicked: {message}"),
                None => f.write_str("the task panicked"),
            },
            Self::Cancelled(cancelled) => write!(f, "the task was {cancelled}"),
            Self::Aborted => f.write_str("the task was aborted"),
            Self::Shutdown => f.write_str("the runtime ended before the task"),
        }
    }
}

impl<E: Error + 'static> Error for ChildError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // That of the error, which this one stands for.
            Self::Failed(error) => error.source(),
            Self::Cancelled(cancelled) => Some(cancelled),
            Self::Escalated | Self::Panicked(_) | Self::Aborted | Self::Shutdown => None,
        }
    }
}

impl<T, E> fmt::Debug for TaskHandle<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskHandle").field("is_finished", &self.is_finished()).finish()
    }
}
