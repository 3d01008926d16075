//! Latencies of a window, averaged.

use super::sample::Sample;
use crate::instant::{Instant, nanos};
use crate::settings::Rule;
use std::time::Duration;

pub(super) const DEFAULT: Duration = Duration::from_millis(100);

pub(super) const WINDOW: Rule<Duration> = Rule {
    reason: "must be at least 1 ms and at most an hour",
    holds: |window| (Duration::from_millis(1)..=Duration::from_secs(3_600)).contains(window),
};

/// The settings that all have who average.
macro_rules! settings {
    ($algorithm:ident) => {
        impl $algorithm {
            /// How long latencies are averaged: at least so long, and for two round trips.
            pub const fn window(mut self, at_least: Duration) -> Self {
                self.window = at_least;
                self
            }

            /// How many latencies there are in an average, at least.
            pub const fn min_samples(mut self, calls: u32) -> Self {
                self.min_samples = calls;
                self
            }

            /// After how many windows in which the service was slower than its baseline that is measured anew.
            #[doc(alias = "probe_multiplier")]
            pub const fn probe_after(mut self, windows: u32) -> Self {
                self.probe_after = windows;
                self
            }
        }
    };
}

pub(super) use settings;

/// What has ended since the last change.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    pub(super) opened: Option<Instant>,
    pub(super) samples: u32,
    // Of their latencies, in nanoseconds.
    sum: f64,
    least: f64,
    max_in_flight: usize,
}

impl Window {
    pub(super) const fn opened(at: Instant) -> Self {
        Self { opened: Some(at), samples: 0, sum: 0.0, least: 0.0, max_in_flight: 0 }
    }

    /// Whether the call had begun before it was opened.
    pub(super) fn is_older(&self, sample: Sample) -> bool {
        self.opened.is_some_and(|opened| sample.began < opened)
    }

    /// It is open when the call ends: a clock that goes back does not keep it open.
    pub(super) fn open_by(&mut self, sample: Sample) {
        self.opened = Some(self.opened.map_or(sample.began, |opened| opened.min(sample.now)));
    }

    pub(super) fn add(&mut self, sample: Sample) {
        self.open_by(sample);
        self.samples = self.samples.saturating_add(1);
        // A nanosecond at least: it is divided by.
        let latency = nanos(sample.latency()).max(1) as f64;
        self.sum += latency;
        self.least = if self.samples == 1 { latency } else { self.least.min(latency) };
        self.max_in_flight = self.max_in_flight.max(sample.in_flight);
    }

    /// The average, in nanoseconds.
    pub(super) const fn latency(&self) -> f64 {
        self.sum / self.samples as f64
    }

    /// How long it is to be, in nanoseconds: two round trips, though a few calls that took very long, as while the
    /// machine was asleep, don't keep it open.
    pub(super) fn length(&self, at_least: f64) -> f64 {
        let most = 10.0 * at_least.max(2.0 * self.least);
        at_least.max(most.min(2.0 * self.latency()))
    }

    /// How many calls there were together, of those that there may be.
    pub(super) fn in_flight(&self, limit: f64) -> f64 {
        limit.min(self.max_in_flight as f64)
    }

    /// Whether the limit was what held calls back, and not that there were no more of them.
    pub(super) fn uses(&self, limit: f64) -> bool {
        is_used(limit, self.max_in_flight)
    }

    /// Whether there were so many that they may be why the service is slow: a quarter of it.
    fn loads(&self, limit: f64) -> bool {
        4.0 * self.max_in_flight as f64 >= limit.floor()
    }

    /// The next limit, if it is more than a guess: it does not grow beyond twice of what is used, and it does not
    /// shrink where not even a quarter is: so few calls are not what makes a service slow.
    pub(super) fn allows(&self, limit: f64, next: f64) -> f64 {
        let is_known = if next > limit { self.uses(limit) } else { self.loads(limit) };
        if is_known { next } else { limit }
    }
}

/// At half of it: the most calls that were under way together are not seen by each of them.
pub(super) fn is_used(limit: f64, in_flight: usize) -> bool {
    2.0 * in_flight as f64 >= limit.floor()
}

/// How old a window makes the baseline, in windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Baseline {
    /// It was reached.
    Reached,
    /// The service was slower.
    Missed,
    /// The service was so much faster that it can't be right: as ten that are missed.
    Doubtful,
}
