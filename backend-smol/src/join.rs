//! The join handles.

use async_task::FallibleTask;
use backstay_core::runtime::backend::{Abortable, AbortableJob, CancelTask, NativeTask, Outcome};
use smol::Task;
use std::future::ready;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The handle of a task.
pub type SmolJoinHandle<T> = Abortable<SmolTask<T>>;

/// The handle of a blocking job.
pub type SmolBlockingHandle<T> = AbortableJob<SmolTask<T>>;

/// smol's own task, which gives `None` where its executor was dropped, and runs on when this is dropped.
#[derive(Debug)]
pub struct SmolTask<T> {
    // `None` once it is cancelled: smol's own drop cancels too.
    task: Option<FallibleTask<Outcome<T>>>,
}

impl<T> SmolTask<T> {
    pub(crate) fn new(task: Task<Outcome<T>>) -> Self {
        Self { task: Some(task.fallible()) }
    }
}

impl<T: Send + 'static> NativeTask for SmolTask<T> {
    type Output = T;

    fn poll_join(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome<T>>> {
        match &mut self.task {
            Some(task) => Pin::new(task).poll(cx),
            None => Poll::Ready(None),
        }
    }

    fn cancel(mut self) -> CancelTask<T> {
        match self.task.take() {
            Some(task) => Box::pin(task.cancel()),
            None => Box::pin(ready(None)),
        }
    }
}

impl<T> Drop for SmolTask<T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.detach();
        }
    }
}
