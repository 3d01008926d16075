//! How a shared limiter is made: its fields, their defaults and what is refused.

use super::in_memory::InMemoryStore;
use super::store::QuotaStore;
use super::{SharedRateLimiter, failure::OnStoreFailure};
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::resilience::circuit_breaker::CircuitBreaker;
use crate::resilience::observer::{Observed, Observer};
use crate::resilience::rate_limiter::Quota;
use crate::settings::Rule;
use std::fmt;
use std::time::Duration;

/// Makes a [`SharedRateLimiter`]; from [`SharedRateLimiter::named`].
///
/// | field | default | refused |
/// |---|---|---|
/// | [`quota`](Self::quota) | none: it must be given | see [`Quota`]; a strict one; what the store can't count |
/// | [`key`](Self::key) | the limiter's name | none at all, or an empty one |
/// | [`max_wait`](Self::max_wait) | 1 s | what the store can't count |
/// | [`store_timeout`](Self::store_timeout) | 20 ms | zero |
/// | [`on_store_failure`](Self::on_store_failure) | `Allow` | a share of more processes than there is quota for |
/// | [`lease`](Self::lease) | none | 1, and more than the burst |
/// | [`lease_for`](Self::lease_for) | 1 s | zero |
/// | [`store`](Self::store) | an [`InMemoryStore`] of its own | – |
/// | [`breaker`](Self::breaker) | one that opens after 5 failures in a row, for 1 s | – |
/// | [`observer`](Self::observer) | none | – |
///
/// All but the name and the last three are a [`SharedRateLimiterConfig`].
#[must_use = "does nothing until it is built"]
pub struct SharedRateLimiterBuilder<S = InMemoryStore> {
    name: &'static str,
    config: SharedRateLimiterConfig,
    store: S,
    breaker: Option<CircuitBreaker>,
    observed: Observed,
}

/// The settings of a [`SharedRateLimiter`], as plain data: what can be in a file. [`SharedRateLimiterBuilder`] says
/// what each means.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Quota, SharedRateLimiter, SharedRateLimiterConfig};
///
/// let mut config = SharedRateLimiterConfig::default();
/// config.quota = Some(Quota::per_second(100).burst(50));
/// let limiter = SharedRateLimiter::named("api").config(config).build()?;
/// assert_eq!(limiter.key(), "api");
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedRateLimiterConfig {
    /// How many permits there are for all together, in which time; it must be given, and can't be strict.
    pub quota: Option<Quota>,
    /// What the store knows it by.
    pub key: Option<String>,
    /// How long a turn may be away.
    pub max_wait: Duration,
    /// How long the store may take.
    pub store_timeout: Duration,
    /// What happens when it takes longer, or fails.
    pub on_store_failure: OnStoreFailure,
    /// How many permits are taken at a time.
    pub lease: Option<u32>,
    /// How long those may lie.
    pub lease_for: Duration,
}

const LEASE: Rule<u32> =
    Rule { reason: "must be at least 2, and at most the burst", holds: |permits| *permits >= 2 };

const KEY: Rule<String> = Rule { reason: "must not be empty", holds: |key| !key.is_empty() };

crate::settings! {
    SharedRateLimiterConfig from Self::new();
    quota,
    key: KEY,
    max_wait,
    store_timeout: Rule::<Duration>::NOT_ZERO,
    on_store_failure,
    lease: LEASE,
    lease_for: Rule::<Duration>::NOT_ZERO,
}

impl SharedRateLimiterConfig {
    /// Everything at its default; there is no quota yet.
    pub const fn new() -> Self {
        Self {
            quota: None,
            key: None,
            max_wait: Duration::from_secs(1),
            store_timeout: Duration::from_millis(20),
            on_store_failure: OnStoreFailure::Allow,
            lease: None,
            lease_for: Duration::from_secs(1),
        }
    }

    /// Whether it makes sense: what building a limiter of it checks, but for what the store has to say.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.checked().map(drop)
    }

    /// The quota, and each process's share of it, if there are to be such.
    pub(super) fn checked(&self) -> Result<(Quota, Option<Quota>), ConfigError> {
        self.check_fields()?;
        let quota = self.quota.ok_or(ConfigError::invalid("quota", "must be given"))?;
        if quota.is_strict() {
            return Err(ConfigError::invalid("quota", "must not be strict where it is shared"));
        }
        quota.pace()?;
        if let Some(lease) = self.lease.filter(|lease| *lease > quota.max_burst()) {
            return Err(ConfigError::invalid_value("lease", lease.into(), LEASE.reason));
        }
        let share = match self.on_store_failure {
            OnStoreFailure::LocalShare(processes) => Some(share(&quota, processes)?),
            _ => None,
        };
        Ok((quota, share))
    }
}

/// What one of so many processes has by itself: as many permits in so many times the time, which is exact.
fn share(quota: &Quota, processes: Limit) -> Result<Quota, ConfigError> {
    let refused = ConfigError::invalid_value(
        "on_store_failure",
        processes.get().into(),
        "must be few enough processes that a share of the quota comes back within 2^60 ns (36 years)",
    );
    let Some((of, per)) =
        u32::try_from(processes.get()).ok().and_then(|of| Some((of, quota.per().checked_mul(of)?)))
    else {
        return Err(refused);
    };
    let share = Quota::new(quota.permits(), per).burst((quota.max_burst() / of).max(1));
    match share.pace() {
        Ok(_) => Ok(share),
        Err(_) => Err(refused),
    }
}

impl Default for SharedRateLimiterConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl SharedRateLimiterBuilder {
    pub(super) fn new(name: &'static str) -> Self {
        let config = SharedRateLimiterConfig::new();
        Self { name, config, store: InMemoryStore::new(), breaker: None, observed: Observed::NONE }
    }
}

impl<S: QuotaStore> SharedRateLimiterBuilder<S> {
    /// All settings that can be in a file, in place of those there were.
    pub fn config(self, config: SharedRateLimiterConfig) -> Self {
        Self { config, ..self }
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &SharedRateLimiterConfig {
        &self.config
    }

    /// How many permits there are in which time, for all together. All who share a key must say the same.
    pub const fn quota(mut self, quota: Quota) -> Self {
        self.config.quota = Some(quota);
        self
    }

    /// What the store knows it by: all limiters with the same key in the same store are one.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.config.key = Some(key.into());
        self
    }

    /// How long who [waits](SharedRateLimiter::acquire) may have to wait for its turn; who would have to wait longer is
    /// refused at once. All who share a key should say the same.
    pub const fn max_wait(mut self, limit: Duration) -> Self {
        self.config.max_wait = limit;
        self
    }

    /// How long the store may take for an answer, where the caller's deadline is not nearer.
    pub const fn store_timeout(mut self, limit: Duration) -> Self {
        self.config.store_timeout = limit;
        self
    }

    /// What happens to calls while the store does not answer.
    pub const fn on_store_failure(mut self, instead: OnStoreFailure) -> Self {
        self.config.on_store_failure = instead;
        self
    }

    /// Takes so many permits at a time, the caller's among them, and gives them to the next callers without a round
    /// trip. See [leases](SharedRateLimiter#leases) for what that costs.
    pub const fn lease(mut self, permits: u32) -> Self {
        self.config.lease = Some(permits);
        self
    }

    /// How long permits that were taken ahead may lie; then they are lost.
    pub const fn lease_for(mut self, keep: Duration) -> Self {
        self.config.lease_for = keep;
        self
    }

    /// Where the quota is kept.
    pub fn store<T: QuotaStore>(self, store: T) -> SharedRateLimiterBuilder<T> {
        let Self { name, config, breaker, observed, .. } = self;
        SharedRateLimiterBuilder { name, config, store, breaker, observed }
    }

    /// What stops asking a store that fails: one for all limiters over the same store, if you like. Every answer is a
    /// success, a refusal too; every error and every wait that took too long is a failure.
    pub fn breaker(self, breaker: &CircuitBreaker) -> Self {
        Self { breaker: Some(breaker.clone()), ..self }
    }

    /// Who is told of its refusals, its waits, and of calls for which the store gave no answer.
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// The limiter.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field, and what it may be.
    pub fn build(self) -> Result<SharedRateLimiter<S>, ConfigError> {
        let Self { name, config, store, breaker, observed } = self;
        let (quota, share) = config.checked()?;
        store.check(&quota, config.max_wait)?;
        let key = config.key.as_deref().unwrap_or(name);
        if key.is_empty() {
            return Err(ConfigError::invalid("key", "must be given where there is no name"));
        }
        let breaker = match breaker {
            Some(breaker) => breaker,
            None => CircuitBreaker::named(name)
                .consecutive_failures(5)
                .open_for(Duration::from_secs(1))
                .build()?,
        };
        SharedRateLimiter::with(name, key.into(), &config, (quota, share), store, breaker, observed)
    }
}

impl<S: Clone> Clone for SharedRateLimiterBuilder<S> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            config: self.config.clone(),
            store: self.store.clone(),
            breaker: self.breaker.clone(),
            observed: self.observed.clone(),
        }
    }
}

impl<S> fmt::Debug for SharedRateLimiterBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedRateLimiterBuilder")
            .field("name", &self.name)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
