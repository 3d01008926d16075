//! A task, whichever way it was spawned.

use crate::runtime::{JoinError, JoinHandle, Runtime};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The handle of a task of an owner: async or blocking.
pub(super) enum OwnedTask<R: Runtime, T: Send + 'static> {
    Async(R::JoinHandle<T>),
    Blocking(R::BlockingHandle<T>),
}

impl<R: Runtime, T: Send + 'static> OwnedTask<R, T> {
    /// See [`JoinHandle::abort`]. A blocking task that runs goes on.
    pub(super) fn abort(&self) {
        match self {
            Self::Async(task) => task.abort(),
            Self::Blocking(task) => task.abort(),
        }
    }

    /// See [`JoinHandle::is_finished`].
    pub(super) fn is_finished(&self) -> bool {
        match self {
            Self::Async(task) => task.is_finished(),
            Self::Blocking(task) => task.is_finished(),
        }
    }
}

impl<R: Runtime, T: Send + 'static> Future for OwnedTask<R, T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Async(task) => Pin::new(task).poll(cx),
            Self::Blocking(task) => Pin::new(task).poll(cx),
        }
    }
}
