//! The settings of a whole pipeline, as plain data.

use crate::config_error::ConfigError;
use crate::resilience::adaptive_limit::AdaptiveLimitConfig;
use crate::resilience::bulkhead::BulkheadConfig;
use crate::resilience::circuit_breaker::CircuitBreakerConfig;
use crate::resilience::describe::Describe;
use crate::resilience::hedge::HedgeConfig;
use crate::resilience::load_shed::LoadShedConfig;
use crate::resilience::rate_limiter::RateLimiterConfig;
use crate::resilience::retry::RetryConfig;
use crate::resilience::retry_budget::RetryBudgetConfig;
use crate::resilience::throttle::ThrottleConfig;
use crate::resilience::timeout::{AttemptTimeout, TotalTimeout};

/// The settings of a [`ConfiguredPipeline`](super::ConfiguredPipeline), as plain data: what can be in a file. A policy
/// that has no table is not in the pipeline, and an empty table is one with its defaults, where it has some for all.
///
/// The order is the default one, which is that of the fields.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{PipelineConfig, Retry};
/// use std::time::Duration;
///
/// let mut config = PipelineConfig::default();
/// config.deadline = Some(Duration::from_secs(2).into());
/// config.retry = Some(Retry::builder().max_attempts(5).as_config().clone());
/// assert!(config.validate().is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PipelineConfig {
    /// A limit on the time of the whole call.
    pub deadline: Option<TotalTimeout>,
    /// No work for who has waited too long.
    pub load_shed: Option<LoadShedConfig>,
    /// Fewer calls while the service takes too few of them.
    pub throttle: Option<ThrottleConfig>,
    /// Another attempt after a failure.
    pub retry: Option<RetryConfig>,
    /// So many retries and hedges, at most; with one of them only.
    pub retry_budget: Option<RetryBudgetConfig>,
    /// Another call while one is slow.
    pub hedge: Option<HedgeConfig>,
    /// At most so many calls in a time.
    pub rate_limit: Option<RateLimiterConfig>,
    /// No calls to what is down.
    pub breaker: Option<CircuitBreakerConfig>,
    /// At most so many calls at a time.
    pub bulkhead: Option<BulkheadConfig>,
    /// At most so many calls at a time as the service can take.
    pub adaptive_limit: Option<AdaptiveLimitConfig>,
    /// A limit on the time of each attempt.
    pub attempt_timeout: Option<AttemptTimeout>,
}

crate::settings_of_its_own!(
    TotalTimeout,
    LoadShedConfig,
    ThrottleConfig,
    RetryConfig,
    HedgeConfig,
    RateLimiterConfig,
    BulkheadConfig,
    AdaptiveLimitConfig,
    AttemptTimeout
);

crate::settings! {
    PipelineConfig from Self::default();
    deadline,
    load_shed,
    throttle,
    retry,
    retry_budget,
    hedge,
    rate_limit,
    breaker,
    bulkhead,
    adaptive_limit,
    attempt_timeout,
}

impl PipelineConfig {
    /// Whether it makes sense: what building a pipeline of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field, of the outermost policy that has one which makes no sense.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        self.deadline.check()?;
        of(self.load_shed.as_ref(), LoadShedConfig::validate)?;
        of(self.throttle.as_ref(), ThrottleConfig::validate)?;
        of(self.retry.as_ref(), RetryConfig::validate)?;
        of(self.retry_budget.as_ref(), RetryBudgetConfig::validate)?;
        if self.retry_budget.is_some() && self.retry.is_none() && self.hedge.is_none() {
            let reason = "must not be given without `retry` or `hedge`, which it would be of";
            return Err(ConfigError::invalid("retry_budget", reason));
        }
        of(self.hedge.as_ref(), HedgeConfig::validate)?;
        of(self.rate_limit.as_ref(), RateLimiterConfig::validate)?;
        of(self.breaker.as_ref(), CircuitBreakerConfig::validate)?;
        of(self.bulkhead.as_ref(), BulkheadConfig::validate)?;
        of(self.adaptive_limit.as_ref(), AdaptiveLimitConfig::validate)?;
        self.attempt_timeout.check()
    }
}

fn of<S>(
    settings: Option<&S>,
    validate: impl FnOnce(&S) -> Result<(), ConfigError>,
) -> Result<(), ConfigError> {
    settings.map_or(Ok(()), validate)
}
