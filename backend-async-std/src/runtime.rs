//! The handle.

use crate::join::{AsyncStdBlockingHandle, AsyncStdJoinHandle, AsyncStdTask};
use crate::pool;
use crate::sleep::AsyncStdSleep;
use async_std::task;
use backstay_core::Runtime;
use backstay_core::runtime::backend::{Abortable, AbortableJob, Contained, Job, clock};
use backstay_core::time::Instant;

/// A handle on the process's async-std.
///
/// There is one async-std in a process: every handle means the same, and the first use starts it, with one
/// worker for each core. An [`AsyncStdOwner`](crate::AsyncStdOwner) made before that sizes it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AsyncStd;

impl AsyncStd {
    /// The process's async-std.
    pub const fn new() -> Self {
        Self
    }
}

impl Runtime for AsyncStd {
    type JoinHandle<T: Send + 'static> = AsyncStdJoinHandle<T>;
    type BlockingHandle<T: Send + 'static> = AsyncStdBlockingHandle<T>;
    type Sleep = AsyncStdSleep;

    fn name(&self) -> &'static str {
        "async-std"
    }

    fn spawn<F>(&self, future: F) -> AsyncStdJoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        pool::ensure_started();
        Abortable::new(AsyncStdTask::new(task::spawn(Contained::new(future))))
    }

    fn spawn_blocking<F, T>(&self, f: F) -> AsyncStdBlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        pool::ensure_started();
        let (job, gate) = Job::new(f);
        AbortableJob::new(AsyncStdTask::new(task::spawn_blocking(|| job.run())), gate)
    }

    fn now(&self) -> Instant {
        let now = std::time::Instant::now();
        clock::from_std(now, || now)
    }

    fn sleep_until(&self, at: Instant) -> AsyncStdSleep {
        AsyncStdSleep::new(at)
    }

    fn random_u64(&self) -> u64 {
        fastrand::u64(..)
    }

    fn to_std(&self, at: Instant) -> std::time::Instant {
        clock::to_std(at, std::time::Instant::now)
    }

    fn from_std(&self, at: std::time::Instant) -> Instant {
        clock::from_std(at, std::time::Instant::now)
    }
}
