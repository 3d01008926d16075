//! What was granted.

use super::RateLimiter;
use super::meter::Stamp;
use crate::instant::Instant;
use crate::resilience::observer::EventKind;
use crate::resilience::rejected::PolicyKind;
use std::fmt;
use std::mem;
use std::time::Duration;

/// Permits that were granted: the call they are for may begin.
///
/// They are spent, and dropping this does nothing. It is a value so that nobody asks twice for one call, and so that
/// what is not used after all can be [given back](Self::give_back).
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Quota, RateLimiter};
/// use backstay_core::time::Instant;
///
/// let limiter = RateLimiter::new(Quota::per_minute(1))?;
/// let now = Instant::ORIGIN;
/// let permit = limiter.try_acquire(now).expect("there is one");
/// assert!(limiter.try_acquire(now).is_err());
///
/// permit.give_back(now); // the call was not needed
/// assert!(limiter.try_acquire(now).is_ok());
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[must_use = "a permit is for one call: who asks again for the same call takes another"]
pub struct RatePermit<'a> {
    limiter: &'a RateLimiter,
    stamp: Stamp,
}

impl<'a> RatePermit<'a> {
    #[inline]
    pub(super) const fn new(limiter: &'a RateLimiter, stamp: Stamp) -> Self {
        Self { limiter, stamp }
    }

    /// How many they are.
    pub const fn count(&self) -> u64 {
        self.stamp.n
    }

    /// Gives back what was not used, as far as it would still be there had it never been taken: what has been refilled
    /// since is there already. The first in the queue is woken.
    ///
    /// Read the clock for it: with a time from before others took theirs, what has been refilled until then may be there
    /// twice.
    pub fn give_back(self, now: Instant) {
        self.limiter.shared.state.give_back_at(self.stamp, now.as_nanos());
    }

    /// Says how many it took in the end: for calls whose cost is known afterwards, such as the tokens of a language model,
    /// the units of a database, bytes.
    ///
    /// If that is less than was taken, the rest is given back, as by [`give_back`](Self::give_back). If it is more, what is
    /// lacking is owed: it may be more than the burst, and everybody waits until it is paid off at the limiter's rate, also
    /// who is in the queue already; who has a [fixed time](RateLimiter::reserve) keeps it. So over any time no more is used
    /// than the burst, what the rate gives, and what each call that is under way takes beyond its estimate. A debt ends
    /// with the limiter's time, 36 years, however large it is.
    ///
    /// Permits from before a [change of quota](RateLimiter::set_quota) are not given back; what is owed is owed at the new
    /// rate.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::resilience::{Quota, RateLimiter};
    /// use backstay_core::time::Instant;
    /// use std::time::Duration;
    ///
    /// // 1,000 tokens a second, and as many at once.
    /// let limiter = RateLimiter::new(Quota::per_second(1_000).burst(1_000))?;
    /// let now = Instant::ORIGIN;
    /// let estimate = Limit::new(600)?;
    ///
    /// limiter.try_acquire_many(estimate, now).expect("there are so many").settle(200, now);
    /// assert_eq!(limiter.available(now), 800);
    /// limiter.try_acquire_many(estimate, now).expect("there are so many").settle(1_300, now);
    /// let refused = limiter.try_acquire(now).unwrap_err();
    /// assert_eq!(refused.retry_after(), Some(Duration::from_millis(501))); // 500 are owed, and one is wanted
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "charge")]
    #[doc(alias = "reconcile")]
    pub fn settle(self, actual: u64, now: Instant) {
        self.limiter.shared.state.account(self.stamp, actual, now.as_nanos());
    }

    /// The same, once the limiter's observer and another have been told that it was waited for: if one of them panics,
    /// it goes back.
    #[cold]
    pub(super) fn told_of(self, waited: Duration, also: impl FnOnce(EventKind)) -> Self {
        let untold = Unused::new(Self { limiter: self.limiter, stamp: self.stamp });
        let kind = EventKind::Waited { policy: PolicyKind::RateLimiter, waited };
        self.limiter.tell(kind);
        also(kind);
        mem::forget(untold);
        self
    }

    /// As [`give_back`](Self::give_back), by who does not know the time: done when somebody does.
    pub(super) fn give_back_later(self) {
        self.limiter.shared.state.give_back(self.stamp);
    }
}

impl fmt::Debug for RatePermit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RatePermit").field("count", &self.stamp.n).finish_non_exhaustive()
    }
}

/// A permit that goes back where it is dropped: its call has not begun.
#[derive(Debug)]
pub(super) struct Unused<'a>(Option<RatePermit<'a>>);

impl<'a> Unused<'a> {
    pub(super) const fn new(permit: RatePermit<'a>) -> Self {
        Self(Some(permit))
    }

    /// Out of this, it is spent.
    pub(super) const fn take(&mut self) -> Option<RatePermit<'a>> {
        self.0.take()
    }
}

impl Drop for Unused<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.0.take() {
            permit.give_back_later();
        }
    }
}
