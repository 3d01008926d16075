//! Medians, how sure they are, and what they allow to say.
//!
//! Intervals are percentile bootstrap intervals (Efron and Tibshirani, *An Introduction to the Bootstrap*,
//! 1993, chapter 13) at 95 %, with [`RESAMPLES`] resamples from a seeded generator, so that a report can be
//! made again.

use fastrand::Rng;
use std::cmp::Ordering;

/// Resamples behind each interval.
pub const RESAMPLES: usize = 4_000;

/// A difference up to this, 3 %, is not worth a word even where it is certain.
pub const MATTERS: f64 = 0.03;

/// Fewer runs than this allow no 95 % interval of a median: even from the least to the greatest of five holds it
/// with 94 % only.
pub const FEWEST: usize = 6;

/// A figure and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

/// What a ratio of medians shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Less than 1: by more than 3 %, and the interval excludes 1.
    Less,
    /// Neither.
    Nothing,
    /// More than 1: by more than 3 %, and the interval excludes 1.
    More,
}

impl Estimate {
    /// Reads it as a ratio.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_bench::stats::{Estimate, Shown};
    ///
    /// let shown = |value, low, high| Estimate { value, low, high }.shows();
    /// assert_eq!(shown(1.20, 1.10, 1.30), Shown::More);
    /// assert_eq!(shown(0.80, 0.70, 0.90), Shown::Less);
    /// assert_eq!(shown(1.20, 0.99, 1.40), Shown::Nothing); // not certain
    /// assert_eq!(shown(1.02, 1.01, 1.03), Shown::Nothing); // certain, and small
    /// ```
    pub fn shows(&self) -> Shown {
        if self.low > 1.0 && self.value > 1.0 + MATTERS {
            Shown::More
        } else if self.high < 1.0 && self.value < 1.0 - MATTERS {
            Shown::Less
        } else {
            Shown::Nothing
        }
    }
}

/// The middle value, or the mean of the two middle ones; NaN of nothing.
///
/// # Examples
///
/// ```
/// use backstay_bench::stats::median;
///
/// assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
/// assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
/// ```
pub fn median(sample: &[f64]) -> f64 {
    median_of(&mut sample.to_vec())
}

fn median_of(sample: &mut [f64]) -> f64 {
    sample.sort_unstable_by(f64::total_cmp);
    quantile(sample, 0.5)
}

/// Of sorted values, with linear interpolation between neighbours.
fn quantile(sorted: &[f64], at: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = at * last as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// The median and its interval.
pub fn median_estimate(sample: &[f64], rng: &mut Rng) -> Estimate {
    let mut scratch = Vec::with_capacity(sample.len());
    estimate(median(sample), sample.len(), || resampled_median(sample, &mut scratch, rng))
}

/// The ratio of two medians and its interval; the samples are independent of each other.
pub fn ratio_estimate(above: &[f64], below: &[f64], rng: &mut Rng) -> Estimate {
    let mut scratch = Vec::with_capacity(above.len().max(below.len()));
    estimate(median(above) / median(below), above.len().min(below.len()), || {
        resampled_median(above, &mut scratch, rng) / resampled_median(below, &mut scratch, rng)
    })
}

fn estimate(value: f64, runs: usize, mut resample: impl FnMut() -> f64) -> Estimate {
    if runs < FEWEST {
        return Estimate { value, low: 0.0, high: f64::INFINITY };
    }
    let mut values: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();
    values.sort_unstable_by(f64::total_cmp);
    Estimate { value, low: quantile(&values, 0.025), high: quantile(&values, 0.975) }
}

fn resampled_median(sample: &[f64], scratch: &mut Vec<f64>, rng: &mut Rng) -> f64 {
    scratch.clear();
    scratch.extend((0..sample.len()).map(|_| sample[rng.usize(..sample.len())]));
    median_of(scratch)
}

/// How probable it is that a run out of `these` is less than one out of `those`, ties counting half: the
/// statistic of Mann and Whitney (1947) over the number of pairs.
///
/// # Examples
///
/// ```
/// use backstay_bench::stats::superiority;
///
/// assert_eq!(superiority(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
/// assert_eq!(superiority(&[1.0, 2.0], &[1.0, 2.0]), 0.5);
/// ```
pub fn superiority(these: &[f64], those: &[f64]) -> f64 {
    let mut wins = 0.0;
    for this in these {
        for that in those {
            wins += match this.total_cmp(that) {
                Ordering::Less => 1.0,
                Ordering::Equal => 0.5,
                Ordering::Greater => 0.0,
            };
        }
    }
    wins / (these.len() * those.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(center: f64, spread: f64, rng: &mut Rng) -> Vec<f64> {
        (0..15).map(|_| center + spread * (rng.f64() - 0.5)).collect()
    }

    #[test]
    fn quantiles_interpolate() {
        let sorted = [0.0, 10.0, 20.0];
        assert_eq!(quantile(&sorted, 0.0), 0.0);
        assert_eq!(quantile(&sorted, 0.25), 5.0);
        assert_eq!(quantile(&sorted, 1.0), 20.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn few_runs_show_nothing() {
        let mut rng = Rng::with_seed(1);
        let estimate = ratio_estimate(&[2.0; FEWEST - 1], &[1.0; FEWEST], &mut rng);
        assert_eq!((estimate.value, estimate.shows()), (2.0, Shown::Nothing));
        assert_eq!(ratio_estimate(&[2.0; FEWEST], &[1.0; FEWEST], &mut rng).shows(), Shown::More);
    }

    #[test]
    fn same_seed_same_interval() {
        let sample = around(100.0, 10.0, &mut Rng::with_seed(1));
        let estimate = |seed| median_estimate(&sample, &mut Rng::with_seed(seed));
        assert_eq!(estimate(2), estimate(2));
        assert!(estimate(2).low < estimate(2).value && estimate(2).value < estimate(2).high);
    }

    /// Of 200 intervals, about 190 should hold the truth; the bootstrap is somewhat short on small samples.
    #[test]
    fn intervals_cover() {
        let mut rng = Rng::with_seed(3);
        let covered = (0..200).filter(|_| {
            let sample = around(100.0, 20.0, &mut rng);
            let estimate = median_estimate(&sample, &mut rng);
            estimate.low <= 100.0 && 100.0 <= estimate.high
        });
        let covered = covered.count();
        assert!((178..=200).contains(&covered), "{covered} of 200");
    }

    #[test]
    fn equal_work_shows_nothing_and_twice_the_work_does() {
        let mut rng = Rng::with_seed(4);
        let (one, same) = (around(100.0, 10.0, &mut rng), around(100.0, 10.0, &mut rng));
        let twice = around(200.0, 10.0, &mut rng);
        assert_eq!(ratio_estimate(&one, &same, &mut rng).shows(), Shown::Nothing);
        assert_eq!(ratio_estimate(&twice, &one, &mut rng).shows(), Shown::More);
        assert_eq!(ratio_estimate(&one, &twice, &mut rng).shows(), Shown::Less);
    }

    #[test]
    fn ties_count_half() {
        assert_eq!(superiority(&[1.0], &[1.0, 2.0]), 0.75);
        assert_eq!(superiority(&[5.0], &[1.0, 2.0]), 0.0);
    }
}
