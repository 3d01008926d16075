//! What a call holds until it says how it went.

use super::shared::{Shared, Ticket};
use crate::instant::Instant;
use crate::primitives::Arc;
use crate::probe::{self, Held};
use crate::resilience::verdict::Verdict;
use std::fmt;
use std::ops::Deref;

/// The right to make one call, from [`CircuitBreaker::try_acquire`](super::CircuitBreaker::try_acquire).
///
/// It says once how the call went; dropped without a word it counts nothing, and if it is a probe its place is free
/// again.
#[must_use = "dropped, it says nothing of how the call went"]
pub struct CircuitPermit<'a>(Pass<&'a Shared>);

/// As a [`CircuitPermit`], and it can go anywhere: into a task, into a blocking job.
#[must_use = "dropped, it says nothing of how the call went"]
pub struct OwnedCircuitPermit(Pass<Arc<Shared>>);

macro_rules! permit {
    ($($permit:ty),*) => {$(
        impl $permit {
            /// The service works.
            #[inline]
            pub fn success(self, now: Instant) {
                self.record(Verdict::Success, now);
            }

            /// The service failed.
            #[inline]
            pub fn failure(self, now: Instant) {
                self.record(Verdict::failure(), now);
            }

            /// What the call says of the service. Where the failure opens the breaker, its `retry_after` is heeded;
            /// [`Verdict::Ignore`] is as if the permit were dropped.
            #[inline]
            pub fn record(self, verdict: Verdict, now: Instant) {
                self.record_at(verdict, || now);
            }

            /// Whether it is one of those that find out whether the service works again.
            pub const fn is_probe(&self) -> bool {
                self.0.ticket.is_probe()
            }

            /// As [`record`](Self::record), with a clock that is only read if the time matters.
            #[inline]
            pub(super) fn record_at(self, verdict: Verdict, now: impl FnOnce() -> Instant) {
                self.0.record(verdict, now);
            }
        }

        impl fmt::Debug for $permit {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("CircuitPermit").field("probe", &self.is_probe()).finish_non_exhaustive()
            }
        }
    )*};
}

permit!(CircuitPermit<'_>, OwnedCircuitPermit);

impl<'a> CircuitPermit<'a> {
    #[inline]
    pub(super) fn new(shared: &'a Shared, ticket: Ticket) -> Self {
        Self(Pass::new(shared, ticket))
    }

    /// The call may begin now, and not before.
    pub(super) fn begin(&mut self, now: impl FnOnce() -> Instant) {
        self.0.ticket.begin(now);
    }
}

impl OwnedCircuitPermit {
    #[inline]
    pub(super) fn new(shared: Arc<Shared>, ticket: Ticket) -> Self {
        Self(Pass::new(shared, ticket))
    }
}

struct Pass<S: Deref<Target = Shared>> {
    shared: S,
    ticket: Ticket,
    _held: Held,
}

impl<S: Deref<Target = Shared>> Pass<S> {
    #[inline]
    fn new(shared: S, ticket: Ticket) -> Self {
        let _held = if ticket.is_probe() { held(shared.name()) } else { Held::default() };
        Self { shared, ticket, _held }
    }

    #[inline]
    fn record(mut self, verdict: Verdict, now: impl FnOnce() -> Instant) {
        self.shared.record(self.ticket, verdict, now);
        // Not if the clock panics. If an observer does, the state has changed, and there is nothing to give back.
        self.ticket.settle();
    }
}

impl<S: Deref<Target = Shared>> Drop for Pass<S> {
    #[inline]
    fn drop(&mut self) {
        // Only a probe has something to give back.
        if self.ticket.is_probe() {
            self.shared.release(self.ticket);
        }
    }
}

#[cold]
fn held(name: &'static str) -> Held {
    probe::hold(|| format!("a probe of the circuit breaker \"{name}\""))
}
