//! What the handles of a shared limiter share.

use super::failure::OnStoreFailure;
use super::lease::Lease;
use super::report::Counts;
use super::store::QuotaStore;
use crate::resilience::circuit_breaker::CircuitBreaker;
use crate::resilience::observer::{Event, EventKind, Observed};
use crate::resilience::rate_limiter::{Quota, RateLimiter};
use crate::resilience::rejected::{PolicyKind, Reason, Rejected};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(super) struct Shared<S: QuotaStore> {
    pub(super) name: &'static str,
    pub(super) key: Arc<str>,
    pub(super) quota: Quota,
    pub(super) max_wait: Duration,
    pub(super) store_timeout: Duration,
    pub(super) on_store_failure: OnStoreFailure,
    pub(super) store: S,
    pub(super) breaker: CircuitBreaker,
    /// This process's share, where there is one.
    pub(super) local: Option<RateLimiter>,
    pub(super) lease: Mutex<Lease>,
    pub(super) counts: Counts,
    pub(super) last_error: Mutex<Option<Arc<S::Error>>>,
    pub(super) observed: Observed,
}

impl<S: QuotaStore> Shared<S> {
    // Nothing foreign runs under these locks.
    pub(super) fn lease(&self) -> MutexGuard<'_, Lease> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn last_error(&self) -> MutexGuard<'_, Option<Arc<S::Error>>> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an error for whoever asks; the one before is dropped without the lock.
    pub(super) fn keep(&self, error: S::Error) {
        let before = self.last_error().replace(Arc::new(error));
        drop(before);
    }

    pub(super) const fn because(&self, reason: Reason) -> Rejected {
        Rejected::new(PolicyKind::RateLimiter, self.name, reason)
    }

    /// Tells its own observer.
    pub(super) fn tell(&self, kind: EventKind) {
        if let Some(observer) = self.observed.get() {
            observer.on_event(&Event { source: self.name, kind });
        }
    }

    /// What one that waits does, for a report.
    pub(super) fn describe(&self, what: &str) -> String {
        format!("shared rate limiter `{}` {what}", self.key)
    }
}
