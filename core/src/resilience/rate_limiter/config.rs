//! How a limiter is made: its fields, their defaults and what is refused.

use super::{Quota, RateLimiter};
use crate::config_error::ConfigError;
use crate::instant::nanos;
use crate::limit::Limit;
use crate::resilience::observer::{Observed, Observer};
use std::time::Duration;

/// Makes a [`RateLimiter`]; from [`RateLimiter::named`].
///
/// | field | default | refused |
/// |---|---|---|
/// | [`quota`](Self::quota) | none: it must be given | see [`Quota`] |
/// | [`max_wait`](Self::max_wait) | as long as it takes | – |
/// | [`max_waiting`](Self::max_waiting) | any number | 0, by its type |
/// | [`observer`](Self::observer) | none | – |
///
/// All but the name and the observer are a [`RateLimiterConfig`].
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is built"]
pub struct RateLimiterBuilder {
    name: &'static str,
    config: RateLimiterConfig,
    observed: Observed,
}

/// The settings of a [`RateLimiter`], as plain data: what can be in a file. [`RateLimiterBuilder`] says what each means.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Quota, RateLimiter, RateLimiterConfig};
///
/// let mut config = RateLimiterConfig::default();
/// config.quota = Some(Quota::per_second(100));
/// let limiter = RateLimiter::named("api").config(config).build()?;
/// assert_eq!(limiter.quota(), Quota::per_second(100));
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimiterConfig {
    /// How many permits there are in which time; it must be given.
    pub quota: Option<Quota>,
    /// How long anybody may wait.
    pub max_wait: Option<Duration>,
    /// How many may wait.
    pub max_waiting: Option<Limit>,
}

crate::settings! {
    RateLimiterConfig from Self::default();
    quota,
    max_wait,
    max_waiting,
}

impl RateLimiterConfig {
    /// Whether it makes sense: what building a limiter of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the quota if there is none, or its field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.checked_quota()?.check()
    }

    /// The quota, where all else is right.
    pub(super) fn checked_quota(&self) -> Result<Quota, ConfigError> {
        self.check_fields()?;
        self.quota.ok_or(ConfigError::invalid("quota", "must be given"))
    }

    pub(super) fn max_wait_nanos(&self) -> u64 {
        self.max_wait.map_or(u64::MAX, nanos)
    }

    pub(super) fn max_waiting_or_any(&self) -> usize {
        self.max_waiting.map_or(usize::MAX, Limit::get)
    }
}

impl RateLimiterBuilder {
    pub(super) const fn new(name: &'static str) -> Self {
        let config = RateLimiterConfig { quota: None, max_wait: None, max_waiting: None };
        Self { name, config, observed: Observed::NONE }
    }

    /// All settings that can be in a file, in place of those there were.
    pub const fn config(mut self, config: RateLimiterConfig) -> Self {
        self.config = config;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &RateLimiterConfig {
        &self.config
    }

    /// How many permits there are in which time.
    pub const fn quota(mut self, quota: Quota) -> Self {
        self.config.quota = Some(quota);
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

    /// Who is told of its refusals, and how long who waited did. It hears of all who ask, in whatever pipeline or in none;
    /// with no lock held.
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// The limiter.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the quota if there is none, or its field, and its range.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::{Quota, RateLimiter};
    /// use std::time::Duration;
    ///
    /// let quota = Quota::new(1, Duration::from_secs(86_400)).burst(u32::MAX);
    /// let error = RateLimiter::named("pings").quota(quota).build().unwrap_err();
    /// assert_eq!(error.field(), Some("burst")); // eleven million years
    /// ```
    pub fn build(self) -> Result<RateLimiter, ConfigError> {
        RateLimiter::with(self.name, &self.config, self.observed)
    }
}

/// The settings alone.
impl From<RateLimiterBuilder> for RateLimiterConfig {
    fn from(builder: RateLimiterBuilder) -> Self {
        builder.config
    }
}
