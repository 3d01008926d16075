//! Parts of a whole.

use crate::instant::nanos;
use crate::settings::Rule;
use std::time::Duration;

/// A part of something that is not nothing, as a [`Rate`] either.
pub(super) const SHARE: Rule<f64> = Rule {
    reason: "must be at least a millionth and at most 1",
    holds: |share| (0.000_001..=1.0).contains(share),
};

/// A part of all, in millionths: exact for what people write, where a product of floats is not (seven of a hundred
/// reach 7 %).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate(u32);

impl Rate {
    pub(super) const NONE: Self = Self(0);
    pub(super) const HALF: Self = Self(Self::ONE / 2);
    pub(super) const ONE: u32 = 1_000_000;

    /// `None` unless it is within 0..=1.
    pub(super) fn new(rate: f64) -> Option<Self> {
        (0.0..=1.0).contains(&rate).then(|| Self((rate * f64::from(Self::ONE)).round() as u32))
    }

    /// A random share of this part of a duration: from none to all but a little of it.
    pub(super) fn random_of(self, duration: Duration, random: u64) -> Duration {
        let part = u128::from(nanos(duration)) * u128::from(self.0) * u128::from(random >> 32);
        Duration::from_nanos((part / (u128::from(Self::ONE) << 32)) as u64)
    }

    pub(super) fn percent(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ONE / 100)
    }

    /// Whether so many are that part of all, or more.
    pub(super) const fn is_reached_by(self, part: u64, all: u64) -> bool {
        part.saturating_mul(Self::ONE as u64) >= all.saturating_mul(self.0 as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_share_is_within_its_part() {
        let (part, second) = (Rate::new(0.2).unwrap(), Duration::from_secs(1));
        for (random, nanos) in [(0, 0), (1 << 63, 100_000_000), (u64::MAX, 199_999_999)] {
            assert_eq!(part.random_of(second, random), Duration::from_nanos(nanos));
        }
        let most = Rate::new(1.0).unwrap().random_of(Duration::MAX, u64::MAX);
        assert!(most < Duration::from_nanos(u64::MAX) && most > Duration::from_nanos(u64::MAX / 2));
    }

    #[test]
    fn a_rate_is_what_is_written() {
        let table = [
            (0.07, 7, 100, true),
            (0.07, 6, 100, false),
            (0.1, 1, 10, true),
            (0.3, 3, 10, true),
            (1.0, 9, 10, false),
            (1.0, 10, 10, true),
            (0.000_001, 1, 1_000_000, true),
            (0.5, u64::MAX / 2, u64::MAX, true), // saturates, and panics not
        ];
        for (rate, part, all, reached) in table {
            assert_eq!(Rate::new(rate).unwrap().is_reached_by(part, all), reached, "{part} of {all}, {rate}");
        }
        for refused in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Rate::new(refused), None);
        }
    }
}
