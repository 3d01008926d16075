//! What the handles of an adaptive limit share: the places, and the machine that says how many there are.

use super::AdaptiveLimitConfig;
use super::sample::Sample;
use super::state::Machine;
use crate::instant::Instant;
use crate::limit::Limit;
use crate::primitives::{Mutex, lock};
use crate::resilience::error::Error;
use crate::resilience::observer::{EventKind, Observed};
use crate::resilience::places::Places;
use crate::resilience::rejected::{PolicyKind, Reason};
use crate::resilience::verdict::Verdict;
use crate::sync::Semaphore;
use std::mem;
use std::ops::Deref;
use std::sync::Arc;

pub(super) struct Shared {
    pub(super) places: Places,
    locked: Mutex<Locked>,
}

struct Locked {
    machine: Machine,
    settings: AdaptiveLimitConfig,
    // How many places there are, or are about to be.
    places: usize,
    // Somebody sees to it that there are as many places as the machine says.
    publishing: bool,
}

/// When a call was let in, and how many there were then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    began: Instant,
    in_flight: usize,
}

/// What the end of a call says of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has worked, in so much time.
    Success,
    /// It has too much to do.
    Overload,
    /// Neither.
    Ignore,
}

impl Outcome {
    /// A failure takes less time, or more, than what it failed at, and most are the caller's own: it is no measurement,
    /// and no sign of overload, unless it says when to come back.
    pub(super) const fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Success => Self::Success,
            Verdict::Failure { retry_after: Some(_), .. } => Self::Overload,
            Verdict::Failure { .. } | Verdict::Fatal | Verdict::Ignore => Self::Ignore,
        }
    }

    /// A timeout that counts as a failure is an overload.
    pub(super) fn of_result<T, E>(verdict: Verdict, result: &Result<T, Error<E>>) -> Self {
        match (verdict, result) {
            (Verdict::Failure { .. } | Verdict::Fatal, Err(error)) if error.is_timeout() => Self::Overload,
            _ => Self::of(verdict),
        }
    }
}

impl Shared {
    pub(super) fn new(
        name: &'static str,
        initial: Limit,
        settings: AdaptiveLimitConfig,
        observed: Observed,
    ) -> Self {
        let places = Places::new(PolicyKind::AdaptiveLimit, name, Reason::Busy, initial, observed);
        places.set_queue(settings.max_waiting, settings.max_wait);
        let machine = Machine::new(settings.bounds(), initial.get(), settings.algorithm);
        let locked = Locked { machine, settings, places: initial.get(), publishing: false };
        Self { places, locked: Mutex::new(locked) }
    }

    /// What a call that has just been let in keeps.
    #[inline]
    pub(super) fn enter(&self, now: Instant) -> Entry {
        Entry { began: now, in_flight: self.places.semaphore.taken_about().max(1) }
    }

    /// A call has ended. The clock is asked unless it says nothing.
    #[inline]
    pub(super) fn record(&self, entry: Entry, outcome: Outcome, now: impl FnOnce() -> Instant) {
        if outcome == Outcome::Ignore {
            return;
        }
        let Entry { began, in_flight } = entry;
        let sample = Sample { began, in_flight, now: now() };
        self.change(|Locked { machine, .. }| match outcome {
            Outcome::Success => machine.succeed(sample),
            Outcome::Overload => machine.overload(sample),
            Outcome::Ignore => {}
        });
    }

    pub(super) fn reconfigure(&self, settings: AdaptiveLimitConfig) {
        self.change(|locked| {
            // Under the lock: of two who do this at once, one has its way in all.
            self.places.set_queue(settings.max_waiting, settings.max_wait);
            locked.machine.reconfigure(settings.bounds(), settings.algorithm);
            locked.settings = settings;
        });
    }

    pub(super) fn settings(&self) -> AdaptiveLimitConfig {
        lock(&self.locked).settings.clone()
    }

    /// Changes the machine, and then the number of places, which wakes who waits: not under the lock. Where two do this
    /// at once, one of them does both.
    #[inline]
    fn change(&self, change: impl FnOnce(&mut Locked)) {
        let mut locked = lock(&self.locked);
        change(&mut locked);
        if locked.machine.limit() != locked.places && !mem::replace(&mut locked.publishing, true) {
            drop(locked);
            self.publish();
        }
    }

    #[cold]
    fn publish(&self) {
        /// Somebody else does the rest, should the observer or a waker panic.
        struct Done<'a>(&'a Mutex<Locked>);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                lock(self.0).publishing = false;
            }
        }
        let done = Done(&self.locked);
        loop {
            let mut locked = lock(&self.locked);
            let to = locked.machine.limit();
            let from = mem::replace(&mut locked.places, to);
            let Some(places) = Limit::new(to).ok().filter(|_| from != to) else {
                // In the same step: whoever changes it now sees to it.
                locked.publishing = false;
                drop(locked);
                return mem::forget(done);
            };
            drop(locked);
            self.places.semaphore.set_capacity(places);
            self.places.tell(EventKind::LimitChanged { from, to });
        }
    }
}

/// What an owned permit holds.
#[derive(Clone)]
pub(super) struct Handle(pub(super) Arc<Shared>);

impl Deref for Handle {
    type Target = Semaphore;

    #[inline]
    fn deref(&self) -> &Semaphore {
        &self.0.places.semaphore
    }
}
