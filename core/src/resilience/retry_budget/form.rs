//! Which form a budget has.

use super::throttle::Throttle;
use super::{Form, RatioBudget, RetryBudget, TokenBucketBudget};
use crate::config_error::ConfigError;
use crate::settings::Rule;

/// The settings of a [`RetryBudget`] of any form, as plain data: what can be in a file.
///
/// In a file it is a table of one table: `[budget.ratio]`, `[budget.token_bucket]` or `[budget.throttle]`.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{RetryBudget, RetryBudgetConfig};
/// use backstay_core::time::Instant;
///
/// let config = RetryBudgetConfig::TokenBucket(RetryBudget::token_bucket().capacity(100));
/// let budget = config.build()?;
/// assert_eq!(budget.available(Instant::ORIGIN), 20); // five for each
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RetryBudgetConfig {
    /// Of [`RetryBudget::ratio`].
    Ratio(RatioBudget),
    /// Of [`RetryBudget::token_bucket`].
    TokenBucket(TokenBucketBudget),
    /// Of [`RetryBudget::throttle`].
    Throttle(ThrottleBudget),
}

impl RetryBudgetConfig {
    /// The budget.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<RetryBudget, ConfigError> {
        match self {
            Self::Ratio(ratio) => ratio.build(),
            Self::TokenBucket(bucket) => bucket.build(),
            Self::Throttle(throttle) => throttle.build(),
        }
    }

    /// Whether it makes sense: what [`build`](Self::build) checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        match self {
            Self::Ratio(ratio) => ratio.validate(),
            Self::TokenBucket(bucket) => bucket.validate(),
            Self::Throttle(throttle) => throttle.validate(),
        }
    }
}

/// What [`RetryBudget::throttle`] is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThrottleBudget {
    /// How many tokens there are at first and at most: from 1 to 1,000,000.
    pub max_tokens: u32,
    /// How much of one a success gives: at least 0.001 and at most `max_tokens`.
    pub token_ratio: f64,
}

const MAX_TOKENS: Rule<u32> = Rule {
    reason: "must be at least 1 and at most 1,000,000",
    holds: |tokens| (1..=1_000_000).contains(tokens),
};

const TOKEN_RATIO: Rule<f64> = Rule {
    reason: "must be at least 0.001 and at most `max_tokens`",
    holds: |ratio| (0.001..=1_000_000.0).contains(ratio),
};

crate::settings! {
    ThrottleBudget requires [max_tokens, token_ratio] from Self { max_tokens: 0, token_ratio: 0.0 };
    max_tokens: MAX_TOKENS,
    token_ratio: TOKEN_RATIO,
}

impl ThrottleBudget {
    fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        if self.token_ratio > f64::from(self.max_tokens) {
            return Err(ConfigError::invalid_value(
                "token_ratio",
                self.token_ratio.into(),
                TOKEN_RATIO.reason,
            ));
        }
        Ok(())
    }

    pub(super) fn build(self) -> Result<RetryBudget, ConfigError> {
        self.validate()?;
        Ok(RetryBudget::new(Form::Throttle(Throttle::new(self.max_tokens, self.token_ratio))))
    }
}

crate::settings_of_its_own!(RetryBudgetConfig);
