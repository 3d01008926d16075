//! backstay.

use super::Permits;
use crate::contest::Side;
use backstay_core::Limit;
use backstay_core::sync::{AcquireError, Permit, Semaphore, TryAcquireError};

pub(super) struct Backstay;

impl Permits for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Semaphore = Semaphore;
    type Tried<'a> = Result<Permit<'a>, TryAcquireError>;
    type Acquired<'a> = Result<Permit<'a>, AcquireError>;

    fn new(permits: usize) -> Semaphore {
        Semaphore::new(Limit::new(permits).expect("it is not zero"))
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
