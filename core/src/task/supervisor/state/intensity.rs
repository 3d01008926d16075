//! How many restarts there may be in a period.

use crate::instant::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// OTP's rule (`supervisor.erl`, `add_restart`): the instants of the restarts of the last period are kept, and when
/// there are more than the intensity, that is one too many. A restart of exactly a period ago still counts.
///
/// One is heard of late where its child left something behind; it counts as of its own time, as long as that is within a
/// period of the latest.
#[derive(Debug)]
pub(super) struct Intensity {
    limit: usize,
    period: Duration,
    // In order.
    restarts: VecDeque<Instant>,
}

impl Intensity {
    pub(super) fn new(intensity: u32, period: Duration) -> Self {
        Self { limit: usize::try_from(intensity).unwrap_or(usize::MAX), period, restarts: VecDeque::new() }
    }

    /// Counts a restart, and tells whether it is one too many.
    pub(super) fn is_exceeded_by_one(&mut self, at: Instant) -> bool {
        let place = self.restarts.partition_point(|&other| other <= at);
        self.restarts.insert(place, at);
        while let (Some(&oldest), Some(&latest)) = (self.restarts.front(), self.restarts.back())
            && latest - oldest > self.period
        {
            self.restarts.pop_front();
        }
        self.restarts.len() > self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_counts_for_a_period_its_end_included() {
        let at = Instant::from_nanos;
        let mut intensity = Intensity::new(2, Duration::from_nanos(10));
        let exceeded: Vec<_> = [0, 5, 10, 15, 26, 27, 28, 38, 39]
            .map(|now| (now, intensity.is_exceeded_by_one(at(now))))
            .into_iter()
            .filter_map(|(now, exceeded)| exceeded.then_some(now))
            .collect();
        assert_eq!(exceeded, [10, 15, 28]);
    }

    #[test]
    fn one_that_is_heard_of_late_counts_as_of_its_own_time() {
        let at = Instant::from_nanos;
        for (late, is_exceeded) in [(9, false), (10, true), (25, true)] {
            let mut intensity = Intensity::new(1, Duration::from_nanos(10));
            assert!(!intensity.is_exceeded_by_one(at(20)));
            assert_eq!(intensity.is_exceeded_by_one(at(late)), is_exceeded, "{late}");
        }
    }

    #[test]
    fn zero_is_exceeded_by_the_first_and_no_number_overflows() {
        let now = Instant::from_nanos(u64::MAX - 1);
        assert!(Intensity::new(0, Duration::from_nanos(1)).is_exceeded_by_one(now));
        assert!(!Intensity::new(1, Duration::MAX).is_exceeded_by_one(now));
        let mut most = Intensity::new(u32::MAX, Duration::MAX);
        assert!((0..100).all(|_| !most.is_exceeded_by_one(now)));
    }
}
