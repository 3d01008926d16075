//! Which calls a throttle refuses: no clock, no runtime.

use super::report::ThrottleMetrics;
use super::window::{Came, Sums, Window};
use crate::instant::Instant;
use crate::resilience::priority::Priority;

/// The settings that a decision is made by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rules {
    /// How many times what the service accepts it is sent.
    pub(super) ratio: f64,
    /// With fewer requests nothing is refused.
    pub(super) min_requests: u64,
    /// Not more than this part is refused.
    pub(super) max_rejection: f64,
}

#[derive(Debug)]
pub(super) struct Machine {
    rules: Rules,
    window: Window,
}

impl Machine {
    pub(super) const fn new(rules: Rules, window: Window) -> Self {
        Self { rules, window }
    }

    /// Whether a call may be made; if not, it has been counted.
    pub(super) fn admit(&mut self, priority: Priority, now: Instant, random: u64) -> bool {
        let is_refused = unit(random) < self.rules.rejection(self.window.sums(now), priority);
        if is_refused {
            self.window.count(priority, Came::Refused, now);
        }
        !is_refused
    }

    /// A call that the service was asked for has ended.
    #[inline]
    pub(super) fn record(&mut self, priority: Priority, is_accepted: bool, now: Instant) {
        let came = if is_accepted { Came::Accepted } else { Came::Failed };
        self.window.count(priority, came, now);
    }

    /// Whether nothing would be refused, whatever the priority and the random number, because nothing has failed.
    #[inline]
    pub(super) fn is_clean(&self) -> bool {
        self.window.is_clean()
    }

    /// What it has counted. Changes nothing.
    pub(super) fn metrics(&self, priority: Priority, now: Instant) -> ThrottleMetrics {
        let sums = self.window.sums_at(now);
        let counts = sums[priority.level()];
        ThrottleMetrics {
            priority,
            accepted: counts.accepted,
            failed: counts.failed,
            refused: counts.refused,
            rejection_probability: self.rules.rejection(&sums, priority),
        }
    }

    pub(super) const fn rules(&self) -> Rules {
        self.rules
    }

    /// Other settings; what was counted stays, as far as the new window reaches.
    pub(super) fn reconfigure(&mut self, rules: Rules, mut window: Window, now: Instant) {
        window.inherit(&self.window, now);
        *self = Self { rules, window };
    }
}

impl Rules {
    /// With which probability a call is refused: within 0..=`max_rejection`, and for no priority less than for a higher
    /// one.
    ///
    /// It is the book's `(requests - K * accepts) / (requests + 1)` with a narrower `K * accepts` for a priority: no more
    /// than the higher ones leave of what all together may send, and no more than K times what was accepted of its own.
    fn rejection(&self, sums: &Sums, priority: Priority) -> f64 {
        let requests = sums.iter().fold(0_u64, |sum, counts| sum.saturating_add(counts.requests()));
        if requests < self.min_requests {
            return 0.0;
        }
        let accepted = sums.iter().fold(0_u64, |sum, counts| sum.saturating_add(counts.accepted));
        let mut left = self.ratio * accepted as f64;
        let mut rejection: f64 = 0.0;
        for counts in sums[priority.level()..].iter().rev() {
            let mut may_send = left.max(0.0);
            // Of a few calls nobody can tell.
            if counts.requests() >= self.min_requests {
                may_send = may_send.min(self.ratio * counts.accepted as f64);
            }
            let requests = counts.requests() as f64;
            rejection = rejection.max((requests - may_send) / (requests + 1.0));
            left -= requests;
        }
        rejection.min(self.max_rejection)
    }
}

/// A random number within 0..1.
fn unit(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests;
