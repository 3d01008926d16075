//! Medians, how sure they are, and what they allow to say.
//!
//! Intervals are percentile bootstrap intervals (Efron and Tibshirani, *An Introduction to the Bootstrap*,
//! 1993, chapter 13) at 95 %, computed exactly: no draw is made, so that the same runs always have the same interval.

mod bootstrap;

use bootstrap::Medians;
use serde::{Deserialize, Deserializer, Serialize};
use std::cmp::Ordering;

/// A difference up to this, 3 %, is not worth a word even where it is certain.
pub const MATTERS: f64 = 0.03;

/// Fewer runs than this allow no 95 % interval of a median: even from the least to the greatest of five holds it
/// with 94 % only.
pub const FEWEST: usize = 6;

/// A figure and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure; NaN, and in JSON `null`, where there is none, as of a ratio to nothing.
    #[serde(deserialize_with = "nan_of_null")]
    pub value: f64,
    /// The interval's ends; `None` with fewer runs than [`FEWEST`].
    pub interval: Option<[f64; 2]>,
}

/// What a ratio of medians shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Less than 1, by more than was asked for.
    Less,
    /// Neither.
    Nothing,
    /// More than 1, by more than was asked for.
    More,
}

impl Estimate {
    /// Reads it as a ratio: whether it differs from 1 by more than `by`, certainly. The whole interval has to lie
    /// beyond it: that the interval excludes 1 while the ratio is more than 3 % off is not enough, since of a true
    /// difference of 2 % one in ten comparisons would then be called one of more than 3 %.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_bench::stats::{Estimate, MATTERS, Shown};
    ///
    /// let shown = |value, low, high| Estimate { value, interval: Some([low, high]) }.shows(MATTERS);
    /// assert_eq!(shown(1.20, 1.10, 1.30), Shown::More);
    /// assert_eq!(shown(0.80, 0.70, 0.90), Shown::Less);
    /// assert_eq!(shown(1.20, 0.99, 1.40), Shown::Nothing); // not certain
    /// assert_eq!(shown(1.02, 1.01, 1.03), Shown::Nothing); // certain, and small
    /// assert_eq!(shown(1.05, 1.01, 1.09), Shown::Nothing); // not certainly more than 3 %
    /// ```
    pub fn shows(&self, by: f64) -> Shown {
        match self.interval {
            Some([low, _]) if low > 1.0 + by => Shown::More,
            Some([_, high]) if high < 1.0 / (1.0 + by) => Shown::Less,
            _ => Shown::Nothing,
        }
    }
}

/// JSON has no NaN.
fn nan_of_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
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
/// assert!(median(&[]).is_nan());
/// ```
pub fn median(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let (below, above) = (sorted[last / 2], sorted[last.div_ceil(2)]);
    below + (above - below) / 2.0
}

/// The median and its interval.
pub fn median_estimate(sample: &[f64]) -> Estimate {
    let interval = (sample.len() >= FEWEST).then(|| {
        let medians = Medians::of(sample);
        [0.025, 0.975].map(|share| medians.quantile(share))
    });
    Estimate { value: median(sample), interval }
}

/// The ratio of two medians and its interval; the samples are independent of each other. There is none unless all
/// values are above 0.
pub fn ratio_estimate(above: &[f64], below: &[f64]) -> Estimate {
    const NONE: Estimate = Estimate { value: f64::NAN, interval: None };
    if above.is_empty() || below.is_empty() {
        return NONE;
    }
    let (medians, over) = (Medians::of(above), Medians::of(below));
    if !(medians.are_positive() && over.are_positive()) {
        return NONE;
    }
    let enough = above.len().min(below.len()) >= FEWEST;
    let interval = enough.then(|| [0.025, 0.975].map(|share| medians.ratio_quantile(&over, share)));
    Estimate { value: median(above) / median(below), interval }
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
    use fastrand::Rng;

    fn around(center: f64, spread: f64, rng: &mut Rng) -> Vec<f64> {
        (0..15).map(|_| center + spread * (rng.f64() - 0.5)).collect()
    }

    #[test]
    fn few_runs_show_nothing() {
        let estimate = ratio_estimate(&[2.0; FEWEST - 1], &[1.0; FEWEST]);
        assert_eq!((estimate.value, estimate.shows(MATTERS)), (2.0, Shown::Nothing));
        assert_eq!(ratio_estimate(&[2.0; FEWEST], &[1.0; FEWEST]).shows(MATTERS), Shown::More);
    }

    #[test]
    fn what_has_no_ratio_shows_nothing_and_goes_through_json() {
        for (above, below) in [(&[1.0; 9][..], &[0.0; 9][..]), (&[-1.0; 9], &[1.0; 9]), (&[1.0; 9], &[])] {
            let estimate = ratio_estimate(above, below);
            assert_eq!(estimate.shows(MATTERS), Shown::Nothing);
            let text = serde_json::to_string(&estimate).unwrap();
            assert_eq!(text, r#"{"value":null,"interval":null}"#);
            assert!(serde_json::from_str::<Estimate>(&text).unwrap().value.is_nan());
        }
    }

    /// Of 2,000 intervals, about 1,900 should hold the truth; the bootstrap is somewhat short on small samples.
    #[test]
    fn intervals_cover() {
        let mut rng = Rng::with_seed(3);
        let covered = (0..2_000).filter(|_| {
            let [low, high] = median_estimate(&around(100.0, 20.0, &mut rng)).interval.unwrap();
            low <= 100.0 && 100.0 <= high
        });
        let covered = covered.count();
        assert!((1_850..=1_980).contains(&covered), "{covered} of 2,000");
    }

    #[test]
    fn equal_work_shows_nothing_and_twice_the_work_does() {
        let mut rng = Rng::with_seed(4);
        let (one, same) = (around(100.0, 10.0, &mut rng), around(100.0, 10.0, &mut rng));
        let twice = around(200.0, 10.0, &mut rng);
        assert_eq!(ratio_estimate(&one, &same).shows(MATTERS), Shown::Nothing);
        assert_eq!(ratio_estimate(&twice, &one).shows(MATTERS), Shown::More);
        assert_eq!(ratio_estimate(&one, &twice).shows(MATTERS), Shown::Less);
    }

    #[test]
    fn ties_count_half() {
        assert_eq!(superiority(&[1.0], &[1.0, 2.0]), 0.75);
        assert_eq!(superiority(&[5.0], &[1.0, 2.0]), 0.0);
    }
}
