//! Permits for a time to come.

use super::RateLimiter;
use super::meter::Grant;
use crate::instant::Instant;
use crate::runtime::Runtime;

/// Permits that were taken for a time to come: from [`RateLimiter::reserve`].
///
/// Dropped, it gives back what it can, as [`cancel`](Self::cancel) does; [`wait`](Self::wait) and
/// [`commit`](Self::commit) keep what is taken.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{Quota, RateLimiter};
/// use backstay_core::{Limit, Runtime};
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let limiter = RateLimiter::new(Quota::per_second(2)).expect("a good quota");
///     let first = limiter.reserve(Limit::ONE, rt.now()).expect("no limit to waiting");
///     let second = limiter.reserve(Limit::ONE, rt.now()).expect("no limit to waiting");
///     assert_eq!(first.ready_at(), rt.now());
///     assert_eq!(second.ready_at(), rt.now() + Duration::from_millis(500));
///     second.wait(&rt).await;
/// })?;
/// assert_eq!(run.elapsed, Duration::from_millis(500));
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug)]
#[must_use = "dropped, it gives back what it has taken"]
pub struct Reservation {
    limiter: RateLimiter,
    // `None` once it was used.
    grant: Option<Grant>,
    ready_at: Instant,
    count: u64,
}

impl Reservation {
    pub(super) const fn new(limiter: RateLimiter, grant: Grant) -> Self {
        Self { limiter, grant: Some(grant), ready_at: Instant::from_nanos(grant.ready), count: grant.stamp.n }
    }

    /// From when on they may be used.
    pub const fn ready_at(&self) -> Instant {
        self.ready_at
    }

    /// How many they are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Waits until they may be used.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it gives back what it can, as [`cancel`](Self::cancel).
    pub async fn wait<R: Runtime>(self, rt: &R) {
        if rt.now() < self.ready_at {
            rt.sleep_until(self.ready_at).await;
        }
        self.commit();
    }

    /// Keeps them: whoever has this time now waits until then by other means.
    pub fn commit(mut self) -> Instant {
        self.grant = None;
        self.ready_at
    }

    /// Says how many it took in the end, as [`RatePermit::settle`](super::RatePermit::settle): for a call in another task.
    pub fn settle(mut self, actual: u64, now: Instant) {
        if let Some(grant) = self.grant.take() {
            self.limiter.shared.state.account(grant.stamp, actual, now.as_nanos());
        }
    }

    /// Gives back what was not used.
    ///
    /// The rule is that of Go's `x/time/rate`, made exact: given back is what would still be there had it not been
    /// reserved. That is not what has been refilled meanwhile; and where others have reserved after this, whose times
    /// were fixed by it, not what could not be saved until the last of those.
    ///
    /// Dropping it does the same, when somebody next asks the limiter for anything.
    pub fn cancel(mut self, now: Instant) {
        if let Some(grant) = self.grant.take() {
            self.limiter.shared.state.give_back_at(grant.stamp, now.as_nanos());
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(grant) = self.grant.take() {
            self.limiter.shared.state.give_back(grant.stamp);
        }
    }
}
