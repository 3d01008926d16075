//! Timers that are armed and cancelled.

use std::time::Duration;

/// Size of [`Job::ArmedTimers`](super::Job::ArmedTimers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArmedTimers {
    /// Timers, all of them armed before the first is cancelled.
    pub timers: u64,
    /// What is timed.
    pub part: Part,
}

/// A part of a timer's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Made, and polled once.
    Arm,
    /// Dropped.
    Cancel,
}

impl ArmedTimers {
    /// When the timer of this number is due: in a minute to an hour, in no order, since a queue that takes what comes
    /// in order has it easier.
    pub const fn deadline(number: u64) -> Duration {
        // A number scattered by the golden ratio, as Knuth does for hash tables.
        let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        Duration::from_millis(60_000 + scattered % 3_540_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_far_and_in_no_order() {
        let deadlines: Vec<_> = (0..10_000).map(ArmedTimers::deadline).collect();
        assert!(deadlines.iter().all(|at| (60..3_600).contains(&at.as_secs())));
        let later = deadlines.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((3_000..7_000).contains(&later), "{later} of 9,999 are later than the one before");
        assert!(deadlines.iter().max().unwrap().as_secs() > 3_500);
        assert!(deadlines.iter().min().unwrap().as_secs() < 120);
    }
}
