//! Arithmetic, in parallel tasks.

use std::hint::black_box;

/// Size of [`Job::CpuFanOut`](super::Job::CpuFanOut): a chunk is a number of steps of a linear congruential generator,
/// each of which needs the one before it, and whose end can be found in a few steps by who knows how. So a chunk can't
/// be left out, and its result is checked at next to no cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuFanOut {
    /// Chunks, a task each.
    pub chunks: u64,
    /// Steps of each, of a nanosecond or two.
    pub steps: u64,
}

// Knuth's, as in MMIX.
const FACTOR: u64 = 6_364_136_223_846_793_005;
const TERM: u64 = 1_442_695_040_888_963_407;

impl CpuFanOut {
    /// Where the generator that starts with this number is after all steps, step by step.
    pub fn work(&self, number: u64) -> u64 {
        (0..black_box(self.steps)).fold(number, |state, _| state.wrapping_mul(FACTOR).wrapping_add(TERM))
    }

    /// The wrapping sum of what all chunks should come to.
    pub fn sum(&self) -> u64 {
        // `x -> factor * x + term`, squared once for each bit of the number of steps.
        let (mut factor, mut term) = (FACTOR, TERM);
        let (mut all_factor, mut all_term) = (1_u64, 0_u64);
        let mut steps = self.steps;
        while steps > 0 {
            if steps % 2 == 1 {
                all_factor = all_factor.wrapping_mul(factor);
                all_term = all_term.wrapping_mul(factor).wrapping_add(term);
            }
            term = term.wrapping_mul(factor.wrapping_add(1));
            factor = factor.wrapping_mul(factor);
            steps /= 2;
        }
        let end = |number: u64| number.wrapping_mul(all_factor).wrapping_add(all_term);
        (0..self.chunks).map(end).fold(0, u64::wrapping_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_leads_where_the_long_one_does() {
        for (chunks, steps) in [(1, 0), (1, 1), (1, 2), (3, 7), (5, 1_000), (64, 12_345)] {
            let size = CpuFanOut { chunks, steps };
            let sum = (0..chunks).map(|number| size.work(number)).fold(0, u64::wrapping_add);
            assert_eq!(sum, size.sum(), "{size:?}");
        }
    }

    #[test]
    fn a_chunk_left_out_shows() {
        let size = CpuFanOut { chunks: 4, steps: 100 };
        let sum = (0..3).map(|number| size.work(number)).fold(0, u64::wrapping_add);
        assert_ne!(sum, size.sum());
    }
}
