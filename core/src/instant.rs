//! A point on a runtime's own time line.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

/// A point in time: nanoseconds since the origin of the runtime that gave it.
///
/// Eight bytes, `Copy`, ordered. The real backends of one process share their origin, so their instants
/// compare with each other; a simulated runtime has its own. The range is 584 years.
///
/// Every operation saturates, and [`Instant::MAX`] means *never*: it stays what it is whatever is added or
/// subtracted. There is no `elapsed()`, which would have to read a clock behind the runtime's back:
/// write `rt.now() - start`.
///
/// # Examples
///
/// ```
/// use backstay_core::time::Instant;
/// use std::time::Duration;
///
/// let start = Instant::from_nanos(1_000);
/// let later = start + Duration::from_nanos(500);
/// assert_eq!(later - start, Duration::from_nanos(500));
/// assert_eq!(start - later, Duration::ZERO); // saturates
/// assert_eq!(start + Duration::MAX, Instant::MAX); // never
/// assert_eq!(Instant::MAX.saturating_sub(Duration::from_secs(1)), Instant::MAX); // still never
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The runtime's origin.
    pub const ORIGIN: Self = Self(0);

    /// Never: a sleep until here does not end.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time since the origin.
    pub const fn since_origin(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// `self + duration`, or [`Instant::MAX`] where that is out of range. `+` does the same.
    pub const fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// `self - duration`, or the origin where that is out of range; [`Instant::MAX`] stays.
    pub const fn saturating_sub(self, duration: Duration) -> Self {
        if self.0 == u64::MAX { self } else { Self(self.0.saturating_sub(nanos(duration))) }
    }

    /// The time from `earlier` to `self`, zero where `earlier` is later. `-` does the same.
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time from `earlier` to `self`, or `None` where `earlier` is later.
    pub const fn checked_duration_since(self, earlier: Self) -> Option<Duration> {
        match self.0.checked_sub(earlier.0) {
            Some(nanos) => Some(Duration::from_nanos(nanos)),
            None => None,
        }
    }
}

/// The nanoseconds of a duration, saturating at 584 years.
pub(crate) const fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        self.saturating_add(duration)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MAX => f.write_str("never"),
            at => at.since_origin().fmt(f),
        }
    }
}
