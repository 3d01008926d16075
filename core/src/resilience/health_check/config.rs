//! The settings of a health check.

use super::HealthCheck;
use super::state::Machine;
use crate::config_error::ConfigError;
use crate::resilience::observer::{Observed, Observer};
use crate::resilience::rate::Rate;
use crate::settings::Rule;
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
///
/// All but the name and the observer are a [`HealthCheckConfig`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct HealthCheckBuilder {
    name: &'static str,
    config: HealthCheckConfig,
    observed: Observed,
}

/// The settings of a [`HealthCheck`], as plain data: what can be in a file. [`HealthCheckBuilder`] says what each means.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{HealthCheck, HealthCheckConfig};
/// use std::time::Duration;
///
/// let mut config = HealthCheckConfig::default();
/// assert_eq!(HealthCheck::named("db").as_config(), &config);
/// config.interval = Duration::ZERO;
/// let error = HealthCheck::named("db").config(config).build().unwrap_err();
/// assert_eq!(error.to_string(), "invalid `interval` = 0s: must be longer than zero");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HealthCheckConfig {
    /// From the start of one probe to that of the next.
    pub interval: Duration,
    /// How long a probe may take.
    pub timeout: Duration,
    /// So many that pass make it healthy.
    pub healthy_after: u32,
    /// So many that fail make it unhealthy.
    pub unhealthy_after: u32,
    /// By which part of it an interval is longer or shorter at random, at most.
    pub jitter: f64,
}

crate::settings! {
    HealthCheckConfig from Self::new();
    interval: Rule::<Duration>::NOT_ZERO,
    timeout: Rule::<Duration>::NOT_ZERO,
    healthy_after: Rule::<u32>::NOT_ZERO,
    unhealthy_after: Rule::<u32>::NOT_ZERO,
    jitter: Rule::PART,
}

impl HealthCheckConfig {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(1),
            healthy_after: 2,
            unhealthy_after: 3,
            jitter: 0.0,
        }
    }

    /// Whether it makes sense: what building a health check of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()
    }
}

impl Default for HealthCheckConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl HealthCheckBuilder {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, config: HealthCheckConfig::new(), observed: Observed::NONE }
    }

    /// All settings that can be in a file, in place of those there were.
    pub const fn config(mut self, config: HealthCheckConfig) -> Self {
        self.config = config;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &HealthCheckConfig {
        &self.config
    }

    /// From the start of one probe to that of the next. A probe that takes longer is followed by the next at once.
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.config.interval = interval;
        self
    }

    /// A probe that takes longer than this has failed, and is dropped.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = timeout;
        self
    }

    /// How many probes in a row have to pass before what was unhealthy is healthy.
    #[doc(alias = "rise")]
    pub const fn healthy_after(mut self, probes: u32) -> Self {
        self.config.healthy_after = probes;
        self
    }

    /// How many probes in a row have to fail before what was healthy is unhealthy.
    #[doc(alias = "fall")]
    pub const fn unhealthy_after(mut self, probes: u32) -> Self {
        self.config.unhealthy_after = probes;
        self
    }

    /// Makes each interval longer or shorter by a random part of it, up to this one (0 to 1): so that many who check
    /// the same service don't come all at once.
    pub const fn jitter(mut self, part: f64) -> Self {
        self.config.jitter = part;
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
        self.config.validate()?;
        let HealthCheckConfig { interval, timeout, healthy_after, unhealthy_after, jitter } = self.config;
        let jitter = Rate::new(jitter).unwrap_or(Rate::NONE); // it is within 0..=1
        let machine = Machine::new(healthy_after, unhealthy_after);
        Ok(HealthCheck::new(self.name, interval, timeout, jitter, machine, self.observed))
    }
}
