//! What the handles of a bulkhead share.

use crate::resilience::observer::{Event, EventKind, Observed};
use crate::resilience::rejected::{PolicyKind, Reason, Rejected};
use crate::sync::{AcquireError, Refusal, Semaphore, TryAcquireError};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

pub(super) struct Shared {
    pub(super) semaphore: Semaphore,
    pub(super) name: &'static str,
    pub(super) max_waiting: usize,
    pub(super) max_wait: Duration,
    pub(super) observed: Observed,
}

impl Shared {
    /// How many may wait when somebody comes: who must not wait at all never takes a place in the queue.
    pub(super) const fn room(&self) -> usize {
        if self.max_wait.is_zero() { 0 } else { self.max_waiting }
    }

    #[cold]
    pub(super) fn refuse_at_once(&self, error: TryAcquireError) -> Rejected {
        self.refuse(match error {
            TryAcquireError::NoPermits => Reason::Busy,
            TryAcquireError::Closed => Reason::Closed,
            TryAcquireError::TooLarge { capacity, .. } => Reason::TooLarge { capacity: capacity as u64 },
        })
    }

    #[cold]
    pub(super) fn refuse_in_queue(&self, refusal: Refusal) -> Rejected {
        self.refuse(match refusal {
            Refusal::QueueFull if self.max_waiting > 0 && self.max_wait.is_zero() => {
                Reason::MaxWait { limit: Duration::ZERO }
            }
            Refusal::QueueFull => Reason::QueueFull,
            Refusal::Acquire(AcquireError::Closed) => Reason::Closed,
            Refusal::Acquire(AcquireError::TooLarge { capacity, .. }) => {
                Reason::TooLarge { capacity: capacity as u64 }
            }
        })
    }

    pub(super) fn refuse(&self, reason: Reason) -> Rejected {
        let rejected = Rejected::new(PolicyKind::Bulkhead, self.name, reason);
        self.tell(EventKind::Rejected(rejected));
        rejected
    }

    /// Tells its own observer.
    pub(super) fn tell(&self, kind: EventKind) {
        if let Some(observer) = self.observed.get() {
            observer.on_event(&Event { source: self.name, kind });
        }
    }

    /// For whoever reads why a program stands still.
    pub(super) fn describe(&self) -> String {
        let (taken, places, waiting) =
            (self.semaphore.taken(), self.semaphore.capacity(), self.semaphore.waiting());
        format!("bulkhead `{}` {taken}/{places} in flight, {waiting} waiting", self.name)
    }
}

/// What an owned permit holds.
#[derive(Clone)]
pub(super) struct Handle(pub(super) Arc<Shared>);

impl Deref for Handle {
    type Target = Semaphore;

    #[inline]
    fn deref(&self) -> &Semaphore {
        &self.0.semaphore
    }
}
