//! Delays one after the other.

use super::Backoff;
use std::time::Duration;

/// All the delays of a [`Backoff`], in order: what [`Backoff::delays`] gives. It has no end.
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing unless they are iterated over"]
pub struct Delays<'b> {
    backoff: &'b Backoff,
    attempt: u32,
    previous: Duration,
    seed: u64,
}

impl<'b> Delays<'b> {
    pub(super) const fn new(backoff: &'b Backoff, seed: u64) -> Self {
        Self { backoff, attempt: 0, previous: Duration::ZERO, seed }
    }
}

impl Iterator for Delays<'_> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.attempt = self.attempt.saturating_add(1);
        self.previous = self.backoff.next_delay(self.attempt, self.previous, split_mix(&mut self.seed));
        Some(self.previous)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

/// SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first of the published sequence, whose seed is 1234567.
    #[test]
    fn the_random_numbers_are_those_of_splitmix64() {
        let mut state = 1_234_567;
        for expected in [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423] {
            assert_eq!(split_mix(&mut state), expected);
        }
    }
}
