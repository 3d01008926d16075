//! The limit, and what changes it: no clock, no waiting.

use super::aimd::Aimd;
use super::algorithm::AdaptiveAlgorithm;
use super::sample::Sample;
use super::window::is_used;
use super::windowed::Windowed;
use crate::instant::{Instant, nanos};

/// Within which numbers it stays, and what an overload leaves of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) backoff_ratio: f64,
}

/// A limit that finds its own size.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    bounds: Bounds,
    // Always within the bounds.
    limit: f64,
    law: Law,
    // Of calls that went well, in nanoseconds: as TCP smooths its round-trip time.
    round_trip: Option<f64>,
    // When an overload last made it smaller.
    reduced: Option<Instant>,
}

#[derive(Clone, Debug)]
enum Law {
    Aimd(Aimd),
    Windowed(Windowed),
}

impl Law {
    fn of(algorithm: AdaptiveAlgorithm) -> Self {
        match algorithm {
            AdaptiveAlgorithm::Aimd(aimd) => Self::Aimd(aimd),
            AdaptiveAlgorithm::Vegas(vegas) => Self::Windowed(Windowed::vegas(vegas)),
            AdaptiveAlgorithm::Gradient(gradient) => Self::Windowed(Windowed::gradient(gradient)),
        }
    }
}

impl Machine {
    pub(super) fn new(bounds: Bounds, initial: usize, algorithm: AdaptiveAlgorithm) -> Self {
        let law = Law::of(algorithm);
        Self { bounds, limit: bounds.hold(initial as f64), law, round_trip: None, reduced: None }
    }

    /// What is in force: less than the limit while the baseline is measured.
    pub(super) fn limit(&self) -> usize {
        let limit = match &self.law {
            Law::Aimd(_) => self.limit,
            Law::Windowed(windowed) => windowed.in_force(self.limit),
        };
        // A bound beyond 2^53 may not be a float.
        (self.bounds.hold(limit) as usize).clamp(self.bounds.min, self.bounds.max)
    }

    /// A call went well.
    pub(super) fn succeed(&mut self, sample: Sample) {
        let latency = nanos(sample.latency()) as f64;
        self.round_trip = Some(self.round_trip.map_or(latency, |known| known + (latency - known) / 8.0));
        let limit = match &mut self.law {
            Law::Aimd(aimd) if aimd.is_overload(sample.latency()) => return self.overload(sample),
            Law::Aimd(aimd) if is_used(self.limit, sample.in_flight) => aimd.grown(self.limit),
            Law::Aimd(_) => return,
            Law::Windowed(windowed) => windowed.record(self.limit, sample),
        };
        self.limit = self.bounds.hold(limit);
    }

    /// The service has refused a call, or not answered in time. What was admitted before the last time that this made
    /// the limit smaller, or has come within a round trip of it, is the same overload.
    pub(super) fn overload(&mut self, sample: Sample) {
        if let Some(reduced) = &mut self.reduced {
            if sample.began <= *reduced {
                // Two may come in another order than they have read the clock in; and one that goes back, or was far
                // ahead for once, does not make this deaf until then.
                *reduced = sample.now.min(*reduced);
                return;
            }
            if (nanos(sample.now - *reduced) as f64) < self.round_trip.unwrap_or(0.0) {
                return;
            }
        }
        self.reduced = Some(sample.now);
        let less = (self.limit * self.bounds.backoff_ratio).min(self.limit - 1.0);
        self.limit = self.bounds.hold(less);
    }

    /// Goes on with other settings: the limit stays where it is, as far as they let it, and so does what is known of
    /// the service if the algorithm stays.
    pub(super) fn reconfigure(&mut self, bounds: Bounds, algorithm: AdaptiveAlgorithm) {
        self.bounds = bounds;
        self.limit = bounds.hold(self.limit);
        self.law = match &self.law {
            Law::Windowed(windowed) => {
                windowed.reconfigured(algorithm).map_or_else(|| Law::of(algorithm), Law::Windowed)
            }
            Law::Aimd(_) => Law::of(algorithm),
        };
    }
}

impl Bounds {
    fn hold(self, limit: f64) -> f64 {
        limit.max(self.min as f64).min(self.max as f64)
    }
}
