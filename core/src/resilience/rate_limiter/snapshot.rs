//! What a limiter has granted, for a process that is started again.

use super::{Quota, RateLimiter};
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::primitives::lock;
use crate::sync::wait_list::Wakers;
use std::time::Duration;

/// What a [`RateLimiter`] has granted, as plain data: to be kept where it outlives the process, and given to the limiter
/// of the next, which would begin with a whole burst otherwise. From [`RateLimiter::snapshot`].
///
/// There is no instant in it: all times are relative to when it was taken, so that it can be read by a process with
/// another clock. How long ago that was is for the reader to say, with [`aged`](Self::aged): it has a clock on the wall,
/// and this doesn't.
///
/// With the feature `serde` it is read and written as a configuration is. A field that is not known is refused, and so
/// is a value that can't be: who can't understand all of a snapshot begins without one, as it would have before there
/// were any.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Quota, RateLimiter};
/// use backstay_core::time::Instant;
/// use std::time::Duration;
///
/// const SECOND: Duration = Duration::from_secs(1);
///
/// let quota = Quota::per_second(1).burst(10);
/// let (limiter, now) = (RateLimiter::new(quota)?, Instant::ORIGIN + 70 * SECOND);
/// while limiter.try_acquire(now).is_ok() {}
/// let kept = limiter.snapshot(now + SECOND);
/// assert_eq!(kept.full_after, 9 * SECOND);
///
/// // Two seconds later, in a process that has just begun.
/// let (limiter, now) = (RateLimiter::new(quota)?, Instant::ORIGIN);
/// limiter.restore(&kept.aged(2 * SECOND), now)?;
/// assert_eq!(limiter.available(now), 3);
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateSnapshot {
    /// How long ago it was taken.
    pub age: Duration,
    /// The quota it had.
    pub quota: Quota,
    /// How long until all of the burst is there again, if nobody takes anything meanwhile; of a strict one
    /// [`taken`](Self::taken) says it.
    pub full_after: Duration,
    /// Of a strict one the permits that have not come back, in the order in which they do.
    pub taken: Vec<TakenPermits>,
}

/// Permits of a strict window that have not come back, in a [`RateSnapshot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TakenPermits {
    /// In how long they do.
    pub back_after: Duration,
    /// How many.
    pub permits: u32,
}

crate::settings_of_its_own!(Vec<TakenPermits>);

crate::settings! {
    TakenPermits requires [back_after, permits] from Self { back_after: Duration::ZERO, permits: 0 };
    back_after,
    permits,
}

crate::settings! {
    RateSnapshot requires [quota] from Self::full(Quota::per_second(1));
    age,
    quota,
    full_after,
    taken,
}

impl TakenPermits {
    pub(super) const fn new(back_after: Duration, permits: u32) -> Self {
        Self { back_after, permits }
    }

    #[cfg_attr(not(feature = "serde"), expect(dead_code, reason = "what can be checked is so by its type"))]
    fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()
    }
}

impl RateSnapshot {
    /// That of a new one.
    pub(super) const fn full(quota: Quota) -> Self {
        Self { age: Duration::ZERO, quota, full_after: Duration::ZERO, taken: Vec::new() }
    }

    /// The same, so much older: by how long the process was down, by the clock on the wall or by what is safe to assume.
    /// None is safe, and too much means that more is granted than may be.
    pub fn aged(mut self, by: Duration) -> Self {
        self.age = self.age.saturating_add(by);
        self
    }

    /// Whether it can be: what [`RateLimiter::restore`] checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        self.quota.check()?;
        if self.quota.is_strict() && !self.full_after.is_zero() {
            let reason = "must not be given where `quota` is strict";
            return Err(ConfigError::invalid_value("full_after", self.full_after.into(), reason));
        }
        if !self.quota.is_strict() && !self.taken.is_empty() {
            return Err(ConfigError::invalid("taken", "must not be given where `quota` is not strict"));
        }
        Ok(())
    }
}

impl RateLimiter {
    /// What it has granted, as of this time: to be [restored](Self::restore) in a process that is started later.
    /// Permits that were taken and not used count as taken, until they are given back. Who waits is not in it.
    pub fn snapshot(&self, now: Instant) -> RateSnapshot {
        // They are woken when the quota can be asked for again.
        let mut wakers = Wakers::new();
        let quota = lock(&self.shared.quota);
        self.shared.state.snapshot(*quota, now.as_nanos(), &mut wakers)
    }

    /// Counts what was granted before as well: of what the snapshot leaves and what this limiter has now, the less.
    /// A limiter that is new grants what the one before would, had it gone on; to the nanosecond where there is a whole
    /// number of them between two permits, and otherwise up to two later.
    ///
    /// Its quota is its own. Where the other was different, it is as if that had been [changed](Self::set_quota) now:
    /// what was saved stays, as far as there is room for it; but of a strict window that is longer now, what had come
    /// back when the snapshot was taken is not in that, and does not count again. What was [reserved](Self::reserve) for a time to come is
    /// owed still. Who waits has its turn when there is one; what was taken here before is not given back any more.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field that can't be; nothing has changed then.
    pub fn restore(&self, snapshot: &RateSnapshot, now: Instant) -> Result<(), ConfigError> {
        snapshot.validate()?;
        let mut wakers = Wakers::new();
        let quota = lock(&self.shared.quota);
        self.shared.state.restore(snapshot, &quota, now.as_nanos(), &mut wakers)
    }
}
