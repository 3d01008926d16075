//! How a bulkhead is set up.

use super::Bulkhead;
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::resilience::observer::{Observed, Observer};
use crate::settings::Rule;
use crate::sync::Semaphore;
use std::time::Duration;

/// A bulkhead in the making: [`Bulkhead::named`].
///
/// | field | default | valid |
/// |---|---|---|
/// | `max_in_flight` | none: it must be given | from 1 to [`Semaphore::MAX_PERMITS`] |
/// | `max_waiting` | 0: nobody waits | any |
/// | `max_wait` | as long as it takes | any, with a `max_waiting`; zero means that nobody waits |
/// | `observer` | none | |
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::Bulkhead;
/// use std::time::Duration;
///
/// let error = Bulkhead::named("db").max_in_flight(0).build().unwrap_err();
/// assert_eq!(error.field(), Some("max_in_flight"));
///
/// let error = Bulkhead::named("db").max_in_flight(9).max_wait(Duration::from_secs(1)).build().unwrap_err();
/// assert_eq!(error.field(), Some("max_waiting"));
/// ```
///
/// All but the name and the observer are a [`BulkheadConfig`].
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is built"]
pub struct BulkheadBuilder {
    pub(super) name: &'static str,
    pub(super) config: BulkheadConfig,
    pub(super) observed: Observed,
}

/// The settings of a [`Bulkhead`], as plain data: what can be in a file. [`BulkheadBuilder`] says what each means.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Bulkhead, BulkheadConfig};
///
/// let mut config = BulkheadConfig::default();
/// config.max_in_flight = Some(10);
/// let bulkhead = Bulkhead::named("db").config(config).build()?;
/// assert_eq!(bulkhead.max_in_flight(), 10);
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkheadConfig {
    /// How many calls there are at a time; it must be given.
    pub max_in_flight: Option<usize>,
    /// How many may wait for a place.
    pub max_waiting: usize,
    /// How long each may wait.
    pub max_wait: Option<Duration>,
}

const MAX_IN_FLIGHT: Rule<usize> = Rule {
    reason: "must be at least 1 and at most `Semaphore::MAX_PERMITS`",
    holds: |places| (1..=Semaphore::MAX_PERMITS).contains(places),
};

crate::settings! {
    BulkheadConfig from Self::default();
    max_in_flight: MAX_IN_FLIGHT,
    max_waiting,
    max_wait,
}

impl BulkheadConfig {
    /// Whether it makes sense: what building a bulkhead of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.checked().map(|_| ())
    }

    pub(super) fn checked(&self) -> Result<Limit, ConfigError> {
        self.check_fields()?;
        let Some(Ok(max_in_flight)) = self.max_in_flight.map(Limit::new) else {
            return Err(ConfigError::invalid("max_in_flight", "must be given"));
        };
        if self.max_waiting == 0 && self.max_wait.is_some_and(|limit| !limit.is_zero()) {
            let reason = "must be at least 1 where there is a `max_wait`";
            return Err(ConfigError::invalid_value("max_waiting", self.max_waiting.into(), reason));
        }
        Ok(max_in_flight)
    }
}

impl BulkheadBuilder {
    pub(super) const fn new(name: &'static str) -> Self {
        let config = BulkheadConfig { max_in_flight: None, max_waiting: 0, max_wait: None };
        Self { name, config, observed: Observed::NONE }
    }

    /// All settings that can be in a file, in place of those there were.
    pub const fn config(mut self, config: BulkheadConfig) -> Self {
        self.config = config;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &BulkheadConfig {
        &self.config
    }

    /// How many calls there are at a time, or how many places, where [some take several](Bulkhead::weighing).
    pub const fn max_in_flight(mut self, places: usize) -> Self {
        self.config.max_in_flight = Some(places);
        self
    }

    /// How many calls may wait for a place, whatever they weigh.
    pub const fn max_waiting(mut self, calls: usize) -> Self {
        self.config.max_waiting = calls;
        self
    }

    /// How long each of them may wait.
    pub const fn max_wait(mut self, limit: Duration) -> Self {
        self.config.max_wait = Some(limit);
        self
    }

    /// Who is told of its refusals, and how long who waited did. It hears of all calls, from whatever pipeline.
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// The bulkhead.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<Bulkhead, ConfigError> {
        Ok(Bulkhead::from_parts(self.config.checked()?, self))
    }
}

/// The settings alone.
impl From<BulkheadBuilder> for BulkheadConfig {
    fn from(builder: BulkheadBuilder) -> Self {
        builder.config
    }
}
