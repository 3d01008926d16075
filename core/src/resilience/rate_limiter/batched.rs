//! Several permits at a time, for one thread.

use super::RateLimiter;
use super::ledger::Refusal;
use super::meter::Stamp;
use crate::instant::Instant;
use crate::resilience::rejected::Rejected;

/// A handle that takes several permits at a time, for one thread or task: from [`RateLimiter::batched`].
///
/// Threads that share a limiter write one cache line for each permit. This takes up to `size` of them by one such
/// write, and hands them out without any.
///
/// **Slack**: what it holds was granted, and may be used later than it was. So in any interval each such handle may use
/// up to `size - 1` permits more than the limiter grants in it; the rate in the long run is exact. Others find the
/// permits gone that it holds and has not used, until it is dropped and gives them back. Where fewer than `size` are
/// left it takes half as many, or a quarter, and so on: one is enough.
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use backstay_core::resilience::{Quota, RateLimiter};
/// use backstay_core::time::Instant;
///
/// let limiter = RateLimiter::new(Quota::per_second(1_000).burst(100))?;
/// let now = Instant::ORIGIN;
/// let mut batched = limiter.batched(Limit::new(16)?);
/// assert!(batched.try_acquire(|| now).is_ok());
/// assert_eq!(limiter.available(now), 84);
/// assert!(batched.try_acquire(|| unreachable!("no clock is read")).is_ok());
///
/// drop(batched);
/// assert_eq!(limiter.available(now), 98);
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Batched {
    limiter: RateLimiter,
    size: u64,
    held: u64,
    // Of what it holds.
    stamp: Option<Stamp>,
}

impl Batched {
    pub(super) const fn new(limiter: RateLimiter, size: u64) -> Self {
        Self { limiter, size, held: 0, stamp: None }
    }

    /// Uses one permit: of those it holds, or else of new ones. The time is only asked for in that case.
    ///
    /// # Errors
    ///
    /// As [`RateLimiter::try_acquire`].
    #[inline]
    pub fn try_acquire(&mut self, now: impl FnOnce() -> Instant) -> Result<(), Rejected> {
        match self.held.checked_sub(1) {
            Some(rest) => {
                self.held = rest;
                Ok(())
            }
            None => self.refill(now()),
        }
    }

    /// How many it holds.
    pub const fn held(&self) -> u64 {
        self.held
    }

    /// The limiter.
    pub const fn limiter(&self) -> &RateLimiter {
        &self.limiter
    }

    #[cold]
    fn refill(&mut self, now: Instant) -> Result<(), Rejected> {
        let (state, now) = (&self.limiter.shared.state, now.as_nanos());
        let mut wanted = self.size;
        // Halved until it fits: what is left may be less than a batch, and never is more than the burst.
        let stamp = loop {
            match state.try_take(wanted, now) {
                Ok(stamp) => break stamp,
                Err(refusal) if wanted == 1 => return Err(self.limiter.rejected(refusal, now)),
                Err(Refusal::TooLarge { capacity }) => wanted = capacity,
                Err(_) => wanted /= 2,
            }
        };
        self.held = stamp.n - 1;
        self.stamp = Some(stamp);
        Ok(())
    }

    fn unused(&mut self) -> Option<Stamp> {
        let n = std::mem::take(&mut self.held);
        self.stamp.take().filter(|_| n > 0).map(|stamp| Stamp { n, ..stamp })
    }

    /// Gives back what it holds.
    pub fn give_back(&mut self, now: Instant) {
        if let Some(stamp) = self.unused() {
            self.limiter.shared.state.give_back_at(stamp, now.as_nanos());
        }
    }
}

impl Drop for Batched {
    fn drop(&mut self) {
        if let Some(stamp) = self.unused() {
            self.limiter.shared.state.give_back(stamp);
        }
    }
}
