//! How a keyed breaker is made: its fields, their defaults and what is refused.

use super::KeyedCircuitBreaker;
use super::shared::{ObservedOf, Shared};
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::primitives::Arc;
use crate::resilience::circuit_breaker::recipe::Recipe;
use crate::resilience::circuit_breaker::{CircuitBreakerBuilder, CircuitBreakerConfig};
use crate::resilience::observer::{Event, Observed, Observer};
use crate::runtime::Runtime;
use crate::settings::Rule;
use crate::sip_keys::SipKeys;
use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Sixteen thousand, in round binary numbers.
const MAX_KEYS: Limit = Limit::of(NonZeroUsize::new(1 << 14).unwrap());
const IDLE_FOR: Duration = Duration::from_secs(10 * 60);

/// Makes a [`KeyedCircuitBreaker`]; from [`KeyedCircuitBreaker::named`].
///
/// | field | default | refused |
/// |---|---|---|
/// | [`breaker`](Self::breaker) | that of [`CircuitBreakerBuilder`] | see there |
/// | [`max_keys`](Self::max_keys) | 16,384 | 0, by its type |
/// | [`idle_for`](Self::idle_for) | 10 minutes | zero |
/// | [`observer`](Self::observer) | none | – |
/// | [`key_observer`](Self::key_observer) | none | – |
///
/// All but the name and the observers are a [`KeyedCircuitBreakerConfig`].
#[must_use = "does nothing until it is built"]
pub struct KeyedCircuitBreakerBuilder<K> {
    name: &'static str,
    config: KeyedCircuitBreakerConfig,
    observed: Observed,
    observed_of: Option<ObservedOf<K>>,
}

/// The settings of a [`KeyedCircuitBreaker`], as plain data: what can be in a file. [`KeyedCircuitBreakerBuilder`] says
/// what each means.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{CircuitBreaker, KeyedCircuitBreaker, KeyedCircuitBreakerConfig};
///
/// let each = CircuitBreaker::named("").consecutive_failures(5);
/// let builder = KeyedCircuitBreaker::<String>::named("hosts").breaker(each);
/// let mut config = KeyedCircuitBreakerConfig::default();
/// config.breaker.consecutive_failures = Some(5);
/// assert_eq!(builder.as_config(), &config);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct KeyedCircuitBreakerConfig {
    /// Those of the breaker of each key.
    pub breaker: CircuitBreakerConfig,
    /// How many keys are kept.
    pub max_keys: Limit,
    /// How long a key is kept that nobody asks for.
    pub idle_for: Duration,
}

crate::settings! {
    KeyedCircuitBreakerConfig from Self::new();
    breaker,
    max_keys,
    idle_for: Rule::<Duration>::NOT_ZERO,
}

impl KeyedCircuitBreakerConfig {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self { breaker: CircuitBreakerConfig::new(), max_keys: MAX_KEYS, idle_for: IDLE_FOR }
    }

    /// Whether it makes sense: what building a breaker of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field, which may be one of the [`breaker`](Self::breaker).
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        self.breaker.validate()
    }
}

impl Default for KeyedCircuitBreakerConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> KeyedCircuitBreakerBuilder<K> {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, config: KeyedCircuitBreakerConfig::new(), observed: Observed::NONE, observed_of: None }
    }

    /// With the name, the settings and the observer of that one.
    pub(super) fn of(each: CircuitBreakerBuilder) -> Self {
        let (name, breaker, observed) = each.into_parts();
        let config = KeyedCircuitBreakerConfig { breaker, ..KeyedCircuitBreakerConfig::new() };
        Self { name, config, observed, observed_of: None }
    }

    /// All settings that can be in a file, in place of those there were.
    pub fn config(self, config: KeyedCircuitBreakerConfig) -> Self {
        Self { config, ..self }
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &KeyedCircuitBreakerConfig {
        &self.config
    }

    /// The settings of the breaker of each key: a [`CircuitBreakerConfig`], or a builder, whose name, observer and seed
    /// don't count. Each key has a seed of its own for the jitter.
    pub fn breaker(mut self, each: impl Into<CircuitBreakerConfig>) -> Self {
        self.config.breaker = each.into();
        self
    }

    /// How many keys are kept at most. For what becomes of another see [`KeyedCircuitBreaker`].
    pub fn max_keys(mut self, max_keys: impl Into<Limit>) -> Self {
        self.config.max_keys = max_keys.into();
        self
    }

    /// How long a key is kept that nobody has asked for and whose breaker nobody holds, unless it is open. It should be
    /// longer than the pauses between calls that are to count together.
    pub const fn idle_for(mut self, time: Duration) -> Self {
        self.config.idle_for = time;
        self
    }

    /// Who is told when a breaker changes its state, as
    /// [`CircuitChanged`](crate::resilience::EventKind::CircuitChanged), and when
    /// [`try_of`](KeyedCircuitBreaker::try_of) refuses; without the key, so that it can be counted.
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// Who is told when the breaker of a key changes its state, and of which key: for a log. Metrics of keys that
    /// anybody can make up have no bound.
    ///
    /// Each key that is kept costs a clone of it and an allocation more.
    pub fn key_observer(self, observer: impl Fn(&K, &Event) + Send + Sync + 'static) -> Self
    where
        K: Clone + Send + Sync + 'static,
    {
        let observer = std::sync::Arc::new(observer);
        let observed_of = move |key: &K| {
            let (key, observer) = (key.clone(), std::sync::Arc::clone(&observer));
            Observed::by(move |event: &Event| observer(&key, event))
        };
        Self { observed_of: Some(std::sync::Arc::new(observed_of)), ..self }
    }

    /// The keyed breaker, without keys. The runtime's random numbers are the keys of its hash, and the seed of the
    /// jitter.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build<R: Runtime>(self, rt: &R) -> Result<KeyedCircuitBreaker<K>, ConfigError> {
        let Self { name, config, observed, observed_of } = self;
        config.check_fields()?;
        let recipe = Recipe::new(config.breaker)?;
        let hasher = SipKeys(rt.random_u64(), rt.random_u64());
        let (max_keys, idle_for, seed) = (config.max_keys.get(), config.idle_for, rt.random_u64());
        let shared = Shared::new(name, recipe, max_keys, idle_for, hasher, seed, observed, observed_of);
        Ok(KeyedCircuitBreaker { shared: Arc::new(shared) })
    }
}

impl<K> Clone for KeyedCircuitBreakerBuilder<K> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            config: self.config.clone(),
            observed: self.observed.clone(),
            observed_of: self.observed_of.clone(),
        }
    }
}

impl<K> fmt::Debug for KeyedCircuitBreakerBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCircuitBreakerBuilder")
            .field("name", &self.name)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
