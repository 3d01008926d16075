//! The join handles.

use async_task::FallibleTask;
use backstay_core::runtime::backend::{Abortable, AbortableJob, CancelTask, NativeTask, Outcome};
use smol::Task;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The handle of a task.
pub type SmolJoinHandle<T> = Abortable<SmolTask<T>>;

/// The handle of a blocking job.
pub type SmolBlockingHandle<T> = AbortableJob<SmolTask<T>>;

/// smol's own task, which gives `None` where its executor was dropped.
#[derive(Debug)]
pub struct SmolTask<T>(FallibleTask<Outcome<T>>);

impl<T> SmolTask<T> {
    pub(crate) fn new(task: Task<Outcome<T>>) -> Self {
        Self(task.fallible())
    }
}

impl<T: Send + 'static> NativeTask for SmolTask<T> {
    type Output = T;

    fn poll_join(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome<T>>> {
        Pin::new(&mut self.0).poll(cx)
    }

    fn cancel(self) -> CancelTask<T> {
        Box::pin(self.0.cancel())
    }

    fn detach(self) {
        self.0.detach();
    }
}
