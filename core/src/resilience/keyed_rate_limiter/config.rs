//! How a keyed limiter is made: its fields, their defaults and what is refused.

use super::KeyedRateLimiter;
use super::shared::{Shared, pace};
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::primitives::Arc;
use crate::resilience::observer::{Observed, Observer};
use crate::resilience::rate_limiter::Quota;
use crate::runtime::Runtime;
use crate::sip_keys::SipKeys;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroUsize;

/// A million, in round binary numbers.
const MAX_KEYS: Limit = Limit::of(NonZeroUsize::new(1 << 20).unwrap());

/// Makes a [`KeyedRateLimiter`]; from [`KeyedRateLimiter::named`].
///
/// | field | default | refused |
/// |---|---|---|
/// | [`quota`](Self::quota) | none: it must be given | see [`Quota`]; a strict one |
/// | [`max_keys`](Self::max_keys) | 1,048,576 | 0, by its type |
/// | [`observer`](Self::observer) | none | – |
///
/// All but the name and the observer are a [`KeyedRateLimiterConfig`].
#[must_use = "does nothing until it is built"]
pub struct KeyedRateLimiterBuilder<K> {
    name: &'static str,
    config: KeyedRateLimiterConfig,
    observed: Observed,
    key: PhantomData<fn(K)>,
}

/// The settings of a [`KeyedRateLimiter`], as plain data: what can be in a file. [`KeyedRateLimiterBuilder`] says what
/// each means.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{KeyedRateLimiter, KeyedRateLimiterConfig, Quota};
///
/// let builder = KeyedRateLimiter::<String>::named("tenants").quota(Quota::per_second(10));
/// let mut config = KeyedRateLimiterConfig::default();
/// config.quota = Some(Quota::per_second(10));
/// assert_eq!(builder.as_config(), &config);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyedRateLimiterConfig {
    /// How many permits each key has in which time; it must be given, and can't be strict.
    pub quota: Option<Quota>,
    /// How many keys are kept.
    pub max_keys: Limit,
}

crate::settings! {
    KeyedRateLimiterConfig from Self::new();
    quota,
    max_keys,
}

impl KeyedRateLimiterConfig {
    /// Everything at its default; there is no quota yet.
    pub const fn new() -> Self {
        Self { quota: None, max_keys: MAX_KEYS }
    }

    /// Whether it makes sense: what building a limiter of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the quota if there is none, or its field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        pace(&self.needed_quota()?).map(drop)
    }

    fn needed_quota(&self) -> Result<Quota, ConfigError> {
        self.quota.ok_or(ConfigError::invalid("quota", "must be given"))
    }
}

impl Default for KeyedRateLimiterConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> KeyedRateLimiterBuilder<K> {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, config: KeyedRateLimiterConfig::new(), observed: Observed::NONE, key: PhantomData }
    }

    /// All settings that can be in a file, in place of those there were.
    pub const fn config(mut self, config: KeyedRateLimiterConfig) -> Self {
        self.config = config;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &KeyedRateLimiterConfig {
        &self.config
    }

    /// How many permits each key has in which time.
    pub const fn quota(mut self, quota: Quota) -> Self {
        self.config.quota = Some(quota);
        self
    }

    /// How many keys are kept at most. A new one that finds so many in use is refused.
    pub fn max_keys(mut self, max_keys: impl Into<Limit>) -> Self {
        self.config.max_keys = max_keys.into();
        self
    }

    /// Who is told of its refusals, without the key; with no lock held.
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// The limiter. The runtime's random numbers are the keys of its hash.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the quota if there is none, or its field, and its range.
    pub fn build<R: Runtime>(self, rt: &R) -> Result<KeyedRateLimiter<K>, ConfigError> {
        let Self { name, config, observed, .. } = self;
        let (quota, max_keys) = (config.needed_quota()?, config.max_keys.get());
        let hasher = SipKeys(rt.random_u64(), rt.random_u64());
        let shared = Shared::new(quota, name, max_keys, hasher, observed)?;
        Ok(KeyedRateLimiter { shared: Arc::new(shared) })
    }
}

impl<K> Clone for KeyedRateLimiterBuilder<K> {
    fn clone(&self) -> Self {
        Self { config: self.config.clone(), observed: self.observed.clone(), ..*self }
    }
}

impl<K> fmt::Debug for KeyedRateLimiterBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedRateLimiterBuilder")
            .field("name", &self.name)
            .field("quota", &self.config.quota)
            .field("max_keys", &self.config.max_keys)
            .finish_non_exhaustive()
    }
}
