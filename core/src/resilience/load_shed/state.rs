//! Which requests are shed: no clock, no runtime.

use super::report::LoadShedMetrics;
use crate::instant::{Instant, nanos};
use crate::resilience::priority::Priority;
use std::time::Duration;

/// In nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) target: u64,
    pub(super) interval: u64,
}

/// Controlled delay: the shortest wait of an interval says whether there is a queue that does not go away.
///
/// | | |
/// |---|---|
/// | `ends` | of the current interval, which began with a request: the first after the one before had ended |
/// | `shortest` | of the waits of its requests, however many those were |
/// | `has_several` | there was more than one: a request alone is no queue |
/// | `is_overloaded` | by the interval before |
#[derive(Debug)]
pub(super) struct Machine {
    rules: Rules,
    ends: u64,
    shortest: u64,
    has_several: bool,
    is_overloaded: bool,
    admitted: [u64; Priority::ALL.len()],
    refused: [u64; Priority::ALL.len()],
}

impl Rules {
    pub(super) fn new(target: Duration, interval: Duration) -> Self {
        Self { target: nanos(target), interval: nanos(interval) }
    }

    /// Who has waited longer is shed, where there is overload. For all it is clearly more than the target: waits stay
    /// about where the shedding begins, and if that were at the target they would soon be below it and the overload over,
    /// until the queue has grown again.
    const fn longest(self, priority: Priority) -> u64 {
        self.target.saturating_mul(2 + priority.level() as u64)
    }
}

impl Machine {
    pub(super) const fn new(rules: Rules) -> Self {
        Self {
            rules,
            ends: 0,
            shortest: 0,
            has_several: false,
            is_overloaded: false,
            admitted: [0; Priority::ALL.len()],
            refused: [0; Priority::ALL.len()],
        }
    }

    /// Whether a request that has waited so long is served.
    #[inline]
    pub(super) fn admit(&mut self, waited: Duration, priority: Priority, now: Instant) -> bool {
        let (waited, now) = (nanos(waited), now.as_nanos());
        if now >= self.ends {
            self.is_overloaded = self.would_be_overloaded(now);
            (self.shortest, self.has_several) = (waited, false);
            self.ends = now.saturating_add(self.rules.interval);
        } else {
            (self.shortest, self.has_several) = (self.shortest.min(waited), true);
        }
        let is_served = !(self.is_overloaded && waited > self.rules.longest(priority));
        let counts = if is_served { &mut self.admitted } else { &mut self.refused };
        let count = &mut counts[priority.level()];
        *count = count.saturating_add(1);
        is_served
    }

    /// What it has counted. Changes nothing.
    pub(super) const fn metrics(&self, now: Instant) -> LoadShedMetrics {
        let now = now.as_nanos();
        let is_overloaded = if now < self.ends { self.is_overloaded } else { self.would_be_overloaded(now) };
        LoadShedMetrics {
            is_overloaded,
            shortest_wait: Duration::from_nanos(self.shortest),
            admitted: self.admitted,
            refused: self.refused,
        }
    }

    pub(super) const fn rules(&self) -> Rules {
        self.rules
    }

    /// Other settings; the interval goes on, and is not longer than a new one.
    pub(super) fn reconfigure(&mut self, rules: Rules, now: Instant) {
        let now = now.as_nanos();
        if now >= self.ends && !self.would_be_overloaded(now) {
            // By a longer interval it would not be over for as long again.
            self.has_several = false;
        }
        self.rules = rules;
        self.ends = self.ends.min(now.saturating_add(rules.interval));
    }

    /// By the interval that has ended. If nothing came for as long as one after it, nobody waits any more.
    const fn would_be_overloaded(&self, now: u64) -> bool {
        let is_recent = now - self.ends <= self.rules.interval;
        is_recent && self.has_several && self.shortest > self.rules.target
    }
}

#[cfg(test)]
mod tests;
