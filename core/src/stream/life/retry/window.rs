//! How many restarts there may be within a time: no clock, no waiting.

use crate::instant::Instant;
use crate::limit::Limit;
use std::collections::VecDeque;
use std::time::Duration;

/// The instants of the last restarts, never more than the limit. The rule is OTP's, as of supervisors.
#[derive(Debug)]
pub(super) struct Window {
    limit: Limit,
    within: Duration,
    restarts: VecDeque<Instant>,
}

impl Window {
    pub(super) const fn new(limit: Limit, within: Duration) -> Self {
        Self { limit, within, restarts: VecDeque::new() }
    }

    /// Counts a restart, if there may be one.
    pub(super) fn try_restart(&mut self, now: Instant) -> bool {
        while let Some(&oldest) = self.restarts.front()
            && now - oldest > self.within
        {
            self.restarts.pop_front();
        }
        let is_free = self.restarts.len() < self.limit.get();
        if is_free {
            self.restarts.push_back(now);
        }
        is_free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(limit: usize, within: Duration, at: &[u64]) -> Vec<u64> {
        let mut window = Window::new(Limit::new(limit).expect("not zero"), within);
        at.iter().copied().filter(|&at| window.try_restart(Instant::from_nanos(at))).collect()
    }

    #[test]
    fn a_restart_counts_for_so_long_its_end_included() {
        let within = Duration::from_nanos(10);
        assert_eq!(granted(2, within, &[0, 5, 10, 11, 15, 16, 21, 22]), [0, 5, 11, 16, 22]);
    }

    #[test]
    fn no_time_and_all_time() {
        assert_eq!(granted(1, Duration::ZERO, &[0, 0, 1, 1, 2]), [0, 1, 2]);
        assert_eq!(granted(2, Duration::MAX, &[0, 1, u64::MAX - 1, u64::MAX]), [0, 1]);
    }
}
