//! The latest calls of a circuit breaker: so many of them, or those of so much time.

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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    const OK: Outcome = Outcome { failed: false, slow: false };

    fn counts<'a>(calls: impl IntoIterator<Item = &'a Outcome>) -> Counts {
        let mut counts = Counts::default();
        calls.into_iter().for_each(|call| counts.add(*call));
        counts
    }

    fn outcomes() -> impl Strategy<Value = Outcome> {
        (any::<bool>(), any::<bool>()).prop_map(|(failed, slow)| Outcome { failed, slow })
    }

    #[test]
    fn a_ring_is_clean_when_it_is_full_of_successes() {
        let mut ring = CountWindow::new(3);
        ring.push(Outcome { failed: true, slow: false });
        for clean in [false, false, true, true] {
            ring.push(OK);
            assert_eq!(ring.is_clean(), clean);
        }
        ring.push(Outcome { failed: false, slow: true });
        assert!(!ring.is_clean());
        ring.clear();
        assert_eq!((ring.counts, ring.is_clean()), (Counts::default(), false));
    }

    #[test]
    fn b19_a_time_window_forgets_by_the_bucket() {
        let mut window = TimeWindow::new(Duration::from_nanos(320)); // of 10 ns
        for at in [0, 9, 10, 300] {
            window.push(OK, Some(Instant::from_nanos(at)));
        }
        let table = [(0, 4), (300, 4), (319, 4), (320, 2), (330, 1), (619, 1), (620, 0), (u64::MAX, 0)];
        for (now, calls) in table {
            assert_eq!(window.counts_at(Instant::from_nanos(now)).calls, calls, "at {now}");
        }
        window.push(OK, Some(Instant::from_nanos(5))); // late: as of 300
        assert_eq!(window.counts_at(Instant::from_nanos(619)).calls, 2);
        window.push(OK, Some(Instant::from_nanos(325)));
        assert_eq!(window.counts.calls, 4);
        window.push(OK, Some(Instant::MAX));
        assert_eq!(window.counts.calls, 1);
        window.push(OK, None);
        assert_eq!(window.counts.calls, 2);
    }

    #[test]
    fn b19_a_time_window_of_no_width_is_there_until_the_end_of_time() {
        let mut window = TimeWindow::new(Duration::from_nanos(1)); // 32 ns: there is nothing smaller
        for at in [u64::MAX - 33, u64::MAX - 1, u64::MAX] {
            window.push(OK, Some(Instant::from_nanos(at)));
            assert_eq!(window.counts_at(Instant::from_nanos(at)), window.counts, "at {at}");
        }
        assert_eq!(window.counts.calls, 2);
    }

    proptest! {
        #[test]
        fn a_ring_keeps_the_last_calls(size in 1..150_u32, calls in prop::collection::vec(outcomes(), 0..400)) {
            let (mut ring, mut model) = (CountWindow::new(size), VecDeque::new());
            for call in calls {
                ring.push(call);
                model.push_back(call);
                if model.len() > size as usize {
                    model.pop_front();
                }
                prop_assert_eq!(ring.counts, counts(&model));
                let clean = model.len() == size as usize && !model.iter().any(|call| call.failed || call.slow);
                prop_assert_eq!(ring.is_clean(), clean);
            }
        }

        #[test]
        fn b19_a_time_window_keeps_the_calls_of_its_time(
            calls in prop::collection::vec((0..100_u64, outcomes()), 0..200),
            later in 0..800_u64,
        ) {
            let (mut window, mut model, mut now) = (TimeWindow::new(Duration::from_nanos(320)), Vec::new(), 0);
            for (passes, call) in calls {
                now += passes;
                window.push(call, Some(Instant::from_nanos(now)));
                model.push((now / 10, call));
                let at = |now: u64| {
                    counts(model.iter().filter(|(bucket, _)| bucket + 32 > now / 10).map(|(_, call)| call))
                };
                prop_assert_eq!(window.counts, at(now));
                prop_assert_eq!(window.counts_at(Instant::from_nanos(now)), at(now));
                prop_assert_eq!(window.counts_at(Instant::from_nanos(now + later)), at(now + later));
            }
        }
    }
}
