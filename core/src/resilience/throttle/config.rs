//! How a throttle is set up.

use super::Throttle;
use super::shared::Shared;
use super::state::{Machine, Rules};
use super::window::Window;
use crate::config_error::ConfigError;
use crate::resilience::observer::{Observed, Observer};
use crate::resilience::rate::SHARE;
use crate::settings::Rule;
use std::time::Duration;

/// A throttle in the making: [`Throttle::named`].
///
/// | field | default | valid |
/// |---|---|---|
/// | `ratio` | 2 | from 1 to 1,000 |
/// | `window` | 2 min | any but zero |
/// | `min_requests` | 10 | any |
/// | `max_rejection` | 0.9 | from a millionth to 1 |
/// | `observer` | none | |
///
/// All but the name and the observer are a [`ThrottleConfig`].
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::Throttle;
///
/// let error = Throttle::named("users").ratio(f64::NAN).build().unwrap_err();
/// assert_eq!(error.to_string(), "invalid `ratio` = NaN: must be at least 1 and at most 1,000");
/// ```
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is built"]
pub struct ThrottleBuilder {
    name: &'static str,
    config: ThrottleConfig,
    observed: Observed,
}

/// The settings of a [`Throttle`], as plain data: what can be in a file. [`ThrottleBuilder`] says what each means.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Throttle, ThrottleConfig};
///
/// let mut config = ThrottleConfig::default();
/// config.ratio = 1.5;
/// let throttle = Throttle::named("users").config(config).build()?;
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ThrottleConfig {
    /// How many times what the service accepts it is sent.
    pub ratio: f64,
    /// For how long calls are remembered.
    pub window: Duration,
    /// With fewer requests in the window nothing is refused.
    pub min_requests: u32,
    /// Not more than this part of the calls is refused.
    pub max_rejection: f64,
}

const RATIO: Rule<f64> =
    Rule { reason: "must be at least 1 and at most 1,000", holds: |ratio| (1.0..=1_000.0).contains(ratio) };

crate::settings! {
    ThrottleConfig from Self::new();
    ratio: RATIO,
    window: Rule::<Duration>::NOT_ZERO,
    min_requests,
    max_rejection: SHARE,
}

impl ThrottleConfig {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self { ratio: 2.0, window: Duration::from_secs(120), min_requests: 10, max_rejection: 0.9 }
    }

    /// Whether it makes sense: what building a throttle of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()
    }

    /// In the form that decisions are made by.
    pub(super) fn checked(&self) -> Result<(Rules, Window), ConfigError> {
        self.validate()?;
        let Self { ratio, window, min_requests, max_rejection } = *self;
        Ok((Rules { ratio, min_requests: min_requests.into(), max_rejection }, Window::new(window)))
    }
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl ThrottleBuilder {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, config: ThrottleConfig::new(), observed: Observed::NONE }
    }

    /// All settings that can be in a file, in place of those there were.
    pub const fn config(mut self, config: ThrottleConfig) -> Self {
        self.config = config;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &ThrottleConfig {
        &self.config
    }

    /// How many times what the service accepts it is sent: the book's K.
    ///
    /// With 2, half of what reaches an overloaded service is in vain, and so it is soon known when it can take more. A
    /// lower one spares the service and takes longer to notice; with 1 every failure counts at once.
    #[doc(alias = "k")]
    #[doc(alias = "aggression")]
    pub const fn ratio(mut self, ratio: f64) -> Self {
        self.config.ratio = ratio;
        self
    }

    /// For how long calls are remembered, to 1/32 of it. How soon it notices that the service works again grows with it.
    pub const fn window(mut self, window: Duration) -> Self {
        self.config.window = window;
        self
    }

    /// With fewer requests in the window nothing is refused; and a priority with fewer of its own is judged by what became
    /// of the others.
    #[doc(alias = "rps_threshold")]
    pub const fn min_requests(mut self, requests: u32) -> Self {
        self.config.min_requests = requests;
        self
    }

    /// Not more than this part of the calls is refused, so that the others find out when the service works again.
    #[doc(alias = "max_rejection_probability")]
    pub const fn max_rejection(mut self, part: f64) -> Self {
        self.config.max_rejection = part;
        self
    }

    /// Who is told of its refusals. It hears of all calls, from whatever pipeline.
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// The throttle.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<Throttle, ConfigError> {
        let (rules, window) = self.config.checked()?;
        Ok(Throttle::new(Shared::new(self.name, Machine::new(rules, window), self.observed)))
    }
}

/// The settings alone.
impl From<ThrottleBuilder> for ThrottleConfig {
    fn from(builder: ThrottleBuilder) -> Self {
        builder.config
    }
}
