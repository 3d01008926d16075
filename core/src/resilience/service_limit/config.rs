//! How a limit that the service states is set up.

use super::ServiceLimit;
use super::hear::ByVerdict;
use super::rules::Rules;
use super::shared::{Room, Shared};
use super::told::ToldQuota;
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::resilience::observer::{Observed, Observer};
use crate::resilience::rate::Rate;
use crate::settings::Rule;
use std::borrow::Cow;
use std::time::Duration;

/// A limit in the making: [`ServiceLimit::named`].
///
/// | field | default | valid |
/// |---|---|---|
/// | `pacing` | at once | |
/// | `initial_quota` | any number | at least 1 |
/// | `max_wait` | as long as it takes | any; zero: nobody waits |
/// | `max_waiting` | any number | at least 1 |
/// | `jitter` | 0 | within 0..=1 |
/// | `max_pause` | a day | any but zero |
/// | `assumed_window` | a minute | any but zero |
/// | `unit` | requests | |
/// | `observer` | none | |
///
/// All but the name, the unit and the observer are a [`ServiceLimitConfig`].
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::ServiceLimit;
///
/// let error = ServiceLimit::named("api").jitter(f64::NAN).build().unwrap_err();
/// assert_eq!(error.to_string(), "invalid `jitter` = NaN: must be within 0..=1");
/// ```
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is built"]
pub struct ServiceLimitBuilder {
    name: &'static str,
    unit: Cow<'static, str>,
    config: ServiceLimitConfig,
    observed: Observed,
}

/// The settings of a [`ServiceLimit`], as plain data: what can be in a file. [`ServiceLimitBuilder`] says what each means.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Pacing, ServiceLimit, ServiceLimitConfig};
///
/// let mut config = ServiceLimitConfig::default();
/// config.pacing = Pacing::Even;
/// let limit = ServiceLimit::named("api").config(config).build()?;
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ServiceLimitConfig {
    /// How what is left is used up.
    pub pacing: Pacing,
    /// How much may be under way before the service has answered for the first time.
    pub initial_quota: Option<Limit>,
    /// How long anybody may wait.
    pub max_wait: Option<Duration>,
    /// How many may wait.
    pub max_waiting: Option<Limit>,
    /// How much longer than was said a wait may be, as a part of it.
    pub jitter: f64,
    /// No word of the service holds for longer.
    pub max_pause: Duration,
    /// The window of a quota where the service does not say.
    pub assumed_window: Duration,
}

/// How what a service has left is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Pacing {
    /// As calls come, until nothing is left.
    #[default]
    AtOnce,
    /// Spread over the time until the reset: each call takes its share of what is left of it.
    Even,
}

crate::settings_of_its_own!(Pacing);

crate::settings! {
    ServiceLimitConfig from Self::new();
    pacing,
    initial_quota,
    max_wait,
    max_waiting,
    jitter: Rule::<f64>::PART,
    max_pause: Rule::<Duration>::NOT_ZERO,
    assumed_window: Rule::<Duration>::NOT_ZERO,
}

impl ServiceLimitConfig {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self {
            pacing: Pacing::AtOnce,
            initial_quota: None,
            max_wait: None,
            max_waiting: None,
            jitter: 0.0,
            max_pause: Duration::from_secs(86_400),
            assumed_window: Duration::from_secs(60),
        }
    }

    /// Whether it makes sense: what building a limit of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()
    }

    /// In the form that decisions are made by.
    pub(super) fn checked(&self) -> Result<(Rules, Room), ConfigError> {
        self.validate()?;
        let rules = Rules {
            is_even: self.pacing == Pacing::Even,
            initial_quota: self.initial_quota.map_or(u64::MAX, |quota| quota.get() as u64),
            jitter: Rate::new(self.jitter).unwrap_or(Rate::NONE),
            max_pause: self.max_pause,
            assumed_window: self.assumed_window,
        };
        let room = Room {
            max_waiting: self.max_waiting.map_or(usize::MAX, Limit::get),
            max_wait: self.max_wait.unwrap_or(Duration::MAX),
        };
        Ok((rules, room))
    }
}

impl Default for ServiceLimitConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl ServiceLimitBuilder {
    pub(super) const fn new(name: &'static str) -> Self {
        let unit = Cow::Borrowed(ToldQuota::REQUESTS);
        Self { name, unit, config: ServiceLimitConfig::new(), observed: Observed::NONE }
    }

    /// All settings that can be in a file, in place of those there were.
    pub const fn config(mut self, config: ServiceLimitConfig) -> Self {
        self.config = config;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &ServiceLimitConfig {
        &self.config
    }

    /// How what is left is used up. At once by default: a quota is for a window, and a call that may be made now has no
    /// reason to wait, nor does what is not used now come back. [`Even`](Pacing::Even) is for steady work that is always
    /// there.
    pub const fn pacing(mut self, pacing: Pacing) -> Self {
        self.config.pacing = pacing;
        self
    }

    /// How much may be under way before the service has answered for the first time; the others wait for that answer.
    pub fn initial_quota(mut self, quota: impl Into<Limit>) -> Self {
        self.config.initial_quota = Some(quota.into());
        self
    }

    /// How long anybody may wait: whose turn would come later is refused at once. Zero: nobody waits.
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.config.max_wait = Some(max_wait);
        self
    }

    /// How many may wait: whoever comes when so many do is refused.
    pub fn max_waiting(mut self, max_waiting: impl Into<Limit>) -> Self {
        self.config.max_waiting = Some(max_waiting.into());
        self
    }

    /// How much longer than the service said a wait may be, as a part of it: a random share of that is added, so that not
    /// all clients come back at the same moment. It is never shorter.
    pub const fn jitter(mut self, part: f64) -> Self {
        self.config.jitter = part;
        self
    }

    /// No word of the service holds for longer: a pause, or the reset of a quota, that is further away is over then, and one
    /// call asks anew.
    /// It is what keeps a wrong number, or a hostile one, from stopping a client for good.
    pub const fn max_pause(mut self, max_pause: Duration) -> Self {
        self.config.max_pause = max_pause;
        self
    }

    /// The window of a quota where the service says neither when it is reset nor how long its window is.
    pub const fn assumed_window(mut self, window: Duration) -> Self {
        self.config.assumed_window = window;
        self
    }

    /// In which unit calls are counted here. Quotas that the service counts in another are not heeded.
    pub fn unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
        self.unit = unit.into();
        self
    }

    /// Who is told of its refusals, and how long who waited did. It hears of all who ask, in whatever pipeline or in none;
    /// with no lock held.
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// The limit.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<ServiceLimit<ByVerdict>, ConfigError> {
        let (rules, room) = self.config.checked()?;
        Ok(ServiceLimit::new(Shared::new(self.name, self.unit, rules, room, self.observed)))
    }
}

/// The settings alone.
impl From<ServiceLimitBuilder> for ServiceLimitConfig {
    fn from(builder: ServiceLimitBuilder) -> Self {
        builder.config
    }
}
