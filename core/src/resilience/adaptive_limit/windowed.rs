//! Latencies, averaged over windows, and the baseline that they are compared with.
//!
//! What a limit does is seen in latencies a round trip later: who changes it with each call goes much too far before
//! the first call shows it. So it is changed once for each window, which is no shorter than two round trips.

use super::algorithm::AdaptiveAlgorithm;
use super::gradient::{Gradient, Long};
use super::state::Sample;
use super::vegas::{Base, Vegas};
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
    opened: Option<Instant>,
    samples: u32,
    // Of their latencies, in nanoseconds.
    sum: f64,
    least: f64,
    max_in_flight: usize,
}

impl Window {
    const fn opened(at: Instant) -> Self {
        Self { opened: Some(at), samples: 0, sum: 0.0, least: 0.0, max_in_flight: 0 }
    }

    fn add(&mut self, sample: Sample) {
        // A clock that goes back does not keep it open.
        self.opened = Some(self.opened.map_or(sample.began, |opened| opened.min(sample.now)));
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
    fn length(&self, at_least: f64) -> f64 {
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

    /// The next limit, if it is more than a guess: it does not grow beyond twice of what is used, and it does not
    /// shrink where not even a quarter is: so few calls are not what makes a service slow.
    pub(super) fn allows(&self, limit: f64, next: f64) -> f64 {
        let is_known = if next > limit { self.uses(limit) } else { is_used(limit / 2.0, self.max_in_flight) };
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

/// Of a limit by averages.
#[derive(Clone, Debug)]
pub(super) struct Windowed {
    course: Course,
    window: Window,
    // Windows since the baseline was last reached.
    stale: u32,
    // It was measured without load: the first one may not have been.
    is_trusted: bool,
    // Few calls are let through, so that none waits inside of the service, and their latency becomes the baseline.
    is_probing: bool,
}

/// What there is of an algorithm beside its settings.
#[derive(Clone, Copy, Debug)]
enum Course {
    Vegas(Vegas, Base),
    Gradient(Gradient, Long),
}

/// The first baseline may have been measured under load.
const FIRST_PROBE_AFTER: u32 = 10;

impl Windowed {
    pub(super) fn vegas(vegas: Vegas) -> Self {
        Self::new(Course::Vegas(vegas, Base::default()))
    }

    pub(super) fn gradient(gradient: Gradient) -> Self {
        Self::new(Course::Gradient(gradient, Long::default()))
    }

    fn new(course: Course) -> Self {
        let stale = course.probe_after().saturating_sub(FIRST_PROBE_AFTER);
        Self { course, window: Window::default(), stale, is_trusted: false, is_probing: false }
    }

    /// The same with other settings, if they are of the same algorithm.
    pub(super) fn reconfigured(&self, algorithm: AdaptiveAlgorithm) -> Option<Self> {
        let course = match (self.course, algorithm) {
            (Course::Vegas(_, base), AdaptiveAlgorithm::Vegas(vegas)) => Course::Vegas(vegas, base),
            (Course::Gradient(_, long), AdaptiveAlgorithm::Gradient(gradient)) => {
                Course::Gradient(gradient, long)
            }
            _ => return None,
        };
        Some(Self { course, ..self.clone() })
    }

    /// What of a limit is in force.
    pub(super) const fn in_force(&self, limit: f64) -> f64 {
        if self.is_probing { limit / 4.0 } else { limit }
    }

    /// The limit after a call that went well.
    pub(super) fn record(&mut self, limit: f64, sample: Sample) -> f64 {
        let is_older = |opened| sample.began < opened && opened <= sample.now;
        if self.is_probing && self.window.opened.is_some_and(is_older) {
            return limit; // it was among many others, still
        }
        self.window.add(sample);
        if !self.is_full(sample.now) {
            return limit;
        }
        let window = std::mem::replace(&mut self.window, Window::opened(sample.now));
        if self.is_probing {
            self.is_probing = false;
            self.trust(window);
            return limit;
        }
        let (next, baseline) = match &mut self.course {
            Course::Vegas(vegas, base) => base.step(vegas, limit, window),
            Course::Gradient(gradient, long) => long.step(gradient, limit, window),
        };
        self.stale = match baseline {
            Baseline::Reached if self.is_trusted => 0,
            Baseline::Reached | Baseline::Missed => self.stale.saturating_add(1),
            Baseline::Doubtful => self.stale.saturating_add(10),
        };
        if self.stale >= self.course.probe_after() {
            // Where few calls are under way as it is, this was one already.
            self.is_probing = window.uses(limit);
            if !self.is_probing {
                self.trust(window);
            }
        }
        next
    }

    /// This was the service without load.
    const fn trust(&mut self, window: Window) {
        (self.stale, self.is_trusted) = (0, true);
        let latency = window.latency();
        match &mut self.course {
            Course::Vegas(_, base) => base.set(latency),
            Course::Gradient(_, long) => long.set(latency),
        }
    }

    fn is_full(&self, now: Instant) -> bool {
        let (window, min_samples) = match &self.course {
            Course::Vegas(vegas, _) => (vegas.window, vegas.min_samples),
            Course::Gradient(gradient, _) => (gradient.window, gradient.min_samples),
        };
        let Window { opened, samples, .. } = self.window;
        let open = nanos(now - opened.unwrap_or(now)) as f64;
        samples >= min_samples && open >= self.window.length(nanos(window) as f64)
    }
}

impl Course {
    const fn probe_after(&self) -> u32 {
        match self {
            Self::Vegas(vegas, _) => vegas.probe_after,
            Self::Gradient(gradient, _) => gradient.probe_after,
        }
    }
}
