//! How a limiter is made: its fields, their defaults and what is refused.

use super::{Quota, RateLimiter, Settings};
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
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is built"]
pub struct RateLimiterBuilder {
    name: &'static str,
    quota: Option<Quota>,
    max_wait: u64,
    max_waiting: usize,
    observed: Observed,
}

impl RateLimiterBuilder {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, quota: None, max_wait: u64::MAX, max_waiting: usize::MAX, observed: Observed::NONE }
    }

    /// How many permits there are in which time.
    pub const fn quota(mut self, quota: Quota) -> Self {
        self.quota = Some(quota);
        self
    }

    /// How long anybody may wait: whose turn would come later is refused at once. Zero: nobody waits.
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = nanos(max_wait);
        self
    }

    /// How many may wait: whoever comes when so many do is refused.
    pub fn max_waiting(self, max_waiting: impl Into<Limit>) -> Self {
        Self { max_waiting: max_waiting.into().get(), ..self }
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
        let Self { name, quota, max_wait, max_waiting, observed } = self;
        let quota = quota.ok_or(ConfigError::invalid("quota", "must be given"))?;
        RateLimiter::with(quota, Settings { name, max_wait, max_waiting }, observed)
    }
}
