//! Arithmetic, in parallel tasks.

use std::hint::black_box;

/// Size of [`Job::CpuFanOut`](super::Job::CpuFanOut): a chunk multiplies so often modulo a prime, which no compiler
/// shortens, each step waiting for the one before it. Whoever knows how finds the end in a few steps: so what every
/// chunk came to is checked at next to no cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuFanOut {
    /// Chunks, a task each.
    pub chunks: u64,
    /// Steps of each, of a few nanoseconds.
    pub steps: u64,
}

// Mersenne's prime of 31 bits and a primitive root of it (Lehmer's generator, as Park and Miller have it).
const PRIME: u64 = (1 << 31) - 1;
const FACTOR: u64 = 16_807;

impl CpuFanOut {
    /// What the chunk of this number comes to, step by step.
    pub fn work(&self, number: u64) -> u64 {
        (0..black_box(self.steps)).fold(start(number), |state, _| state * FACTOR % PRIME)
    }

    /// What all chunks should come to.
    pub fn sum(&self) -> u64 {
        let (mut factor, mut power, mut steps) = (1, FACTOR, self.steps);
        while steps > 0 {
            if steps % 2 == 1 {
                factor = factor * power % PRIME;
            }
            power = power * power % PRIME;
            steps /= 2;
        }
        (0..self.chunks).map(|number| start(number) * factor % PRIME).sum()
    }
}

/// Never 0, which would stay 0.
const fn start(number: u64) -> u64 {
    number % (PRIME - 1) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_leads_where_the_long_one_does() {
        for (chunks, steps) in [(1, 0), (1, 1), (1, 2), (3, 7), (5, 1_000), (64, 12_345)] {
            let size = CpuFanOut { chunks, steps };
            let sum: u64 = (0..chunks).map(|number| size.work(number)).sum();
            assert_eq!(sum, size.sum(), "{size:?}");
        }
        // Park and Miller's own check of an implementation.
        assert_eq!(CpuFanOut { chunks: 1, steps: 10_000 }.work(0), 1_043_618_065);
    }

    #[test]
    fn what_is_left_out_shows() {
        let size = CpuFanOut { chunks: 4, steps: 100 };
        assert_ne!((0..3).map(|number| size.work(number)).sum::<u64>(), size.sum());
        assert_ne!((0..4).sum::<u64>(), size.sum());
        assert_ne!(CpuFanOut { steps: 99, ..size }.sum(), size.sum());
    }
}
