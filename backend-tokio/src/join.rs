//! The join handle.

use backstay_core::{JoinError, JoinHandle};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// tokio's join handle, which remembers whether it aborted the task.
///
/// As of tokio's own, a task that polls more than 128 of them in one poll finds the others pending, also those whose tasks
/// have ended: they are ready in its next poll, for which it is woken at once.
#[derive(Debug)]
pub struct TokioJoinHandle<T> {
    native: tokio::task::JoinHandle<T>,
    // tokio has one error for "aborted" and for "the runtime ended".
    aborted: AtomicBool,
}

impl<T> TokioJoinHandle<T> {
    pub(crate) const fn new(native: tokio::task::JoinHandle<T>) -> Self {
        Self { native, aborted: AtomicBool::new(false) }
    }
}

impl<T: Send + 'static> JoinHandle<T> for TokioJoinHandle<T> {
    fn abort(&self) {
        self.aborted.store(true, Ordering::Relaxed);
        self.native.abort();
    }

    fn is_finished(&self) -> bool {
        self.native.is_finished()
    }
}

impl<T> Future for TokioJoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.native).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(value)) => Poll::Ready(Ok(value)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.explain(error))),
        }
    }
}

impl<T> TokioJoinHandle<T> {
    #[cold]
    fn explain(&self, error: tokio::task::JoinError) -> JoinError {
        match error.try_into_panic() {
            Ok(payload) => JoinError::panicked(payload),
            Err(_) if self.aborted.load(Ordering::Relaxed) => JoinError::Aborted,
            Err(_) => JoinError::Shutdown,
        }
    }
}
