//! What makes delays differ.

use super::schedule::scaled;
use std::fmt;
use std::time::Duration;

/// What makes delays differ among clients that failed together, so that they don't come back together.
///
/// With `d` for the delay of the schedule, after the cap:
///
/// | jitter | the delay is evenly distributed in | to be used |
/// |---|---|---|
/// | `None` | `d` | where nobody else fails at the same time; in tests |
/// | `Full` | above 0, up to `d` | by default: the fewest calls in all |
/// | `Equal` | `d`/2 up to `d` | where a delay must not be almost nothing |
/// | `Decorrelated` | the first `d` up to three times the delay before, or to the cap | instead of a schedule |
/// | `Additive(most)` | `d` up to `d + most`, both below the cap | where `d` is the least to be waited |
///
/// The names, and a comparison of what they do to a crowd: Marc Brooker, "Exponential Backoff And Jitter", AWS
/// Architecture Blog, 2015. There the cap of the decorrelated one comes last, and much of a crowd waits for exactly
/// the cap; here it comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Jitter {
    /// None: the delays of the schedule.
    None,
    /// Anything up to the delay of the schedule.
    #[default]
    Full,
    /// From a half of it.
    Equal,
    /// Up to three times the delay before.
    Decorrelated,
    /// Up to so much longer.
    Additive(#[cfg_attr(feature = "serde", serde(with = "crate::time::human"))] Duration),
}

crate::settings_of_its_own!(Jitter);

impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no jitter"),
            Self::Full => f.write_str("full jitter"),
            Self::Equal => f.write_str("equal jitter"),
            Self::Decorrelated => f.write_str("decorrelated jitter"),
            Self::Additive(most) => write!(f, "jitter of up to {most:?} more"),
        }
    }
}

/// Between which bounds a delay is, both included, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) low: u64,
    high: u64,
}

impl Interval {
    pub(super) const fn exactly(base: u64) -> Self {
        Self { low: base, high: base }
    }

    /// Above zero, unless the schedule itself says zero.
    pub(super) fn full(base: u64) -> Self {
        Self { low: base.min(1), high: base }
    }

    pub(super) const fn equal(base: u64) -> Self {
        Self { low: base - base / 2, high: base }
    }

    pub(super) fn additive(base: u64, most: u64, cap: u64) -> Self {
        // Room for all of it below the cap, or those who have reached the cap would come back together.
        let low = base.min(cap.saturating_sub(most).max(1));
        Self { low, high: low.saturating_add(most).min(cap) }
    }

    pub(super) fn decorrelated(first: u64, attempt: u32, previous: Option<u64>, cap: u64) -> Self {
        let high = match previous {
            Some(previous) => previous.max(first).saturating_mul(3),
            None => scaled(first, 3.0, attempt),
        };
        Self { low: first, high: high.min(cap).max(first) }
    }

    /// What is shortened by up to so many percent.
    pub(crate) fn shortened(base: u64, percent: u8) -> Self {
        let most = u128::from(base) * u128::from(percent.min(100)) / 100;
        Self { low: base - u64::try_from(most).unwrap_or(base), high: base }
    }

    /// Evenly distributed: the longest for zero.
    pub(crate) fn pick(self, random: u64) -> u64 {
        let width = u128::from(self.high - self.low) + 1;
        let off = (width * u128::from(random)) >> 64;
        self.high - u64::try_from(off).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_shortened_by_at_most_that_part_of_it() {
        let table = [
            (100, 0, 100),
            (100, 20, 80),
            (7, 50, 4),
            (100, 100, 0),
            (100, 255, 0),
            (0, 50, 0),
            (u64::MAX, 1, u64::MAX - u64::MAX / 100),
        ];
        for (base, percent, low) in table {
            assert_eq!(
                Interval::shortened(base, percent),
                Interval { low, high: base },
                "{percent} % of {base}"
            );
        }
    }
}
