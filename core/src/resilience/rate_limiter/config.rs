//! How a limiter is made: its fields, their defaults and what is refused.

use super::{Quota, RateLimiter, Settings};
use crate::config_error::ConfigError;
use crate::instant::nanos;
use crate::limit::Limit;
use std::time::Duration;

/// Makes a [`RateLimiter`]; from [`RateLimiter::named`].
///
/// | field | default | refused |
/// |---|---|---|
/// | [`quota`](Self::quota) | none: it must be given | see [`Quota`] |
/// | [`max_wait`](Self::max_wait) | as long as it takes | – |
/// | [`max_waiting`](Self::max_waiting) | any number | 0, by its type |
#[derive(Clone, Copy, Debug)]
#[must_use = "does nothing until it is built"]
pub struct RateLimiterBuilder {
    name: &'static str,
    quota: Option<Quota>,
    max_wait: u64,
    max_waiting: usize,
}

impl RateLimiterBuilder {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, quota: None, max_wait: u64::MAX, max_waiting: usize::MAX }
    }

    /// How many permits there are in which time.
    pub const fn quota(self, quota: Quota) -> Self {
        Self { quota: Some(quota), ..self }
    }

    /// How long anybody may wait: whose turn would come later is refused at once. Zero: nobody waits.
    pub const fn max_wait(self, max_wait: Duration) -> Self {
        Self { max_wait: nanos(max_wait), ..self }
    }

    /// How many may wait: whoever comes when so many do is refused.
    pub fn max_waiting(self, max_waiting: impl Into<Limit>) -> Self {
        Self { max_waiting: max_waiting.into().get(), ..self }
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
        let Self { name, quota, max_wait, max_waiting } = self;
        let quota = quota.ok_or(ConfigError::invalid("quota", "must be given"))?;
        RateLimiter::with(quota, Settings { name, max_wait, max_waiting })
    }
}
