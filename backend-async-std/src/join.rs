//! The join handles.

use async_std::task::JoinHandle;
use backstay_core::runtime::backend::{Abortable, AbortableJob, CancelTask, NativeTask, Outcome};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The handle of a task.
pub type AsyncStdJoinHandle<T> = Abortable<AsyncStdTask<T>>;

/// The handle of a blocking job.
pub type AsyncStdBlockingHandle<T> = AbortableJob<AsyncStdTask<T>>;

/// async-std's own join handle, which lets its task run on when it is dropped.
#[derive(Debug)]
pub struct AsyncStdTask<T>(JoinHandle<Outcome<T>>);

impl<T> AsyncStdTask<T> {
    pub(crate) const fn new(handle: JoinHandle<Outcome<T>>) -> Self {
        Self(handle)
    }
}

impl<T: Send + 'static> NativeTask for AsyncStdTask<T> {
    type Output = T;

    fn poll_join(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome<T>>> {
        Pin::new(&mut self.0).poll(cx).map(Some)
    }

    fn cancel(self) -> CancelTask<T> {
        Box::pin(self.0.cancel())
    }
}
