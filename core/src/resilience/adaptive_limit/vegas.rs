//! How many of the calls wait inside of the service, by its shortest latency.

use super::window::{self, Baseline, Window};
use crate::config_error::ConfigError;
use crate::settings::Rule;
use std::time::Duration;

/// Estimates how many calls wait inside of the service, and keeps them between two numbers: as TCP Vegas does (Brakmo
/// and Peterson, 1995), with the numbers of Netflix' `VegasLimit`.
///
/// With the latency that the service has without load, `base`, and the one it has now, so many of the calls wait:
/// `queue = in_flight × (1 − base / latency)`. The limit grows while there are fewer than `alpha`, by `beta` if there
/// are hardly any, and shrinks when there are more than `beta`; all of this times the logarithm of the limit to the
/// base of ten, which counts as one at least. It finds the limit without going far beyond it. For services whose calls
/// all take about the same time; one that answers some calls much faster has a base that the others never reach, and a
/// limit that is too low.
///
/// The base is the least average of a window. One that has not been reached for `probe_after` windows is measured anew:
/// see [`AdaptiveLimit`](super::AdaptiveLimit).
///
/// | setting | default | valid |
/// |---|---|---|
/// | `alpha` | 3 | at least 1 |
/// | `beta` | 6 | not less than `alpha` |
/// | `window` | 100 ms | from 1 ms to an hour |
/// | `min_samples` | 10 | at least 1 |
/// | `probe_after` | 100 | at least 1 |
///
/// It is plain data, and can be in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it does nothing until it is given to a limit"]
#[non_exhaustive]
pub struct Vegas {
    /// The limit grows while fewer calls than this wait.
    pub alpha: u32,
    /// The limit shrinks while more calls than this wait.
    pub beta: u32,
    /// How long latencies are averaged, at least.
    pub window: Duration,
    /// How many of them there are in an average, at least.
    pub min_samples: u32,
    /// After how many windows a base that was not reached again is measured anew.
    pub probe_after: u32,
}

crate::settings! {
    Vegas from Self::new();
    alpha: Rule::<u32>::NOT_ZERO,
    beta: Rule::<u32>::NOT_ZERO,
    window: window::WINDOW,
    min_samples: Rule::<u32>::NOT_ZERO,
    probe_after: Rule::<u32>::NOT_ZERO,
}

window::settings!(Vegas);

impl Default for Vegas {
    fn default() -> Self {
        Self::new()
    }
}

impl Vegas {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self { alpha: 3, beta: 6, window: window::DEFAULT, min_samples: 10, probe_after: 100 }
    }

    /// The limit grows while fewer calls than this wait inside of the service, of each power of ten of the limit.
    pub const fn alpha(mut self, calls: u32) -> Self {
        self.alpha = calls;
        self
    }

    /// The limit shrinks while more calls than this wait inside of the service, of each power of ten of the limit.
    pub const fn beta(mut self, calls: u32) -> Self {
        self.beta = calls;
        self
    }

    /// Whether it makes sense: what building a limit checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        if self.beta < self.alpha {
            return Err(ConfigError::invalid_value(
                "beta",
                self.beta.into(),
                "must not be less than `alpha`",
            ));
        }
        Ok(())
    }
}

/// What it knows of the service.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Base(Option<f64>);

impl Base {
    /// The limit after a window, and what that says of the base.
    pub(super) fn step(&mut self, vegas: &Vegas, limit: f64, window: Window) -> (f64, Baseline) {
        let latency = window.latency();
        let Some(base) = self.0 else {
            self.0 = Some(latency);
            return (limit, Baseline::Missed);
        };
        let baseline = if latency <= base { Baseline::Reached } else { Baseline::Missed };
        self.0 = Some(base.min(latency));
        let unit = limit.log10().max(1.0);
        let queue = (window.in_flight(limit) * (1.0 - base / latency)).max(0.0).ceil();
        let next = if queue <= unit {
            limit + f64::from(vegas.beta) * unit
        } else if queue < f64::from(vegas.alpha) * unit {
            limit + unit
        } else if queue > f64::from(vegas.beta) * unit {
            limit - unit
        } else {
            limit
        };
        (window.allows(limit, next), baseline)
    }

    /// This is its latency without load.
    pub(super) const fn set(&mut self, latency: f64) {
        self.0 = Some(latency);
    }
}
