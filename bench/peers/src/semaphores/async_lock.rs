//! async-lock.

use super::Permits;
use async_lock::{Semaphore, SemaphoreGuard};

pub(super) struct AsyncLock;

impl Permits for AsyncLock {
    const NAME: &'static str = "async-lock";
    type Semaphore = Semaphore;
    type Tried<'a> = Option<SemaphoreGuard<'a>>;
    type Acquired<'a> = SemaphoreGuard<'a>;

    fn new(permits: usize) -> Semaphore {
        Semaphore::new(permits)
    }

    fn try_acquire(semaphore: &Semaphore) -> Self::Tried<'_> {
        semaphore.try_acquire()
    }

    fn is_acquired(tried: &Self::Tried<'_>) -> bool {
        tried.is_some()
    }

    fn acquire(semaphore: &Semaphore) -> impl Future<Output = SemaphoreGuard<'_>> {
        semaphore.acquire()
    }
}
