//! The handle.

use crate::join::{SmolBlockingHandle, SmolJoinHandle, SmolTask};
use crate::sleep::SmolSleep;
use backstay_core::runtime::backend::{Abortable, AbortableJob, Contained, Job, clock};
use backstay_core::time::Instant;
use backstay_core::{JoinError, Runtime};
use smol::Executor;
use std::sync::{Arc, Weak};

/// A handle on a smol runtime; made by [`SmolOwner`](crate::SmolOwner).
#[derive(Clone, Debug)]
pub struct Smol {
    // Weak: the owner and its workers keep the executor, and it ends with them.
    executor: Weak<Executor<'static>>,
}

impl Smol {
    pub(crate) fn new(executor: &Arc<Executor<'static>>) -> Self {
        Self { executor: Arc::downgrade(executor) }
    }
}

impl Runtime for Smol {
    type JoinHandle<T: Send + 'static> = SmolJoinHandle<T>;
    type BlockingHandle<T: Send + 'static> = SmolBlockingHandle<T>;
    type Sleep = SmolSleep;

    fn name(&self) -> &'static str {
        "smol"
    }

    fn spawn<F>(&self, future: F) -> SmolJoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match self.executor.upgrade() {
            Some(executor) => Abortable::new(SmolTask::new(executor.spawn(Contained::new(future)))),
            None => Abortable::failed(JoinError::Shutdown),
        }
    }

    fn spawn_blocking<F, T>(&self, f: F) -> SmolBlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if self.executor.strong_count() == 0 {
            return AbortableJob::failed(JoinError::Shutdown);
        }
        let (job, gate) = Job::new(f);
        AbortableJob::new(SmolTask::new(smol::unblock(|| job.run())), gate)
    }

    fn now(&self) -> Instant {
        let now = std::time::Instant::now();
        clock::from_std(now, || now)
    }

    fn sleep_until(&self, at: Instant) -> SmolSleep {
        SmolSleep::new(at)
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
