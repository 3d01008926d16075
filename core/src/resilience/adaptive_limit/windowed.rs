//! Latencies, averaged over windows, and the baseline that they are compared with.
//!
//! What a limit does is seen in latencies a round trip later: who changes it with each call goes much too far before
//! the first call shows it. So it is changed once for each window, which is no shorter than two round trips.

use super::algorithm::AdaptiveAlgorithm;
use super::gradient::{Gradient, Long};
use super::sample::Sample;
use super::vegas::{Base, Vegas};
use super::window::{Baseline, Window};
use crate::instant::{Instant, nanos};

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
        // The first baseline is measured when it would have been.
        let stale = if self.is_trusted {
            self.stale
        } else {
            let left = self.course.probe_after().saturating_sub(self.stale);
            course.probe_after().saturating_sub(left)
        };
        Some(Self { course, stale, ..self.clone() })
    }

    /// What of a limit is in force.
    pub(super) const fn in_force(&self, limit: f64) -> f64 {
        if self.is_probing { limit / 4.0 } else { limit }
    }

    /// The limit after a call that went well.
    pub(super) fn record(&mut self, limit: f64, sample: Sample) -> f64 {
        if self.is_probing && self.window.is_older(sample) {
            self.window.open_by(sample);
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
    fn trust(&mut self, window: Window) {
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
