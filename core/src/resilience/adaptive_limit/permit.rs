//! What a call holds until it says how it went.

use super::shared::{Entry, Handle, Outcome, Shared};
use crate::instant::Instant;
use crate::resilience::verdict::Verdict;
use crate::sync::{Lease, Semaphore};
use std::fmt;

/// A place under an [`AdaptiveLimit`](super::AdaptiveLimit), from
/// [`try_acquire`](super::AdaptiveLimit::try_acquire) or [`acquire`](super::AdaptiveLimit::acquire).
///
/// It says once how the call went, and gives its place back. Dropped without a word it only gives it back.
#[must_use = "the place is given back when this is dropped, and the limit learns nothing"]
pub struct AdaptivePermit<'a> {
    shared: &'a Shared,
    entry: Entry,
    _lease: Lease<&'a Semaphore>,
}

/// As an [`AdaptivePermit`], and it can go anywhere: into a task, into a blocking job.
#[must_use = "the place is given back when this is dropped, and the limit learns nothing"]
pub struct OwnedAdaptivePermit {
    entry: Entry,
    lease: Lease<Handle>,
}

impl<'a> AdaptivePermit<'a> {
    #[inline]
    pub(super) fn new(shared: &'a Shared, lease: Lease<&'a Semaphore>, now: Instant) -> Self {
        Self { shared, entry: shared.enter(now), _lease: lease }
    }

    const fn shared(&self) -> &Shared {
        self.shared
    }
}

impl OwnedAdaptivePermit {
    #[inline]
    pub(super) fn new(lease: Lease<Handle>, now: Instant) -> Self {
        Self { entry: lease.semaphore().0.enter(now), lease }
    }

    fn shared(&self) -> &Shared {
        &self.lease.semaphore().0
    }
}

macro_rules! permit {
    ($($permit:ty),*) => {$(
        impl $permit {
            /// The call went well, and took until now from when it was let in.
            #[doc(alias = "record_success")]
            pub fn success(self, now: Instant) {
                self.shared().record(self.entry, Outcome::Success, || now);
            }

            /// The service has refused the call because it has too much to do, or has not answered in time.
            #[doc(alias = "dropped")]
            pub fn overloaded(self, now: Instant) {
                self.shared().record(self.entry, Outcome::Overload, || now);
            }

            /// The call says nothing of the service: what dropping does, in a word.
            pub fn ignore(self) {
                drop(self);
            }

            /// What the verdict makes of it: a [`Success`](Verdict::Success) is one, a [`Failure`](Verdict::Failure)
            /// that says when to come back is an overload, and all else says nothing. A timeout has no verdict of its
            /// own: say [`overloaded`](Self::overloaded).
            pub fn record(self, verdict: Verdict, now: Instant) {
                self.shared().record(self.entry, Outcome::of(verdict), || now);
            }
        }

        impl fmt::Debug for $permit {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("AdaptivePermit").field("entry", &self.entry).finish_non_exhaustive()
            }
        }
    )*};
}

permit!(AdaptivePermit<'_>, OwnedAdaptivePermit);
