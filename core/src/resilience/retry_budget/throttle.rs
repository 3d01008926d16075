//! Tokens that failures take and successes give: gRPC's retry throttling.

use crate::config_error::ConfigError;
use crate::primitives::{AtomicU64, Ordering::Relaxed};
use crate::resilience::verdict::Verdict;

/// A token, in the units that are counted.
const TOKEN: u64 = 1_000;

// Relaxed throughout: the count orders nothing but itself.
#[derive(Debug)]
pub(super) struct Throttle {
    tokens: AtomicU64,
    max: u64,
    ratio: u64,
}

impl Throttle {
    pub(super) fn new(max_tokens: u32, token_ratio: f64) -> Result<Self, ConfigError> {
        if !(1..=1_000_000).contains(&max_tokens) {
            return Err(ConfigError::invalid("max_tokens", "must be from 1 to 1000000"));
        }
        if !(0.001..=f64::from(max_tokens)).contains(&token_ratio) {
            return Err(ConfigError::invalid("token_ratio", "must be from 0.001 to `max_tokens`"));
        }
        let max = u64::from(max_tokens) * TOKEN;
        let ratio = (token_ratio * TOKEN as f64).round() as u64;
        Ok(Self { tokens: AtomicU64::new(max), max, ratio })
    }

    pub(super) fn record(&self, verdict: Verdict) {
        let change = |tokens: u64| match verdict {
            Verdict::Success if tokens < self.max => Some((tokens + self.ratio).min(self.max)),
            Verdict::Failure { cost, .. } => Some(tokens.saturating_sub(TOKEN * u64::from(cost))),
            _ => None,
        };
        let _ = self.tokens.fetch_update(Relaxed, Relaxed, change);
    }

    pub(super) fn allows(&self) -> bool {
        self.tokens.load(Relaxed) > self.max / 2
    }

    /// How many failures more, until it doesn't allow any.
    pub(super) fn available(&self) -> u64 {
        self.tokens.load(Relaxed).saturating_sub(self.max / 2).div_ceil(TOKEN)
    }
}
