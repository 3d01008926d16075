//! The settings of a health check.

use super::HealthCheck;
use super::state::Machine;
use crate::config_error::ConfigError;
use crate::resilience::observer::{Observed, Observer};
use crate::resilience::rate::Rate;
use std::time::Duration;

/// Settings of a [`HealthCheck`]; made by [`HealthCheck::named`].
///
/// | setting | default |
/// |---|---|
/// | [`interval`](Self::interval) | 10 s |
/// | [`timeout`](Self::timeout) | 1 s |
/// | [`healthy_after`](Self::healthy_after) | 2 |
/// | [`unhealthy_after`](Self::unhealthy_after) | 3 |
/// | [`jitter`](Self::jitter) | none |
/// | [`observer`](Self::observer) | none |
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct HealthCheckBuilder {
    name: &'static str,
    interval: Duration,
    timeout: Duration,
    healthy_after: u32,
    unhealthy_after: u32,
    jitter: f64,
    observed: Observed,
}

impl HealthCheckBuilder {
    pub(super) const fn new(name: &'static str) -> Self {
        Self {
            name,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(1),
            healthy_after: 2,
            unhealthy_after: 3,
            jitter: 0.0,
            observed: Observed::NONE,
        }
    }

    /// From the start of one probe to that of the next. A probe that takes longer is followed by the next at once.
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// A probe that takes longer than this has failed, and is dropped.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many probes in a row have to pass before what was unhealthy is healthy.
    #[doc(alias = "rise")]
    pub const fn healthy_after(mut self, probes: u32) -> Self {
        self.healthy_after = probes;
        self
    }

    /// How many probes in a row have to fail before what was healthy is unhealthy.
    #[doc(alias = "fall")]
    pub const fn unhealthy_after(mut self, probes: u32) -> Self {
        self.unhealthy_after = probes;
        self
    }

    /// Makes each interval longer or shorter by a random part of it, up to this one (0 to 1): so that many who check
    /// the same service don't come all at once.
    pub const fn jitter(mut self, part: f64) -> Self {
        self.jitter = part;
        self
    }

    /// Who is told when it comes to another view, as
    /// [`HealthChanged`](crate::resilience::EventKind::HealthChanged).
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// The health check; it knows nothing yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<HealthCheck, ConfigError> {
        let zeros = [
            ("interval", self.interval.is_zero()),
            ("timeout", self.timeout.is_zero()),
            ("healthy_after", self.healthy_after == 0),
            ("unhealthy_after", self.unhealthy_after == 0),
        ];
        if let Some((field, _)) = zeros.into_iter().find(|(_, is_zero)| *is_zero) {
            return Err(ConfigError::invalid(field, "must not be zero"));
        }
        let jitter = Rate::new(self.jitter).ok_or(ConfigError::invalid("jitter", "must be within 0..=1"))?;
        let machine = Machine::new(self.healthy_after, self.unhealthy_after);
        Ok(HealthCheck::new(self.name, self.interval, self.timeout, jitter, machine, self.observed))
    }
}
