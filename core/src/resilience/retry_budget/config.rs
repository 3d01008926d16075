//! The settings of budgets.

use super::ratio::{Ratio, UNIT};
use super::token_bucket::TokenBucket;
use super::{Form, RetryBudget};
use crate::config_error::ConfigError;
use std::time::Duration;

/// A [`RetryBudget::ratio`] in the making.
///
/// | setting | default | valid |
/// |---|---|---|
/// | `ratio` | none: it must be given | 0, or from a millionth to 1,000 |
/// | `window` | 10 s | from 1 ms to an hour |
/// | `min_per_second` | 10 | any; not 0 together with a ratio of 0 |
#[derive(Clone, Copy, Debug)]
#[must_use = "it does nothing until it is built"]
pub struct RatioBudget {
    ratio: f64,
    window: Duration,
    min_per_second: u32,
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

    /// The budget.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<RetryBudget, ConfigError> {
        let Self { ratio, window, min_per_second } = self;
        if !(0.0..=1_000.0).contains(&ratio) {
            return Err(ConfigError::invalid("ratio", "must be a number from 0 to 1000"));
        }
        if !(Duration::from_millis(1)..=Duration::from_secs(3_600)).contains(&window) {
            return Err(ConfigError::invalid("window", "must be from 1 ms to an hour"));
        }
        let per_call = (ratio * UNIT as f64).round() as u64;
        if per_call == 0 && ratio > 0.0 {
            return Err(ConfigError::invalid("ratio", "must be 0, or at least a millionth"));
        }
        if per_call == 0 && min_per_second == 0 {
            return Err(ConfigError::invalid("ratio", "must not be 0 where `min_per_second` is 0 too"));
        }
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
#[derive(Clone, Copy, Debug)]
#[must_use = "it does nothing until it is built"]
pub struct TokenBucketBudget {
    capacity: u32,
    retry_cost: u32,
    timeout_cost: u32,
    success_refill: u32,
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

    /// The budget.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<RetryBudget, ConfigError> {
        if self.retry_cost == 0 {
            return Err(ConfigError::invalid("retry_cost", "must not be zero"));
        }
        if self.timeout_cost == 0 {
            return Err(ConfigError::invalid("timeout_cost", "must not be zero"));
        }
        if self.capacity < self.retry_cost.max(self.timeout_cost) {
            let reason = "must not be less than `retry_cost` and `timeout_cost`, or there is never a retry";
            return Err(ConfigError::invalid("capacity", reason));
        }
        let Self { capacity, retry_cost, timeout_cost, success_refill } = self;
        let bucket = TokenBucket::new(capacity, retry_cost, timeout_cost, success_refill);
        Ok(RetryBudget::new(Form::TokenBucket(bucket)))
    }
}
