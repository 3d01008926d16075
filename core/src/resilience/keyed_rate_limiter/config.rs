//! How a keyed limiter is made: its fields, their defaults and what is refused.

use super::KeyedRateLimiter;
use super::shared::Shared;
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::primitives::Arc;
use crate::resilience::observer::{Observed, Observer};
use crate::resilience::rate_limiter::Quota;
use crate::runtime::Runtime;
use crate::sip_keys::SipKeys;
use std::fmt;
use std::marker::PhantomData;

/// Makes a [`KeyedRateLimiter`]; from [`KeyedRateLimiter::named`].
///
/// | field | default | refused |
/// |---|---|---|
/// | [`quota`](Self::quota) | none: it must be given | see [`Quota`]; a strict one |
/// | [`max_keys`](Self::max_keys) | 1,048,576 | 0, by its type |
/// | [`observer`](Self::observer) | none | – |
#[must_use = "does nothing until it is built"]
pub struct KeyedRateLimiterBuilder<K> {
    name: &'static str,
    quota: Option<Quota>,
    max_keys: usize,
    observed: Observed,
    key: PhantomData<fn(K)>,
}

impl<K> KeyedRateLimiterBuilder<K> {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, quota: None, max_keys: 1 << 20, observed: Observed::NONE, key: PhantomData }
    }

    /// How many permits each key has in which time.
    pub const fn quota(mut self, quota: Quota) -> Self {
        self.quota = Some(quota);
        self
    }

    /// How many keys are kept at most. A new one that finds so many in use is refused.
    pub fn max_keys(self, max_keys: impl Into<Limit>) -> Self {
        Self { max_keys: max_keys.into().get(), ..self }
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
        let Self { name, quota, max_keys, observed, .. } = self;
        let quota = quota.ok_or(ConfigError::invalid("quota", "must be given"))?;
        let hasher = SipKeys(rt.random_u64(), rt.random_u64());
        let shared = Shared::new(quota, name, max_keys, hasher, observed)?;
        Ok(KeyedRateLimiter { shared: Arc::new(shared) })
    }
}

impl<K> Clone for KeyedRateLimiterBuilder<K> {
    fn clone(&self) -> Self {
        Self { observed: self.observed.clone(), ..*self }
    }
}

impl<K> fmt::Debug for KeyedRateLimiterBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedRateLimiterBuilder")
            .field("name", &self.name)
            .field("quota", &self.quota)
            .field("max_keys", &self.max_keys)
            .finish_non_exhaustive()
    }
}
