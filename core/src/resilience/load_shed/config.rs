//! How a load shedder is set up.

use super::LoadShed;
use super::shared::Shared;
use super::state::Rules;
use crate::config_error::ConfigError;
use crate::resilience::observer::{Observed, Observer};
use crate::settings::Rule;
use std::time::Duration;

/// A load shedder in the making: [`LoadShed::named`].
///
/// | field | default | valid |
/// |---|---|---|
/// | `target` | 5 ms | any but zero, shorter than `interval` |
/// | `interval` | 100 ms | any but zero |
/// | `observer` | none | |
///
/// All but the name and the observer are a [`LoadShedConfig`].
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::LoadShed;
/// use std::time::Duration;
///
/// let error = LoadShed::named("orders").target(Duration::from_secs(1)).build().unwrap_err();
/// assert_eq!(error.to_string(), "invalid `target` = 1s: must be shorter than `interval`");
/// ```
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is built"]
pub struct LoadShedBuilder {
    name: &'static str,
    config: LoadShedConfig,
    observed: Observed,
}

/// The settings of a [`LoadShed`], as plain data: what can be in a file. [`LoadShedBuilder`] says what each means.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{LoadShed, LoadShedConfig};
/// use std::time::Duration;
///
/// let mut config = LoadShedConfig::default();
/// config.target = Duration::from_millis(20);
/// let shed = LoadShed::named("orders").config(config).build()?;
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadShedConfig {
    /// How long requests may wait, for longer than `interval`.
    pub target: Duration,
    /// For how long they may wait longer.
    pub interval: Duration,
}

crate::settings! {
    LoadShedConfig from Self::new();
    target: Rule::<Duration>::NOT_ZERO,
    interval: Rule::<Duration>::NOT_ZERO,
}

impl LoadShedConfig {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self { target: Duration::from_millis(5), interval: Duration::from_millis(100) }
    }

    /// Whether it makes sense: what building a load shedder of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        if self.target >= self.interval {
            let reason = "must be shorter than `interval`";
            return Err(ConfigError::invalid_value("target", self.target.into(), reason));
        }
        Ok(())
    }

    /// In the form that decisions are made by.
    pub(super) fn checked(&self) -> Result<Rules, ConfigError> {
        self.validate()?;
        Ok(Rules::new(self.target, self.interval))
    }
}

impl Default for LoadShedConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl LoadShedBuilder {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, config: LoadShedConfig::new(), observed: Observed::NONE }
    }

    /// All settings that can be in a file, in place of those there were.
    pub const fn config(mut self, config: LoadShedConfig) -> Self {
        self.config = config;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &LoadShedConfig {
        &self.config
    }

    /// How long requests may wait: if none of those of an [`interval`](Self::interval) waited less, it is overloaded, and
    /// whoever has waited longer than [its priority](LoadShed) may is shed.
    pub const fn target(mut self, target: Duration) -> Self {
        self.config.target = target;
        self
    }

    /// For how long requests may wait longer than the [`target`](Self::target): the length of a burst that is no
    /// overload. It should be several times as long as a request usually takes.
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.config.interval = interval;
        self
    }

    /// Who is told of its refusals. It hears of all requests, from whatever pipeline.
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// The load shedder.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<LoadShed, ConfigError> {
        Ok(LoadShed::new(Shared::new(self.name, self.config.checked()?, self.observed)))
    }
}

/// The settings alone.
impl From<LoadShedBuilder> for LoadShedConfig {
    fn from(builder: LoadShedBuilder) -> Self {
        builder.config
    }
}
