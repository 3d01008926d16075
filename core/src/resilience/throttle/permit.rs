//! What a call holds until it says how it went.

use super::shared::Shared;
use crate::instant::Instant;
use crate::primitives::Arc;
use crate::resilience::priority::Priority;
use crate::resilience::verdict::Verdict;
use std::fmt;

/// The right to make one call, from [`Throttle::try_acquire`](super::Throttle::try_acquire).
///
/// It says once how the call went; dropped without a word it counts nothing.
#[must_use = "dropped, it says nothing of how the call went"]
pub struct ThrottlePermit<'a> {
    shared: &'a Shared,
    priority: Priority,
}

/// As a [`ThrottlePermit`], and it can go anywhere: into a task, into a blocking job.
#[must_use = "dropped, it says nothing of how the call went"]
pub struct OwnedThrottlePermit {
    shared: Arc<Shared>,
    priority: Priority,
}

macro_rules! permit {
    ($($permit:ty),*) => {$(
        impl $permit {
            /// The service took it.
            pub fn success(self, now: Instant) {
                self.record(Verdict::Success, now);
            }

            /// The service failed.
            pub fn failure(self, now: Instant) {
                self.record(Verdict::failure(), now);
            }

            /// What the call says of the service; [`Verdict::Ignore`] is as if the permit were dropped.
            #[inline]
            pub fn record(self, verdict: Verdict, now: Instant) {
                self.shared.record(self.priority, verdict, || now);
            }

            /// How important the call is.
            pub const fn priority(&self) -> Priority {
                self.priority
            }
        }

        impl fmt::Debug for $permit {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("ThrottlePermit").field("priority", &self.priority).finish_non_exhaustive()
            }
        }
    )*};
}

permit!(ThrottlePermit<'_>, OwnedThrottlePermit);

impl<'a> ThrottlePermit<'a> {
    #[inline]
    pub(super) const fn new(shared: &'a Shared, priority: Priority) -> Self {
        Self { shared, priority }
    }

    /// As [`record`](Self::record), with a clock that is only read if the call counts.
    #[inline]
    pub(super) fn record_at(self, verdict: Verdict, now: impl FnOnce() -> Instant) {
        self.shared.record(self.priority, verdict, now);
    }
}

impl OwnedThrottlePermit {
    pub(super) const fn new(shared: Arc<Shared>, priority: Priority) -> Self {
        Self { shared, priority }
    }
}
