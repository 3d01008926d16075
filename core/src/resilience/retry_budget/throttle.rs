//! Tokens that failures take and successes give: gRPC's retry throttling.

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
    pub(super) fn new(max_tokens: u32, token_ratio: f64) -> Self {
        let max = u64::from(max_tokens) * TOKEN;
        let ratio = (token_ratio * TOKEN as f64).round() as u64;
        Self { tokens: AtomicU64::new(max), max, ratio }
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
