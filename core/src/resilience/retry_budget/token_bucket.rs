//! A bucket of tokens that retries take from: the standard retry mode of the AWS SDKs.

use crate::primitives::{AtomicU64, Ordering::Relaxed};

// Relaxed throughout: the count orders nothing but itself.
#[derive(Debug)]
pub(super) struct TokenBucket {
    tokens: AtomicU64,
    capacity: u64,
    retry_cost: u64,
    timeout_cost: u64,
    refill: u64,
}

impl TokenBucket {
    pub(super) fn new(capacity: u32, retry_cost: u32, timeout_cost: u32, refill: u32) -> Self {
        let [capacity, retry_cost, timeout_cost, refill] =
            [capacity, retry_cost, timeout_cost, refill].map(u64::from);
        Self { tokens: AtomicU64::new(capacity), capacity, retry_cost, timeout_cost, refill }
    }

    /// How many tokens were taken, if there were so many.
    pub(super) fn withdraw(&self, cost: u32, timeout: bool) -> Option<u64> {
        let each = if timeout { self.timeout_cost } else { self.retry_cost };
        // Of 32 bits, both.
        let amount = each * u64::from(cost);
        let take = |tokens: u64| tokens.checked_sub(amount);
        self.tokens.fetch_update(Relaxed, Relaxed, take).is_ok().then_some(amount)
    }

    pub(super) fn succeed(&self) {
        self.give_back(self.refill);
    }

    pub(super) fn give_back(&self, amount: u64) {
        // A full bucket, as it is when all is well, is only read.
        let add = |tokens: u64| (tokens < self.capacity).then(|| (tokens + amount).min(self.capacity));
        let _ = self.tokens.fetch_update(Relaxed, Relaxed, add);
    }

    pub(super) fn available(&self) -> u64 {
        self.tokens.load(Relaxed) / self.retry_cost
    }
}
