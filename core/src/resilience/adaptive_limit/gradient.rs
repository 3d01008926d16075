//! The latency of now beside that of a long time.

use super::window::{self, Baseline, Window};
use crate::config_error::ConfigError;
use crate::settings::Rule;
use std::time::Duration;

/// Compares the latency of now with that of a long time, and makes the limit smaller by as much as it is longer: as
/// Netflix' `Gradient2Limit` does.
///
/// `gradient = tolerance × long / short`, at least a half and at most one; the limit goes a part of the way, the
/// `smoothing`, to `gradient × limit + queue`. The latency of now, `short`, is the average of a window, and is not
/// smoothed; the `long` one is an exponential average of `long_window` of them, which comes down by a tenth of itself
/// with each window where it is more than twice the short one, as it would drift upwards otherwise (Netflix', since pull
/// request 88, by a twentieth). It compares averages, and so it is for services whose calls take all sorts of time; it
/// lets the service be `tolerance` times as slow as it is without load.
///
/// A service that is kept full has no other long-time latency than that, and then it drifts all the same. So where the
/// limit is used, and the short latency has been above the long one for `probe_after` windows, the long one is measured
/// anew (see [`AdaptiveLimit`](super::AdaptiveLimit)); and sooner where it is much above the short one, as after a
/// slowdown that has ended.
///
/// | setting | default | valid |
/// |---|---|---|
/// | `tolerance` | 1.5 | from 1 to 100 |
/// | `smoothing` | 0.2 | from 0.001 to 1 |
/// | `queue` | 4 | at least 1 |
/// | `long_window` | 600 | at least 1 |
/// | `window` | 100 ms | from 1 ms to an hour |
/// | `min_samples` | 10 | at least 1 |
/// | `probe_after` | 100 | at least 1 |
///
/// It is plain data, and can be in a file.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "it does nothing until it is given to a limit"]
#[non_exhaustive]
pub struct Gradient {
    /// How many times the long-time latency the one of now may be before the limit shrinks.
    pub tolerance: f64,
    /// How much of the way to a new limit is gone at a time.
    pub smoothing: f64,
    /// How many calls may wait inside of the service, and by how many the limit grows.
    pub queue: u32,
    /// Of how many windows the long-time latency is the average.
    pub long_window: u32,
    /// How long latencies are averaged, at least.
    pub window: Duration,
    /// How many of them there are in an average, at least.
    pub min_samples: u32,
    /// After how many windows above the long-time latency that is measured anew.
    pub probe_after: u32,
}

const TOLERANCE: Rule<f64> = Rule {
    reason: "must be at least 1 and at most 100",
    holds: |tolerance| (1.0..=100.0).contains(tolerance),
};

const SMOOTHING: Rule<f64> = Rule {
    reason: "must be at least 0.001 and at most 1",
    holds: |smoothing| (0.001..=1.0).contains(smoothing),
};

crate::settings! {
    Gradient from Self::new();
    tolerance: TOLERANCE,
    smoothing: SMOOTHING,
    queue: Rule::<u32>::NOT_ZERO,
    long_window: Rule::<u32>::NOT_ZERO,
    window: window::WINDOW,
    min_samples: Rule::<u32>::NOT_ZERO,
    probe_after: Rule::<u32>::NOT_ZERO,
}

window::settings!(Gradient);

impl Default for Gradient {
    fn default() -> Self {
        Self::new()
    }
}

impl Gradient {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self {
            tolerance: 1.5,
            smoothing: 0.2,
            queue: 4,
            long_window: 600,
            window: window::DEFAULT,
            min_samples: 10,
            probe_after: 100,
        }
    }

    /// How many times the long-time latency the one of now may be before the limit shrinks.
    #[doc(alias = "rtt_tolerance")]
    pub const fn tolerance(mut self, times: f64) -> Self {
        self.tolerance = times;
        self
    }

    /// How much of the way to a new limit is gone at a time.
    pub const fn smoothing(mut self, part: f64) -> Self {
        self.smoothing = part;
        self
    }

    /// How many calls may wait inside of the service, and by how many the limit grows, before the smoothing.
    #[doc(alias = "queue_size")]
    pub const fn queue(mut self, calls: u32) -> Self {
        self.queue = calls;
        self
    }

    /// Of how many windows the long-time latency is the average.
    pub const fn long_window(mut self, windows: u32) -> Self {
        self.long_window = windows;
        self
    }

    /// Whether it makes sense: what building a limit checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()
    }
}

/// An exponential average; of the first few it is the plain one, so that the first alone doesn't count for long.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Long {
    latency: f64,
    windows: u32,
}

const WARM_UP: u32 = 10;

impl Long {
    /// The limit after a window, and what that says of the long-time latency.
    pub(super) fn step(&mut self, gradient: &Gradient, limit: f64, window: Window) -> (f64, Baseline) {
        let short = window.latency();
        let is_reached = self.windows > 0 && short <= self.latency;
        self.add(short, gradient.long_window);
        let long = self.latency;
        // Where the limit is not used, the average is of what it should be of.
        let mut baseline =
            if is_reached || !window.uses(limit) { Baseline::Reached } else { Baseline::Missed };
        if short < 0.8 * long {
            baseline = Baseline::Doubtful;
        }
        if long > 2.0 * short {
            self.latency *= 0.9;
        }
        let slope = (gradient.tolerance * long / short).clamp(0.5, 1.0);
        let aim = limit * slope + f64::from(gradient.queue);
        let next = limit + (aim - limit) * gradient.smoothing;
        (window.allows(limit, next), baseline)
    }

    /// This is its latency without load: the first few are no better.
    pub(super) fn set(&mut self, latency: f64) {
        (self.latency, self.windows) = (latency, self.windows.max(WARM_UP));
    }

    fn add(&mut self, latency: f64, long_window: u32) {
        self.windows = self.windows.saturating_add(1);
        let part = if self.windows <= WARM_UP {
            1.0 / f64::from(self.windows)
        } else {
            2.0 / (f64::from(long_window) + 1.0)
        };
        self.latency += (latency - self.latency) * part;
    }
}
