//! tokio.

use super::Permits;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit, TryAcquireError};

pub(super) const NAME: &str = "tokio";

pub(super) struct Tokio;

impl Permits for Tokio {
    const NAME: &'static str = NAME;
    type Semaphore = Semaphore;
    type Tried<'a> = Result<SemaphorePermit<'a>, TryAcquireError>;
    type Acquired<'a> = Result<SemaphorePermit<'a>, AcquireError>;

    fn new(permits: usize) -> Semaphore {
        Semaphore::new(permits)
    }

    fn try_acquire(semaphore: &Semaphore) -> Self::Tried<'_> {
        semaphore.try_acquire()
    }

    fn is_acquired(tried: &Self::Tried<'_>) -> bool {
        tried.is_ok()
    }

    fn acquire(semaphore: &Semaphore) -> impl Future<Output = Self::Acquired<'_>> {
        semaphore.acquire()
    }
}
