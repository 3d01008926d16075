//! The calls in a window as plain data, and back.

use super::{CountWindow, Counts, Outcome, TimeWindow, Window};
use crate::instant::{Instant, nanos};
use crate::resilience::circuit_breaker::snapshot::CircuitCalls;
use std::time::Duration;

impl Window {
    /// What is in it at that time, the oldest first.
    pub(in crate::resilience::circuit_breaker) fn parts(&self, now: Instant) -> Vec<CircuitCalls> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Count(window) => window.runs(),
            Self::Time(window) => {
                let part = |(ago, calls): (u64, Counts)| CircuitCalls {
                    ago: Some(Duration::from_nanos(ago)),
                    ..calls.into()
                };
                window.parts(now.as_nanos()).map(part).collect()
            }
        }
    }

    /// Takes these over, as far as they are of its kind and there is room for them: the latest. It is empty.
    pub(in crate::resilience::circuit_breaker) fn fill(
        &mut self,
        parts: &[CircuitCalls],
        age: Duration,
        now: Instant,
    ) {
        match self {
            Self::Nothing => {}
            Self::Count(window) => window.fill(parts.iter().filter(|part| part.ago.is_none())),
            Self::Time(window) => {
                let now = window.come_to(now.as_nanos());
                for part in parts {
                    if let Some(ago) = part.ago {
                        window.add(nanos(ago.saturating_add(age)), (*part).into(), now);
                    }
                }
            }
        }
    }
}

impl CountWindow {
    /// Calls that are alike and one after the other are one part.
    fn runs(&self) -> Vec<CircuitCalls> {
        let mut runs: Vec<CircuitCalls> = Vec::new();
        for outcome in self.outcomes() {
            let same = |run: &&mut CircuitCalls| {
                (run.failures > 0, run.slow_calls > 0) == (outcome.failed, outcome.slow)
            };
            let mut counts = Counts::default();
            counts.add(outcome);
            match runs.last_mut().filter(same) {
                Some(run) => {
                    counts.add_all((*run).into());
                    *run = counts.into();
                }
                None => runs.push(counts.into()),
            }
        }
        runs
    }

    fn fill<'a>(&mut self, runs: impl DoubleEndedIterator<Item = &'a CircuitCalls> + Clone) {
        // What there is no room for is not gone through: there may be any number of it.
        let all = runs.clone().fold(0_u64, |all, run| all.saturating_add(run.calls));
        let mut skipped = all.saturating_sub(self.size.into());
        for run in runs {
            let outcome = Outcome { failed: run.failures > 0, slow: run.slow_calls > 0 };
            for _ in skipped..run.calls {
                self.push(outcome);
            }
            skipped = skipped.saturating_sub(run.calls);
        }
    }
}

impl TimeWindow {
    /// The parts that something is in: how long before that time each began, in nanoseconds, the oldest first.
    pub(super) fn parts(&self, now: u64) -> impl Iterator<Item = (u64, Counts)> {
        let now = now.max(self.current.saturating_mul(self.width));
        let passed = now / self.width - self.current;
        (passed..Self::BUCKETS as u64).rev().filter_map(move |age| {
            // Around zero too: there are a power of two of them.
            let calls = self.buckets[Self::at(self.current.wrapping_sub(age - passed))];
            (calls != Counts::default()).then_some((now % self.width + age * self.width, calls))
        })
    }

    /// Goes on to that time, if it is later: which it is at then.
    pub(super) fn come_to(&mut self, now: u64) -> u64 {
        let now = now.max(self.current.saturating_mul(self.width));
        if now >= self.ends {
            self.advance(now);
        }
        now
    }

    /// Calls of so long before the time that it is at, if that is still within it: as of the beginning of what they were
    /// in, for too short rather than for too long.
    pub(super) fn add(&mut self, ago: u64, calls: Counts, now: u64) {
        let age = ago.saturating_sub(now % self.width).div_ceil(self.width);
        if age < Self::BUCKETS as u64 {
            self.buckets[Self::at(self.current.wrapping_sub(age))].add_all(calls);
            self.counts.add_all(calls);
        }
    }
}
