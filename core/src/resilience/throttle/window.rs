//! The latest calls of a throttle: sums over the last so much time, for each priority.

use crate::instant::{Instant, nanos};
use crate::resilience::priority::Priority;
use std::time::Duration;

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// The service took it.
    Accepted,
    /// The service was asked, and failed.
    Failed,
    /// The throttle refused it.
    Refused,
}

/// What came of the calls of one priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) accepted: u64,
    pub(super) failed: u64,
    pub(super) refused: u64,
}

impl Counts {
    /// All that somebody wanted to make.
    pub(super) const fn requests(&self) -> u64 {
        self.accepted.saturating_add(self.failed).saturating_add(self.refused)
    }

    const fn is_clean(&self) -> bool {
        self.failed == 0 && self.refused == 0
    }

    fn add(&mut self, came: Came) {
        let count = match came {
            Came::Accepted => &mut self.accepted,
            Came::Failed => &mut self.failed,
            Came::Refused => &mut self.refused,
        };
        *count = count.saturating_add(1);
    }

    fn add_all(&mut self, other: Self) {
        self.accepted = self.accepted.saturating_add(other.accepted);
        self.failed = self.failed.saturating_add(other.failed);
        self.refused = self.refused.saturating_add(other.refused);
    }

    fn remove(&mut self, other: Self) {
        self.accepted = self.accepted.saturating_sub(other.accepted);
        self.failed = self.failed.saturating_sub(other.failed);
        self.refused = self.refused.saturating_sub(other.refused);
    }
}

/// Of each priority, by its level.
pub(super) type Sums = [Counts; Priority::ALL.len()];

/// A ring of sums, so that its size is the same for any number of calls.
///
/// A call is counted for at least 31/32 of the window, and never for longer than the window.
#[derive(Debug)]
pub(super) struct Window {
    // Nanoseconds of one bucket.
    width: u64,
    // Which bucket since the origin of time is the current one, and when it ends.
    current: u64,
    ends: u64,
    buckets: Box<[Sums]>,
    // The sum of them.
    sums: Sums,
}

impl Window {
    const BUCKETS: usize = 32;

    pub(super) fn new(window: Duration) -> Self {
        let width = (nanos(window) / Self::BUCKETS as u64).max(1);
        let buckets = vec![Sums::default(); Self::BUCKETS].into_boxed_slice();
        Self { width, current: 0, ends: width, buckets, sums: Sums::default() }
    }

    /// A call more. By a clock that was read before another's it counts as of the later.
    #[inline]
    pub(super) fn count(&mut self, priority: Priority, came: Came, now: Instant) {
        self.advance_to(now);
        self.buckets[Self::at(self.current)][priority.level()].add(came);
        self.sums[priority.level()].add(came);
    }

    /// What is in it, now.
    #[inline]
    pub(super) fn sums(&mut self, now: Instant) -> &Sums {
        self.advance_to(now);
        &self.sums
    }

    /// As [`sums`](Self::sums), and changes nothing.
    pub(super) fn sums_at(&self, now: Instant) -> Sums {
        let passed = (now.as_nanos() / self.width).saturating_sub(self.current);
        let mut sums = Sums::default();
        // From the newest to the oldest that is still within the window.
        for age in passed..Self::BUCKETS as u64 {
            // Around zero too: there are a power of two of them.
            add_all(&mut sums, &self.buckets[Self::at(self.current.wrapping_sub(age - passed))]);
        }
        sums
    }

    /// Whether all that is in it was accepted.
    pub(super) fn is_clean(&self) -> bool {
        self.sums.iter().all(Counts::is_clean)
    }

    /// Takes over from one of another length what is not older than this one reaches. It has nothing yet.
    pub(super) fn inherit(&mut self, old: &Self, now: Instant) {
        let now = now.as_nanos().max(old.current.saturating_mul(old.width));
        self.advance(now);
        let latest = now / old.width;
        for bucket in latest.saturating_sub(Self::BUCKETS as u64 - 1)..=old.current {
            // As of its beginning: for too short rather than for too long.
            let at = bucket.saturating_mul(old.width) / self.width;
            if self.current.saturating_sub(at) < Self::BUCKETS as u64 {
                let sums = &old.buckets[Self::at(bucket)];
                add_all(&mut self.buckets[Self::at(at)], sums);
                add_all(&mut self.sums, sums);
            }
        }
    }

    #[inline]
    fn advance_to(&mut self, now: Instant) {
        if now.as_nanos() >= self.ends {
            self.advance(now.as_nanos());
        }
    }

    #[cold]
    fn advance(&mut self, now: u64) {
        let current = (now / self.width).max(self.current);
        let passed = (current - self.current).min(Self::BUCKETS as u64);
        for bucket in 1..=passed {
            let expired = std::mem::take(&mut self.buckets[Self::at(self.current.saturating_add(bucket))]);
            for (sum, expired) in self.sums.iter_mut().zip(expired) {
                sum.remove(expired);
            }
        }
        self.current = current;
        self.ends = current.saturating_add(1).saturating_mul(self.width);
    }

    const fn at(bucket: u64) -> usize {
        (bucket % Self::BUCKETS as u64) as usize
    }
}

fn add_all(sums: &mut Sums, others: &Sums) {
    for (sum, other) in sums.iter_mut().zip(others) {
        sum.add_all(*other);
    }
}

#[cfg(test)]
mod tests;
