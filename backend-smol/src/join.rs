//! The join handles.

use async_task::FallibleTask;
use backstay_core::JoinError;
use backstay_core::runtime::backend::{Abortable, AbortableJob, CancelTask, NativeTask};
use smol::Task;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The handle of a task.
pub type SmolJoinHandle<T> = Abortable<SmolTask<T>>;

/// The handle of a blocking job.
pub type SmolBlockingHandle<T> = AbortableJob<SmolTask<T>>;

/// smol's own task, which gives `None` where its executor was dropped.
#[derive(Debug)]
pub struct SmolTask<T>(FallibleTask<Result<T, JoinError>>);

impl<T> SmolTask<T> {
    pub(crate) fn new(task: Task<Result<T, JoinError>>) -> Self {
        Self(task.fallible())
    }
}

impl<T: Send + 'static> NativeTask for SmolTask<T> {
    type Output = T;

    fn poll_join(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        Pin::new(&mut self.0).poll(cx)
    }

    fn cancel(self) -> CancelTask<T> {
        Box::pin(self.0.cancel())
    }

    fn detach(self) {
        self.0.detach();
    }
}
