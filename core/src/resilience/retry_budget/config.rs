//! The settings of budgets.

use super::ratio::{Ratio, UNIT};
use super::token_bucket::TokenBucket;
use super::{Form, RetryBudget};
use crate::config_error::ConfigError;
use crate::settings::Rule;
use std::time::Duration;

/// A [`RetryBudget::ratio`] in the making.
///
/// | setting | default | valid |
/// |---|---|---|
/// | `ratio` | none: it must be given | 0, or from a millionth to 1,000 |
/// | `window` | 10 s | from 1 ms to an hour |
/// | `min_per_second` | 10 | any; not 0 together with a ratio of 0 |
///
/// It is plain data, and can be in a file; [`RetryBudgetConfig`](super::RetryBudgetConfig) is one of the forms.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "it does nothing until it is built"]
#[non_exhaustive]
pub struct RatioBudget {
    /// How many retries there may be for each call.
    pub ratio: f64,
    /// For how long calls and retries are remembered.
    pub window: Duration,
    /// How many retries a second there may be whatever the calls.
    pub min_per_second: u32,
}

const RATIO: Rule<f64> = Rule {
    reason: "must be 0, or at least a millionth and at most 1,000",
    holds: |ratio| (0.0..=1_000.0).contains(ratio) && (*ratio == 0.0 || per_call(*ratio) > 0),
};

const WINDOW: Rule<Duration> = Rule {
    reason: "must be at least 1 ms and at most an hour",
    holds: |window| (Duration::from_millis(1)..=Duration::from_secs(3_600)).contains(window),
};

crate::settings! {
    RatioBudget requires [ratio] from Self::new(0.0);
    ratio: RATIO,
    window: WINDOW,
    min_per_second,
}

/// In the units that are counted.
fn per_call(ratio: f64) -> u64 {
    (ratio * UNIT as f64).round() as u64
}

impl RatioBudget {
    pub(super) const fn new(ratio: f64) -> Self {
        Self { ratio, window: Duration::from_secs(10), min_per_second: 10 }
    }

    /// For how long calls and retries are remembered, to a tenth of it.
    #[doc(alias = "ttl")]
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// How many retries a second there may be whatever the calls, counted over the whole window: so that a client with
    /// few calls can retry at all.
    pub const fn min_per_second(mut self, retries: u32) -> Self {
        self.min_per_second = retries;
        self
    }

    /// Whether it makes sense: what [`build`](Self::build) checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        if self.ratio == 0.0 && self.min_per_second == 0 {
            let reason = "must not be 0 where `min_per_second` is 0 too";
            return Err(ConfigError::invalid_value("ratio", self.ratio.into(), reason));
        }
        Ok(())
    }

    /// The budget.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<RetryBudget, ConfigError> {
        self.validate()?;
        let Self { ratio, window, min_per_second } = self;
        let per_call = per_call(ratio);
        let reserve = u128::from(min_per_second) * u128::from(UNIT) * window.as_nanos() / 1_000_000_000;
        let reserve = u64::try_from(reserve).unwrap_or(u64::MAX);
        Ok(RetryBudget::new(Form::Ratio(Ratio::new(per_call, reserve, window))))
    }
}

/// A [`RetryBudget::token_bucket`] in the making.
///
/// | setting | default | valid |
/// |---|---|---|
/// | `capacity` | 500 | not less than `retry_cost` and `timeout_cost` |
/// | `retry_cost` | 5 | at least 1 |
/// | `timeout_cost` | 10 | at least 1 |
/// | `success_refill` | 1 | any |
///
/// It is plain data, and can be in a file; [`RetryBudgetConfig`](super::RetryBudgetConfig) is one of the forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it does nothing until it is built"]
#[non_exhaustive]
pub struct TokenBucketBudget {
    /// How many tokens there are at first and at most.
    pub capacity: u32,
    /// How many a retry takes.
    pub retry_cost: u32,
    /// How many a retry after a timeout takes.
    pub timeout_cost: u32,
    /// How many a call that succeeds at once gives.
    pub success_refill: u32,
}

crate::settings! {
    TokenBucketBudget from Self::new();
    capacity,
    retry_cost: Rule::<u32>::NOT_ZERO,
    timeout_cost: Rule::<u32>::NOT_ZERO,
    success_refill,
}

impl Default for TokenBucketBudget {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenBucketBudget {
    pub(super) const fn new() -> Self {
        Self { capacity: 500, retry_cost: 5, timeout_cost: 10, success_refill: 1 }
    }

    /// How many tokens there are at first and at most.
    pub const fn capacity(mut self, tokens: u32) -> Self {
        self.capacity = tokens;
        self
    }

    /// How many tokens a retry takes, after a failure of cost one.
    pub const fn retry_cost(mut self, tokens: u32) -> Self {
        self.retry_cost = tokens;
        self
    }

    /// How many tokens a retry takes where a time limit of ours ended the attempt before. For a timeout that an operation
    /// reports as an error of its own, its classifier says so: [`Verdict::cost`](crate::resilience::Verdict::cost).
    pub const fn timeout_cost(mut self, tokens: u32) -> Self {
        self.timeout_cost = tokens;
        self
    }

    /// How many tokens a call that succeeds at once gives.
    pub const fn success_refill(mut self, tokens: u32) -> Self {
        self.success_refill = tokens;
        self
    }

    /// Whether it makes sense: what [`build`](Self::build) checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        if self.capacity < self.retry_cost.max(self.timeout_cost) {
            let reason = "must not be less than `retry_cost` and `timeout_cost`, or there is never a retry";
            return Err(ConfigError::invalid_value("capacity", self.capacity.into(), reason));
        }
        Ok(())
    }

    /// The budget.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<RetryBudget, ConfigError> {
        self.validate()?;
        let Self { capacity, retry_cost, timeout_cost, success_refill } = self;
        let bucket = TokenBucket::new(capacity, retry_cost, timeout_cost, success_refill);
        Ok(RetryBudget::new(Form::TokenBucket(bucket)))
    }
}
