//! The bootstrap distribution of a median, exactly.
//!
//! A bootstrap draws as many values from a sample, with replacement, and takes their median, again and again. For a
//! median the limit of ever more draws can be written down (Efron and Tibshirani, *An Introduction to the
//! Bootstrap*, 1993, chapter 2), so that no draw is needed, and the interval of a sample is always the same.
//!
//! Of `n` draws from `n` sorted values, the `k`-th least is at most the `i`-th value when at least `k` of them are,
//! which is binomial. With an even `n` the median is the mean of two, the `k`-th and the next, with `k = n / 2`: they
//! are values `i < j` when `k` draws are at most `i`, one of them `i` itself, and the others at least `j`, one of
//! them `j` itself.

/// The values that a median may have, ascending, with their weights, which sum up to 1.
#[derive(Clone, Debug)]
pub(super) struct Medians {
    values: Vec<f64>,
    /// How much weight there is up to and including each.
    cumulated: Vec<f64>,
}

impl Medians {
    /// Of a sample that isn't empty.
    pub(super) fn of(sample: &[f64]) -> Self {
        let mut sorted = sample.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut weighted = if sorted.len().is_multiple_of(2) { even(&sorted) } else { odd(&sorted) };
        // Of a thousand values almost all pairs are next to impossible.
        weighted.retain(|(_, weight)| *weight > 1e-12);
        weighted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (values, weights): (_, Vec<f64>) = weighted.into_iter().unzip();
        let mut sum = 0.0;
        let cumulated = weights.into_iter().map(|weight| {
            sum += weight;
            sum
        });
        Self { values, cumulated: cumulated.collect() }
    }

    /// The least value that this share of the weight doesn't exceed.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        let place = self.cumulated.partition_point(|&sum| sum < share);
        self.values[place.min(self.values.len() - 1)]
    }

    /// The weight up to and including `value`.
    fn up_to(&self, value: f64) -> f64 {
        match self.values.partition_point(|&other| other <= value) {
            0 => 0.0,
            place => self.cumulated[place - 1],
        }
    }

    /// As [`quantile`](Self::quantile), of this over `below`, both being positive and independent: found by
    /// halving, to the last digits of a float.
    pub(super) fn ratio_quantile(&self, below: &Self, share: f64) -> f64 {
        let (first, last) = (|values: &[f64]| values[0], |values: &[f64]| values[values.len() - 1]);
        let mut low = first(&self.values) / last(&below.values);
        let mut high = last(&self.values) / first(&below.values);
        let weight_up_to = |ratio: f64| -> f64 {
            let mut before = 0.0;
            let each = below.values.iter().zip(&below.cumulated).map(|(&value, &cumulated)| {
                let weight = cumulated - before;
                before = cumulated;
                weight * self.up_to(ratio * value)
            });
            each.sum()
        };
        for _ in 0..60 {
            let middle = low + (high - low) / 2.0;
            *(if weight_up_to(middle) < share { &mut low } else { &mut high }) = middle;
        }
        high
    }

    /// Whether all of them are above 0.
    pub(super) fn are_positive(&self) -> bool {
        self.values[0] > 0.0 && self.values.iter().all(|value| value.is_finite())
    }
}

/// Each of an odd number of sorted values, with its weight.
fn odd(sorted: &[f64]) -> Vec<(f64, f64)> {
    let at_most = middle_at_most(sorted.len(), sorted.len().div_ceil(2));
    let weight = |place: usize| at_most[place + 1] - at_most[place];
    sorted.iter().enumerate().map(|(place, &value)| (value, weight(place))).collect()
}

/// The mean of each pair of an even number of sorted values, with its weight.
fn even(sorted: &[f64]) -> Vec<(f64, f64)> {
    let n = sorted.len();
    let half = n / 2;
    let at_most = middle_at_most(n, half);
    // In how many ways the draws are two halves, over 2 to the power of `n`, as neither is a float when `n` is large.
    let ways = (1..=half).map(|k| (2 * k - 1) as f64 / (2 * k) as f64).product::<f64>();
    // How probable it is that one half is among so many values, and the other among so many, times that power of 2.
    let all_among =
        |low: usize, high: usize| (4.0 * low as f64 / n as f64 * high as f64 / n as f64).powi(half as i32);
    // That half of the draws, which are among `count` of the values, aren't all among one less: that one of them is
    // the last.
    let has_last = |count: usize| 1.0 - ((count - 1) as f64 / count as f64).powi(half as i32);
    let mut pairs = Vec::new();
    for i in 0..n {
        let mut left = at_most[i + 1] - at_most[i];
        for j in i + 1..n {
            let weight = ways * all_among(i + 1, n - j) * has_last(i + 1) * has_last(n - j);
            // Those that are further apart are less probable still.
            if weight < 1e-20 {
                break;
            }
            left -= weight;
            pairs.push(((sorted[i] + sorted[j]) / 2.0, weight));
        }
        pairs.push((sorted[i], left.max(0.0)));
    }
    pairs
}

/// How probable it is that of `n` draws the `k`-th least is among the first 0, 1, … `n` values: that at least `k`
/// draws are.
fn middle_at_most(n: usize, k: usize) -> Vec<f64> {
    let at_least = |count: usize| -> f64 {
        if count == n {
            return 1.0;
        }
        // The binomial's terms one from the other, from the greatest outwards and as multiples of it: none overflows,
        // and what is next to nothing beside it is left out.
        let odds = count as f64 / (n - count) as f64;
        let (mut fewer, mut enough) = (0.0, 0.0);
        let mut add = |hits: usize, term: f64| {
            *(if hits < k { &mut fewer } else { &mut enough }) += term;
            term > 1e-30
        };
        let mut term = 1.0;
        for hits in count..=n {
            if !add(hits, term) {
                break;
            }
            term *= (n - hits) as f64 / (hits + 1) as f64 * odds;
        }
        term = 1.0;
        for hits in (0..count).rev() {
            term *= (hits + 1) as f64 / (n - hits) as f64 / odds;
            if !add(hits, term) {
                break;
            }
        }
        enough / (fewer + enough)
    };
    (0..=n).map(at_least).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    /// What the formulas stand for.
    fn drawn(sample: &[f64], at_most: f64, rng: &mut Rng) -> f64 {
        let draws = 40_000;
        let hits = (0..draws).filter(|_| {
            let draw: Vec<_> = (0..sample.len()).map(|_| sample[rng.usize(..sample.len())]).collect();
            super::super::median(&draw) <= at_most
        });
        hits.count() as f64 / f64::from(draws)
    }

    #[test]
    fn it_is_what_draws_come_to() {
        let mut rng = Rng::with_seed(1);
        for n in [1, 2, 5, 6, 7, 8] {
            let sample: Vec<_> = (0..n).map(|_| rng.f64()).collect();
            let medians = Medians::of(&sample);
            assert!((medians.cumulated.last().unwrap() - 1.0).abs() < 1e-9, "{n}");
            for share in [0.1, 0.5, 0.8] {
                let value = medians.quantile(share);
                let (exact, drawn) = (medians.up_to(value), drawn(&sample, value, &mut rng));
                assert!((exact - drawn).abs() < 0.01, "{n} values: {exact} and {drawn} at most {value}");
            }
        }
    }

    #[test]
    fn hundreds_of_values_are_no_matter() {
        let sample: Vec<_> = (1..=1_000).map(f64::from).collect();
        let (medians, most) = (Medians::of(&sample), Medians::of(&sample[..998]));
        assert!(medians.values.len() < 20_000, "{}", medians.values.len());
        assert!(medians.ratio_quantile(&most, 0.975) < 1.1);
        for n in [400, 401] {
            let sample: Vec<_> = (1..=n).map(f64::from).collect();
            let medians = Medians::of(&sample);
            assert!((medians.cumulated.last().unwrap() - 1.0).abs() < 1e-6);
            let [low, high] = [0.025, 0.975].map(|share| medians.quantile(share));
            // The median's standard error is half the square root of n places.
            assert!(
                (low - (200.0 - 19.6)).abs() < 1.5 && (high - (200.0 + 19.6)).abs() < 1.5,
                "{low} {high}"
            );
        }
    }

    #[test]
    fn thousands_of_values_are_no_matter() {
        for n in [999, 1_000, 2_201, 10_000] {
            let sample: Vec<_> = (1..=n).map(f64::from).collect();
            let medians = Medians::of(&sample);
            let sum = medians.cumulated.last().unwrap();
            assert!((sum - 1.0).abs() < 1e-6, "{n} values: {sum}");
            let middle = f64::from(n + 1) / 2.0;
            for (share, errors) in [(0.025, -0.98), (0.975, 0.98)] {
                let (value, expected) = (medians.quantile(share), middle + errors * f64::from(n).sqrt());
                assert!((value - expected).abs() < 1.5, "{n} values: {value} and not {expected}");
            }
        }
    }

    #[test]
    fn a_ratio_with_a_constant_is_the_median_over_it() {
        let above = Medians::of(&[10.0, 20.0, 30.0]);
        let below = Medians::of(&[2.0; 3]);
        for share in [0.1, 0.5, 0.9] {
            let ratio = above.ratio_quantile(&below, share);
            assert!((ratio - above.quantile(share) / 2.0).abs() < 1e-9, "{ratio}");
        }
    }
}
