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

/// A part of all, in millionths: exact for what people write, where a product of floats is not (seven of a hundred
/// reach 7 %).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate(u32);

impl Rate {
    pub(super) const NONE: Self = Self(0);
    pub(super) const HALF: Self = Self(Self::ONE / 2);
    pub(super) const ONE: u32 = 1_000_000;

    /// `None` unless it is within 0..=1.
    pub(super) fn new(rate: f64) -> Option<Self> {
        (0.0..=1.0).contains(&rate).then(|| Self((rate * f64::from(Self::ONE)).round() as u32))
    }

    pub(super) const fn millionths(self) -> u32 {
        self.0
    }

    pub(super) fn percent(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ONE / 100)
    }

    /// Whether so many are that part of all, or more.
    pub(super) const fn is_reached_by(self, part: u64, all: u64) -> bool {
        part.saturating_mul(Self::ONE as u64) >= all.saturating_mul(self.0 as u64)
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
    failed: Box<[u64]>,
    slow: Box<[u64]>,
}

impl CountWindow {
    /// Not for a size of zero.
    pub(super) fn new(size: u32) -> Self {
        let bits = || vec![0; size.div_ceil(u64::BITS) as usize].into_boxed_slice();
        Self { size, next: 0, counts: Counts::default(), failed: bits(), slow: bits() }
    }

    fn push(&mut self, outcome: Outcome) {
        let (word, bit) = ((self.next / u64::BITS) as usize, self.next % u64::BITS);
        if self.is_full() {
            let oldest = |bits: &[u64]| bits[word] >> bit & 1;
            let oldest = Counts { calls: 1, failures: oldest(&self.failed), slow: oldest(&self.slow) };
            self.counts.remove(oldest);
        }
        self.counts.add(outcome);
        for (bits, is) in [(&mut self.failed, outcome.failed), (&mut self.slow, outcome.slow)] {
            bits[word] = bits[word] & !(1 << bit) | u64::from(is) << bit;
        }
        self.next = if self.next + 1 == self.size { 0 } else { self.next + 1 };
    }

    fn is_full(&self) -> bool {
        self.counts.calls == u64::from(self.size)
    }

    fn is_clean(&self) -> bool {
        self.is_full() && self.counts.failures == 0 && self.counts.slow == 0
    }

    fn clear(&mut self) {
        // What is left in the bits is written over before it counts.
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
            let bucket = (self.current + Self::BUCKETS as u64).wrapping_sub(age - passed);
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
    fn a_rate_is_what_is_written() {
        let table = [
            (0.07, 7, 100, true),
            (0.07, 6, 100, false),
            (0.1, 1, 10, true),
            (0.3, 3, 10, true),
            (1.0, 9, 10, false),
            (1.0, 10, 10, true),
            (0.000_001, 1, 1_000_000, true),
            (0.5, u64::MAX / 2, u64::MAX, true), // saturates, and panics not
        ];
        for (rate, part, all, reached) in table {
            assert_eq!(Rate::new(rate).unwrap().is_reached_by(part, all), reached, "{part} of {all}, {rate}");
        }
        for refused in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Rate::new(refused), None);
        }
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
