//! The latest calls of a circuit breaker: so many of them, or those of so much time.

mod kept;

use crate::instant::{Instant, nanos};
use std::time::Duration;

/// How a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

/// How many calls went how; one that failed and was slow is both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) calls: u64,
    pub(super) failures: u64,
    pub(super) slow: u64,
}

impl Counts {
    #[inline]
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.calls = self.calls.saturating_add(1);
        self.failures = self.failures.saturating_add(outcome.failed.into());
        self.slow = self.slow.saturating_add(outcome.slow.into());
    }

    fn add_all(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.failures = self.failures.saturating_add(other.failures);
        self.slow = self.slow.saturating_add(other.slow);
    }

    fn remove(&mut self, other: Self) {
        self.calls = self.calls.saturating_sub(other.calls);
        self.failures = self.failures.saturating_sub(other.failures);
        self.slow = self.slow.saturating_sub(other.slow);
    }
}

/// The calls that a rate is of.
#[derive(Debug)]
pub(super) enum Window {
    /// None are kept.
    Nothing,
    Count(CountWindow),
    Time(Box<TimeWindow>),
}

impl Window {
    /// A call more. Without a time it counts as of the time of the one before.
    #[inline]
    pub(super) fn push(&mut self, outcome: Outcome, now: Option<Instant>) {
        match self {
            Self::Nothing => {}
            Self::Count(window) => window.push(outcome),
            Self::Time(window) => window.push(outcome, now),
        }
    }

    /// What is in it after the last call.
    pub(super) fn counts(&self) -> Counts {
        match self {
            Self::Nothing => Counts::default(),
            Self::Count(window) => window.counts,
            Self::Time(window) => window.counts,
        }
    }

    /// What is in it at that time.
    pub(super) fn counts_at(&self, now: Instant) -> Counts {
        match self {
            Self::Time(window) => window.counts_at(now),
            _ => self.counts(),
        }
    }

    /// Whether one success more leaves it as it is.
    pub(super) fn is_clean(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Count(window) => window.is_clean(),
            Self::Time(_) => false,
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Nothing => {}
            Self::Count(window) => window.clear(),
            Self::Time(window) => window.clear(),
        }
    }

    /// Takes over from one of another size what there is room for: the latest. It has nothing yet. Calls that were
    /// counted have no time, and of the times of others only the bucket is known: nothing goes from one kind to another.
    pub(super) fn inherit(&mut self, old: &Self, now: Instant) {
        match (self, old) {
            (Self::Count(window), Self::Count(old)) => window.inherit(old),
            (Self::Time(window), Self::Time(old)) => window.inherit(old, now),
            _ => {}
        }
    }
}

/// The last so many calls: a ring, two bits a call.
#[derive(Debug)]
pub(super) struct CountWindow {
    size: u32,
    // Where the next call goes: over the oldest, once the ring is full.
    next: u32,
    counts: Counts,
    cells: Box<[u64]>,
}

impl CountWindow {
    const FAILED: u64 = 1;
    // Once it is shifted down by one.
    const SLOW: u64 = 1;
    const CELLS: u32 = u64::BITS / 2;

    /// Not for a size of zero.
    pub(super) fn new(size: u32) -> Self {
        let cells = vec![0; size.div_ceil(Self::CELLS) as usize].into_boxed_slice();
        Self { size, next: 0, counts: Counts::default(), cells }
    }

    #[inline]
    fn push(&mut self, outcome: Outcome) {
        let (cells, shift) =
            (&mut self.cells[(self.next / Self::CELLS) as usize], self.next % Self::CELLS * 2);
        let bits = u64::from(outcome.failed) | u64::from(outcome.slow) << 1;
        let is_full = self.counts.calls == u64::from(self.size);
        let oldest = if is_full { *cells >> shift } else { 0 };
        *cells = *cells & !(0b11 << shift) | bits << shift;
        self.counts.calls += u64::from(!is_full);
        self.counts.failures = self.counts.failures + (bits & Self::FAILED) - (oldest & Self::FAILED);
        self.counts.slow = self.counts.slow + (bits >> 1 & Self::SLOW) - (oldest >> 1 & Self::SLOW);
        self.next = if self.next + 1 == self.size { 0 } else { self.next + 1 };
    }

    fn inherit(&mut self, old: &Self) {
        let too_many = old.counts.calls.saturating_sub(self.size.into()) as usize;
        old.outcomes().skip(too_many).for_each(|outcome| self.push(outcome));
    }

    /// The oldest first.
    fn outcomes(&self) -> impl Iterator<Item = Outcome> {
        let size = u64::from(self.size);
        (1..=self.counts.calls).rev().map(move |age| {
            let at = ((u64::from(self.next) + size - age) % size) as u32;
            let bits = self.cells[(at / Self::CELLS) as usize] >> (at % Self::CELLS * 2);
            Outcome { failed: bits & Self::FAILED != 0, slow: bits >> 1 & Self::SLOW != 0 }
        })
    }

    fn is_clean(&self) -> bool {
        self.counts == Counts { calls: self.size.into(), failures: 0, slow: 0 }
    }

    fn clear(&mut self) {
        // What is left in the cells is written over before it counts.
        (self.next, self.counts) = (0, Counts::default());
    }
}

/// The calls of so much time: a ring of sums, so that its size is the same for any number of calls.
///
/// A call is counted for at least 31/32 of the window, and never for longer than the window.
#[derive(Debug)]
pub(super) struct TimeWindow {
    // Nanoseconds of one bucket.
    width: u64,
    // Which bucket since the origin of time is the current one, and when it ends.
    current: u64,
    ends: u64,
    buckets: [Counts; Self::BUCKETS],
    // The sum of them.
    counts: Counts,
}

impl TimeWindow {
    const BUCKETS: usize = 32;

    pub(super) fn new(window: Duration) -> Self {
        let width = (nanos(window) / Self::BUCKETS as u64).max(1);
        let buckets = [Counts::default(); Self::BUCKETS];
        Self { width, current: 0, ends: width, buckets, counts: Counts::default() }
    }

    #[inline]
    fn push(&mut self, outcome: Outcome, now: Option<Instant>) {
        if let Some(now) = now.map(Instant::as_nanos)
            && now >= self.ends
        {
            self.advance(now);
        }
        // One that comes late, by a clock that was read before another's, counts as of now.
        self.buckets[Self::at(self.current)].add(outcome);
        self.counts.add(outcome);
    }

    #[cold]
    fn advance(&mut self, now: u64) {
        let current = now / self.width;
        let passed = current.saturating_sub(self.current).min(Self::BUCKETS as u64);
        for bucket in 1..=passed {
            let expired = &mut self.buckets[Self::at(self.current.saturating_add(bucket))];
            self.counts.remove(std::mem::take(expired));
        }
        self.current = current;
        self.ends = current.saturating_add(1).saturating_mul(self.width);
    }

    fn inherit(&mut self, old: &Self, now: Instant) {
        let now = self.come_to(now.as_nanos().max(old.current.saturating_mul(old.width)));
        old.parts(now).for_each(|(ago, calls)| self.add(ago, calls, now));
    }

    fn counts_at(&self, now: Instant) -> Counts {
        let passed = (now.as_nanos() / self.width).saturating_sub(self.current);
        let mut counts = Counts::default();
        // From the newest to the oldest that is still within the window.
        for age in passed..Self::BUCKETS as u64 {
            // Around zero too: there are a power of two of them.
            let bucket = self.current.wrapping_sub(age - passed);
            counts.add_all(self.buckets[Self::at(bucket)]);
        }
        counts
    }

    fn clear(&mut self) {
        (self.buckets, self.counts) = ([Counts::default(); Self::BUCKETS], Counts::default());
    }

    const fn at(bucket: u64) -> usize {
        (bucket % Self::BUCKETS as u64) as usize
    }
}

#[cfg(test)]
mod tests;
