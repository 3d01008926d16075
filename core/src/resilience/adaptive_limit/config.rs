//! How an adaptive limit is set up.

use super::algorithm::AdaptiveAlgorithm;
use super::gradient::Gradient;
use super::state::Bounds;
use super::{AdaptiveLimit, Shared};
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::resilience::observer::{Observed, Observer};
use crate::settings::Rule;
use crate::sync::Semaphore;
use std::time::Duration;

/// An adaptive limit in the making: [`AdaptiveLimit::named`].
///
/// | field | default | valid |
/// |---|---|---|
/// | `initial_limit` | 20 | from `min_limit` to `max_limit` |
/// | `min_limit` | 1 | at least 1 |
/// | `max_limit` | 200 | from `min_limit` to [`Semaphore::MAX_PERMITS`] |
/// | `backoff_ratio` | 0.9 | at least 0.1 and below 1 |
/// | `max_waiting` | 0: nobody waits | any |
/// | `max_wait` | as long as it takes | any, with a `max_waiting`; zero means that nobody waits |
/// | `algorithm` | [`Gradient`] | its own |
/// | `observer` | none | |
///
/// All but the name and the observer are an [`AdaptiveLimitConfig`].
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{AdaptiveLimit, Vegas};
///
/// let limit = AdaptiveLimit::named("db").algorithm(Vegas::new()).initial_limit(10).max_limit(50).build()?;
/// assert_eq!(limit.limit(), 10);
///
/// let error = AdaptiveLimit::named("db").initial_limit(10).max_limit(5).build().unwrap_err();
/// assert_eq!(error.field(), Some("initial_limit"));
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is built"]
pub struct AdaptiveLimitBuilder {
    name: &'static str,
    config: AdaptiveLimitConfig,
    observed: Observed,
}

/// The settings of an [`AdaptiveLimit`], as plain data: what can be in a file. [`AdaptiveLimitBuilder`] says what each
/// means.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{AdaptiveLimit, AdaptiveLimitConfig};
///
/// let mut config = AdaptiveLimitConfig::default();
/// config.max_limit = 50;
/// let limit = AdaptiveLimit::named("db").config(config).build()?;
/// assert_eq!(limit.limit(), 20);
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AdaptiveLimitConfig {
    /// How many calls there are at a time, at first.
    pub initial_limit: usize,
    /// How few it ever is.
    pub min_limit: usize,
    /// How many it ever is.
    pub max_limit: usize,
    /// What an overload leaves of it.
    pub backoff_ratio: f64,
    /// How many may wait for a place.
    pub max_waiting: usize,
    /// How long each may wait.
    pub max_wait: Option<Duration>,
    /// How it finds its size.
    pub algorithm: AdaptiveAlgorithm,
}

const LIMIT: Rule<usize> = Rule {
    reason: "must be at least 1 and at most `Semaphore::MAX_PERMITS`",
    holds: |limit| (1..=Semaphore::MAX_PERMITS).contains(limit),
};

const BACKOFF_RATIO: Rule<f64> =
    Rule { reason: "must be at least 0.1 and below 1", holds: |ratio| (0.1..1.0).contains(ratio) };

crate::settings! {
    AdaptiveLimitConfig from Self::new();
    initial_limit: LIMIT,
    min_limit: LIMIT,
    max_limit: LIMIT,
    backoff_ratio: BACKOFF_RATIO,
    max_waiting,
    max_wait,
    algorithm,
}

impl Default for AdaptiveLimitConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl AdaptiveLimitConfig {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self {
            initial_limit: 20,
            min_limit: 1,
            max_limit: 200,
            backoff_ratio: 0.9,
            max_waiting: 0,
            max_wait: None,
            algorithm: AdaptiveAlgorithm::Gradient(Gradient::new()),
        }
    }

    /// Whether it makes sense: what building a limit of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        self.algorithm.validate()?;
        if self.max_limit < self.min_limit {
            let reason = "must not be less than `min_limit`";
            return Err(ConfigError::invalid_value("max_limit", self.max_limit.into(), reason));
        }
        if !(self.min_limit..=self.max_limit).contains(&self.initial_limit) {
            let reason = "must be at least `min_limit` and at most `max_limit`";
            return Err(ConfigError::invalid_value("initial_limit", self.initial_limit.into(), reason));
        }
        if self.max_waiting == 0 && self.max_wait.is_some_and(|limit| !limit.is_zero()) {
            let reason = "must be at least 1 where there is a `max_wait`";
            return Err(ConfigError::invalid_value("max_waiting", self.max_waiting.into(), reason));
        }
        Ok(())
    }

    pub(super) const fn bounds(&self) -> Bounds {
        Bounds { min: self.min_limit, max: self.max_limit, backoff_ratio: self.backoff_ratio }
    }
}

impl AdaptiveLimitBuilder {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, config: AdaptiveLimitConfig::new(), observed: Observed::NONE }
    }

    /// All settings that can be in a file, in place of those there were.
    pub const fn config(mut self, config: AdaptiveLimitConfig) -> Self {
        self.config = config;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &AdaptiveLimitConfig {
        &self.config
    }

    /// How many calls there are at a time, at first.
    pub const fn initial_limit(mut self, calls: usize) -> Self {
        self.config.initial_limit = calls;
        self
    }

    /// How few it ever is.
    pub const fn min_limit(mut self, calls: usize) -> Self {
        self.config.min_limit = calls;
        self
    }

    /// How many it ever is.
    #[doc(alias = "max_concurrency")]
    pub const fn max_limit(mut self, calls: usize) -> Self {
        self.config.max_limit = calls;
        self
    }

    /// What an overload leaves of it, once in a round trip: a part of the limit, and one call less at least.
    pub const fn backoff_ratio(mut self, part: f64) -> Self {
        self.config.backoff_ratio = part;
        self
    }

    /// How many calls may wait for a place.
    pub const fn max_waiting(mut self, calls: usize) -> Self {
        self.config.max_waiting = calls;
        self
    }

    /// How long each of them may wait.
    pub const fn max_wait(mut self, limit: Duration) -> Self {
        self.config.max_wait = Some(limit);
        self
    }

    /// How it finds its size: an [`Aimd`](super::Aimd), a [`Vegas`](super::Vegas) or a [`Gradient`].
    pub fn algorithm(mut self, algorithm: impl Into<AdaptiveAlgorithm>) -> Self {
        self.config.algorithm = algorithm.into();
        self
    }

    /// Who is told of its refusals, how long who waited did, and what the limit is when it changes. It hears of all
    /// calls, from whatever pipeline.
    ///
    /// Changes are told in their order and one at a time, each by one of the calls that made it. No lock is held
    /// meanwhile, so an observer may use the limit; what it changes is told after it has returned.
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// The limit.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<AdaptiveLimit, ConfigError> {
        self.config.validate()?;
        let initial = Limit::new(self.config.initial_limit)?;
        Ok(AdaptiveLimit::new(Shared::new(self.name, initial, self.config, self.observed)))
    }
}

/// The settings alone.
impl From<AdaptiveLimitBuilder> for AdaptiveLimitConfig {
    fn from(builder: AdaptiveLimitBuilder) -> Self {
        builder.config
    }
}
