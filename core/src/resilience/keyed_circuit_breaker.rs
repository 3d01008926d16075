//! A circuit breaker for each of many: hosts, tenants, shards (recipe 6.3).

mod config;
mod shared;

pub use config::{KeyedCircuitBreakerBuilder, KeyedCircuitBreakerConfig};

use super::attempt::Attempt;
use super::circuit_breaker::{CircuitBreaker, CircuitBreakerBuilder, CircuitBreakerConfig, CircuitMetrics};
use super::error::Error;
use super::rejected::Rejected;
use super::verdict::{Classify, Inherit};
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::primitives::Arc;
use crate::runtime::Runtime;
use shared::Shared;
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;

/// A circuit breaker for each key: a host, a tenant, a shard.
///
/// [`of`](Self::of) gives that of a key, which is a handle like any other [`CircuitBreaker`]: it runs calls, is a policy
/// of a pipeline, and gives permits. While somebody holds it, or a call by it is under way, its key is not forgotten, so
/// **there are never two breakers of one key**.
///
/// **Keys are forgotten by themselves** when nobody has asked for them for [`idle_for`]: what was counted so long ago
/// says little of now. Every sixteenth use of a shard looks at 32 of its places, so that it costs the same whether there
/// are ten keys or ten thousand, and needs no task.
///
/// | its breaker is, and nobody holds it | forgotten |
/// |---|---|
/// | closed, with no failure and no slow call counted: as good as new | after `idle_for`; at once where room is needed |
/// | closed, with some | after `idle_for` |
/// | half-open | after `idle_for` |
/// | open | not before its time is over, and after `idle_for` |
/// | isolated, disabled, or counts only, by hand | never, until it is `reset` |
///
/// **At most [`max_keys`] are kept.** When so many are and a new one comes, one that is as good as new is forgotten for
/// it: 32 places of its shard are looked at, and then of up to eight others, in turn. What has failures counted, or is
/// open, is never forgotten to make room: anybody who can make up keys would close it that way.
///
/// If there is no room, **the new key's calls pass unguarded**: `of` gives a breaker that is disabled, of that handle
/// alone, as if there were none. It is there so that services work, and a crowd of keys that fail must not make it an
/// outage for all others. [`unguarded`](Self::unguarded) counts them. Who wants them to be refused asks
/// [`try_of`](Self::try_of).
///
/// The hash is keyed (SipHash-1-3, with keys from the runtime's random numbers), so that nobody can choose keys that
/// collide. A clone is a handle to the same breakers.
///
/// # Cost
///
/// A hash, a short lock of one of 64 shards, and a count of handles; then that of the breaker. Nothing is allocated for
/// a key that is there. A key that is kept takes about 700 bytes: its breaker 640, and 32 for the default window of 100
/// calls or 816 for a time window; in the table its key and 16 bytes, of places of which a quarter to seven eighths are
/// empty.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{CircuitBreaker, CircuitState, KeyedCircuitBreaker};
///
/// Sim::builder().run(|rt: Sim| async move {
///     let each = CircuitBreaker::named("hosts").consecutive_failures(2);
///     let hosts = KeyedCircuitBreaker::<String>::new(&rt, each).expect("it is good");
///     for _ in 0..2 {
///         assert!(hosts.run(&rt, "db-1", async |_| Err::<(), _>("down")).await.is_err());
///     }
///     let refused = hosts.run(&rt, "db-1", async |_| Ok::<_, &str>(())).await;
///     assert!(refused.is_err_and(|error| error.rejected().is_some()));
///     assert_eq!(hosts.run(&rt, "db-2", async |_| Ok::<_, &str>(7)).await, Ok(7));
///     assert_eq!(hosts.of("db-1", rt.now()).state(rt.now()), CircuitState::Open);
/// })?;
/// # Ok::<(), Failure>(())
/// ```
///
/// [`idle_for`]: KeyedCircuitBreakerBuilder::idle_for
/// [`max_keys`]: KeyedCircuitBreakerBuilder::max_keys
#[doc(alias = "CircuitBreakerRegistry")]
pub struct KeyedCircuitBreaker<K> {
    shared: Arc<Shared<K>>,
}

impl<K: Hash + Eq> KeyedCircuitBreaker<K> {
    /// One that makes each key's breaker as this builder says: by its settings, with its name and its observer. The seed
    /// is each key's own.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn new<R: Runtime>(rt: &R, each: CircuitBreakerBuilder) -> Result<Self, ConfigError> {
        KeyedCircuitBreakerBuilder::of(each).build(rt)
    }

    /// Begins one of that name, for refusals and events.
    pub const fn named(name: &'static str) -> KeyedCircuitBreakerBuilder<K> {
        KeyedCircuitBreakerBuilder::new(name)
    }

    /// The breaker of this key: a new one if there is none, or one that is disabled if there is no room.
    ///
    /// Ask for it with each call. Held, it stays the key's, and its key is kept; one that was disabled stays so.
    ///
    /// # Examples
    ///
    /// In a pipeline, inside the retries, which see a breaker's refusals as such:
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{CircuitBreaker, KeyedCircuitBreaker, Nested, Pipeline, Retry};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let hosts = KeyedCircuitBreaker::<String>::new(&rt, CircuitBreaker::named("hosts")).expect("it is good");
    ///     let fetch = Pipeline::named("fetch").retry(Retry::default()).build(&rt).expect("it is good");
    ///     let ask = async |host: &str| {
    ///         let breaker = hosts.of(host, rt.now());
    ///         fetch.call_operation(Nested(|_| breaker.run(&rt, async |_| Ok::<_, &str>(7)))).await
    ///     };
    ///     assert_eq!(ask("db-1").await, Ok(7));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "get_or_create")]
    #[inline]
    pub fn of<Q>(&self, key: &Q, now: Instant) -> CircuitBreaker
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.shared.of(key, now).unwrap_or_else(|| self.shared.pass())
    }

    /// As [`of`](Self::of), for calls that are not to be made without a breaker.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with [`Reason::TooManyKeys`](super::Reason::TooManyKeys) if there is no room for the key. The
    /// observer is told.
    #[inline]
    pub fn try_of<Q>(&self, key: &Q, now: Instant) -> Result<CircuitBreaker, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.shared.of(key, now).ok_or_else(|| self.shared.refused())
    }

    /// The breaker of this key, if there is one.
    pub fn get<Q>(&self, key: &Q) -> Option<CircuitBreaker>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.shared.get(key)
    }

    /// Runs one operation, if the breaker of this key lets it pass: [`CircuitBreaker::run`] of [`of`](Self::of), in a
    /// future that holds it. Nothing happens before it is polled.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`], without calling the operation; [`Error::Operation`].
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the call counts nothing, and a probe's place is free again.
    pub async fn run<R, Q, T, E, Op, Fut>(&self, rt: &R, key: &Q, op: Op) -> Result<T, Error<E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        Inherit: Classify<T, E>,
        R: Runtime,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.of(key, rt.now()).run(rt, op).await
    }

    /// Changes the settings of the breakers of all keys, while they are in use, as [`CircuitBreaker::reconfigure`] does;
    /// keys that come later have them from the beginning.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field; nothing has changed then.
    ///
    /// # Cost
    ///
    /// Every key is looked at once, one shard after the other: who comes meanwhile waits for one of 64 at most, and finds
    /// its key with either settings. Of two changes at once one comes after the other.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{CircuitBreaker, CircuitState, KeyedCircuitBreaker};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let each = |failures| CircuitBreaker::named("hosts").consecutive_failures(failures);
    ///     let hosts = KeyedCircuitBreaker::<u32>::new(&rt, each(10)).expect("it is good");
    ///     hosts.of(&1, rt.now()).try_acquire(rt.now()).expect("it is closed").failure(rt.now());
    ///     hosts.reconfigure(each(2), rt.now()).expect("it is good");
    ///     hosts.of(&1, rt.now()).try_acquire(rt.now()).expect("it is closed").failure(rt.now());
    ///     assert_eq!(hosts.of(&1, rt.now()).state(rt.now()), CircuitState::Open);
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "reload")]
    pub fn reconfigure(
        &self,
        settings: impl Into<CircuitBreakerConfig>,
        now: Instant,
    ) -> Result<(), ConfigError> {
        self.shared.reconfigure(settings.into(), now)
    }

    /// Forgets all keys for which `keep` says no, whatever state they are in: but for those whose breaker somebody
    /// holds, which stay.
    ///
    /// `keep` is called with a shard locked. It must not use the keyed breaker.
    pub fn retain(&self, keep: impl FnMut(&K) -> bool) {
        self.shared.retain(keep);
    }

    /// Forgets all keys that are as good as new, and those that are over by the table above, now; for who can't wait
    /// until it happens by itself.
    ///
    /// A key that is in use until now begins to be idle now.
    pub fn prune(&self, now: Instant) {
        self.shared.prune(now);
    }
}

impl<K> KeyedCircuitBreaker<K> {
    /// Shows each key that is kept, and what its breaker has counted as of this time: for a page of what is down.
    ///
    /// `visit` is called with a shard locked. It must not use the keyed breaker.
    pub fn for_each(&self, now: Instant, visit: impl FnMut(&K, CircuitMetrics)) {
        self.shared.for_each(now, visit);
    }

    /// How many keys are kept now.
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether no key is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How often [`of`](Self::of) found no room, and gave a breaker that is disabled.
    pub fn unguarded(&self) -> u64 {
        self.shared.unguarded()
    }

    /// The settings of each key's breaker, as they are now.
    pub fn settings(&self) -> CircuitBreakerConfig {
        self.shared.settings()
    }

    /// Its name, empty where it was given none.
    pub fn name(&self) -> &'static str {
        self.shared.name()
    }
}

impl<K> Clone for KeyedCircuitBreaker<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K> fmt::Debug for KeyedCircuitBreaker<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCircuitBreaker")
            .field("name", &self.name())
            .field("len", &self.len())
            .field("unguarded", &self.unguarded())
            .finish_non_exhaustive()
    }
}
