//! What a shared limiter has counted.

use super::failure::StoreFailure;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a [`SharedRateLimiter`](super::SharedRateLimiter) has counted since it was built, in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedRateMetrics {
    /// How often the store was asked.
    pub asked: u64,
    /// How often it was not, because a permit had been taken ahead.
    pub leased: u64,
    /// How often the store took too long.
    pub timeouts: u64,
    /// How often it failed.
    pub errors: u64,
    /// How often it was not asked because it had failed of late.
    pub not_asked: u64,
}

// Relaxed: each orders nothing but itself.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) asked: AtomicU64,
    pub(super) leased: AtomicU64,
    timeouts: AtomicU64,
    errors: AtomicU64,
    not_asked: AtomicU64,
}

impl Counts {
    pub(super) fn failed(&self, cause: StoreFailure) {
        let count = match cause {
            StoreFailure::Timeout => &self.timeouts,
            StoreFailure::Error => &self.errors,
            StoreFailure::NotAsked => &self.not_asked,
        };
        count.fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self) -> SharedRateMetrics {
        let Self { asked, leased, timeouts, errors, not_asked } = self;
        let [asked, leased, timeouts, errors, not_asked] =
            [asked, leased, timeouts, errors, not_asked].map(|count| count.load(Relaxed));
        SharedRateMetrics { asked, leased, timeouts, errors, not_asked }
    }
}
