//! Counts of values in buckets with explicit bounds.
//!
//! As in Gil Tene's HdrHistogram: each power of two is divided into 128 buckets of equal width, so that a bound is
//! at most 0.8 % above the value that it stands for, whatever its magnitude; below 256 each value has its own.

use std::collections::BTreeMap;

/// Buckets of each power of two, as a power of two.
const BITS: u32 = 7;

/// Values by the bucket that they fall into.
///
/// # Examples
///
/// ```
/// use backstay_bench::histogram::Histogram;
///
/// let mut histogram = Histogram::default();
/// for value in 1..=1_000 {
///     histogram.record(value);
/// }
/// assert_eq!(histogram.count(), 1_000);
/// assert_eq!(histogram.quantile(0.5), Some(501)); // the bound of the bucket that holds 500
/// assert_eq!(histogram.quantile(1.0), Some(1_000));
/// assert_eq!(Histogram::default().quantile(0.5), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// By the bucket's number.
    counts: Vec<u64>,
    count: u64,
    max: u64,
}

impl Histogram {
    /// Takes a value down.
    pub fn record(&mut self, value: u64) {
        let bucket = bucket(value);
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.count += 1;
        self.max = self.max.max(value);
    }

    /// Takes over all of the other's.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// How many values there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The greatest value, exactly; 0 of nothing.
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// The least bound that this share of the values doesn't exceed; never above the greatest value. `None` of
    /// nothing. A share below 0 is taken as 0, one above 1 or NaN as 1.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let share = if share.is_nan() { 1.0 } else { share.clamp(0.0, 1.0) };
        let wanted = ((share * self.count as f64).ceil() as u64).max(1);
        let mut seen = 0;
        let place = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        place.map(|bucket| bound(bucket).min(self.max))
    }

    /// The buckets that hold something: the greatest value of each, and its count.
    pub fn buckets(&self) -> BTreeMap<u64, u64> {
        let filled = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(bucket, &count)| (bound(bucket), count)).collect()
    }
}

/// The number of the bucket that holds `value`.
fn bucket(value: u64) -> usize {
    let shift = shift(value);
    ((u64::from(shift) << BITS) + (value >> shift)) as usize
}

/// By how many bits a value is coarsened.
const fn shift(value: u64) -> u32 {
    (u64::BITS - value.leading_zeros()).saturating_sub(BITS + 1)
}

/// The greatest value of a bucket.
fn bound(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let shift = (bucket >> BITS).saturating_sub(1);
    let mantissa = bucket - (shift << BITS);
    (mantissa << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_in_its_own_bucket_and_the_next_value_is_not() {
        for value in (0..10_000).chain([u64::MAX / 3, u64::MAX - 1, u64::MAX]) {
            let bound = bound(bucket(value));
            assert!(bound >= value && bucket(bound) == bucket(value), "{value} {bound}");
            assert!((bound - value) as f64 <= value as f64 * 0.008, "{value} {bound}");
            if let Some(next) = bound.checked_add(1) {
                assert_eq!(bucket(next), bucket(value) + 1, "{value}");
            }
        }
    }

    #[test]
    fn small_values_are_exact() {
        let mut histogram = Histogram::default();
        [3, 1, 2, 255].into_iter().for_each(|value| histogram.record(value));
        assert_eq!(
            [0.0, 0.25, 0.5, 0.75, 0.76].map(|share| histogram.quantile(share).unwrap()),
            [1, 1, 2, 3, 255]
        );
        assert_eq!(histogram.quantile(f64::NAN), Some(255));
    }

    #[test]
    fn two_merged_are_as_one() {
        let (mut all, mut odd, mut even) = <(Histogram, Histogram, Histogram)>::default();
        for value in 0..2_000 {
            all.record(value * value);
            if value % 2 == 0 { &mut even } else { &mut odd }.record(value * value);
        }
        even.merge(&odd);
        assert_eq!(even, all);
        assert_eq!(even.buckets().values().sum::<u64>(), 2_000);
    }
}
