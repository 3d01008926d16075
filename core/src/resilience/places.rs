//! Places for calls, and the queue for them: what a bulkhead and an adaptive limit have in common.

mod place;
mod waiting;

pub(super) use place::Place;
pub(super) use waiting::Waiting;

use super::observer::{Event, EventKind, Observed};
use super::rejected::{PolicyKind, Reason, Rejected};
use crate::instant::nanos;
use crate::limit::Limit;
use crate::primitives::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{AcquireError, Refusal, Semaphore, TryAcquireError};
use std::time::Duration;

/// So many places, so many who may wait for one, and each of them so long.
pub(super) struct Places {
    pub(super) semaphore: Semaphore,
    pub(super) name: &'static str,
    kind: PolicyKind,
    /// Why who would have to wait is refused where nobody may.
    unqueued: Reason,
    max_waiting: AtomicUsize,
    // In nanoseconds; `FOREVER` is as long as it takes.
    max_wait: AtomicU64,
    observed: Observed,
}

const FOREVER: u64 = u64::MAX;

impl Places {
    pub(super) fn new(
        kind: PolicyKind,
        name: &'static str,
        unqueued: Reason,
        places: Limit,
        observed: Observed,
    ) -> Self {
        let semaphore = Semaphore::new(places);
        let (max_waiting, max_wait) = (AtomicUsize::new(0), AtomicU64::new(FOREVER));
        Self { semaphore, name, kind, unqueued, max_waiting, max_wait, observed }
    }

    /// How many may wait, and how long: of who comes from now on.
    pub(super) fn set_queue(&self, max_waiting: usize, max_wait: Option<Duration>) {
        self.max_waiting.store(max_waiting, Ordering::Relaxed);
        self.max_wait.store(max_wait.map_or(FOREVER, nanos), Ordering::Relaxed);
    }

    pub(super) fn max_waiting(&self) -> usize {
        self.max_waiting.load(Ordering::Relaxed)
    }

    /// [`Duration::MAX`] is as long as it takes.
    pub(super) fn max_wait(&self) -> Duration {
        match self.max_wait.load(Ordering::Relaxed) {
            FOREVER => Duration::MAX,
            nanos => Duration::from_nanos(nanos),
        }
    }

    /// How many may wait when somebody comes: who must not wait at all never takes a place in the queue.
    fn room(&self) -> usize {
        if self.max_wait().is_zero() { 0 } else { self.max_waiting() }
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
    fn reason_in_queue(&self, refusal: Refusal) -> Reason {
        match refusal {
            Refusal::QueueFull if self.max_waiting() == 0 => self.unqueued,
            Refusal::QueueFull if self.max_wait().is_zero() => Reason::MaxWait { limit: Duration::ZERO },
            Refusal::QueueFull => Reason::QueueFull,
            Refusal::Acquire(AcquireError::Closed) => Reason::Closed,
            Refusal::Acquire(AcquireError::TooLarge { capacity, .. }) => {
                Reason::TooLarge { capacity: capacity as u64 }
            }
        }
    }

    fn refuse(&self, reason: Reason) -> Rejected {
        let rejected = Rejected::new(self.kind, self.name, reason);
        self.tell(EventKind::Rejected(rejected));
        rejected
    }

    const fn waited(&self, waited: Duration) -> EventKind {
        EventKind::Waited { policy: self.kind, waited }
    }

    /// Tells the policy's own observer.
    pub(super) fn tell(&self, kind: EventKind) {
        if let Some(observer) = self.observed.get() {
            observer.on_event(&Event { source: self.name, kind });
        }
    }

    /// For whoever reads why a program stands still.
    fn describe(&self) -> String {
        let (taken, places, waiting) =
            (self.semaphore.taken(), self.semaphore.capacity(), self.semaphore.waiting());
        format!("{} `{}` {taken}/{places} in flight, {waiting} waiting", self.kind, self.name)
    }
}
