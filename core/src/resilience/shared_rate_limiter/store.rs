//! Where a quota is kept that many share.

use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::resilience::rate_limiter::Quota;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// Where the state of [`SharedRateLimiter`](super::SharedRateLimiter)s is kept: in this process
/// ([`InMemoryStore`](super::InMemoryStore)), or where several find it (`backstay-redis`).
///
/// A store decides and a limiter obeys; what to do when a store does not answer, or too late, is the limiter's part,
/// and so is the time limit: a store waits for as long as it takes, and is dropped.
///
/// # What a store owes
///
/// * **One decision at a time for a key.** Of two that come together one is decided after the other.
/// * **A refusal changes nothing**, so that who asks again and again makes nobody wait longer.
/// * **What it grants counts, whoever hears of it.** Where the answer is lost or comes too late, the permits are spent:
///   too few calls then, never too many.
/// * **State ends by itself** once all of the burst is there again.
/// * **A future that is dropped harms nobody else**: another's answer is never taken for its own.
pub trait QuotaStore: Send + Sync + 'static {
    /// Why there is no decision.
    type Error: Error + Send + Sync + 'static;

    /// A decision that is being made. It may take long, and may be dropped at any time.
    type Take: Future<Output = Result<Taken, Self::Error>> + Send + 'static;

    /// Asks for permits of this key. The key is the same `Arc` at each call of one limiter.
    fn take(&self, key: &Arc<str>, ask: Ask) -> Self::Take;

    /// Whether it can keep such a quota, with waits of up to so long: asked where a limiter is built.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    fn check(&self, quota: &Quota, max_wait: Duration) -> Result<(), ConfigError>;
}

/// What is asked of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ask {
    /// The limiter's quota: the same for all who share the key.
    pub quota: Quota,
    /// So many or none: from 1 to the quota's burst.
    pub at_least: u32,
    /// More than that, if they are there now: never less than `at_least`. Nobody waits for these.
    pub up_to: u32,
    /// How far away the time may be that `at_least` are granted for.
    pub max_wait: Duration,
    /// The longest `max_wait` that anybody asks of this limiter with: no state is further ahead than the burst and this.
    pub longest_wait: Duration,
    /// The caller's time, for a store that has no clock of its own. It compares with those of the same runtime alone.
    pub now: Instant,
}

impl Ask {
    /// For so many, now or not at all: for the tests of a store. The rest can be set.
    pub const fn new(quota: Quota, permits: u32, now: Instant) -> Self {
        let max_wait = Duration::ZERO;
        Self { quota, at_least: permits, up_to: permits, max_wait, longest_wait: max_wait, now }
    }
}

/// A store's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// So many are the caller's.
    Granted {
        /// How many: from what it asked for at least to what it asked for at most.
        permits: u32,
        /// From when on they may be used, counted from when they were granted. Zero for now.
        wait: Duration,
        /// How many more there are now.
        left: u64,
    },
    /// None, and nothing has changed.
    Refused {
        /// After which time there are so many, if nobody else comes: with the wait that was allowed.
        retry_after: Duration,
    },
}
