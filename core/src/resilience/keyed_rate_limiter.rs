//! A rate limit for each of many: users, addresses, tenants (recipes 3.6 and 8.5).

mod config;
mod permit;
mod shared;
mod tat;

pub use config::{KeyedRateLimiterBuilder, KeyedRateLimiterConfig};
pub use permit::KeyedRatePermit;

use super::rate_limiter::Quota;
use super::rejected::Rejected;
use super::service_limit::ToldQuota;
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::limit::Limit;
use crate::primitives::Arc;
use crate::runtime::Runtime;
use shared::Shared;
use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::Hash;
use std::time::Duration;

/// A rate limit for each key: a user, an address, a tenant.
///
/// Each key has a limit of its own, with the same [`Quota`], as a [`RateLimiter`](super::RateLimiter) has; a key that
/// has not been seen has all of its burst. Permits are granted or refused at once: who is refused is told when to come
/// back.
///
/// **Keys are forgotten by themselves** when they are as good as new, as all of their burst is there again. Every
/// sixteenth use of a shard looks at 32 of its places, so that it costs the same whether there are ten keys or a
/// million, and needs no task. What is kept grows and shrinks with the number of keys that were used within the time
/// that a burst takes to be refilled.
///
/// **At most [`max_keys`](KeyedRateLimiterBuilder::max_keys) are kept.** When so many are and a new one comes, 32 more
/// places of its shard are looked at, and then of up to eight others, in turn; if none there is as good as new, the new
/// key is refused with [`Reason::TooManyKeys`](super::Reason::TooManyKeys), and the others keep theirs. To forget one
/// that is in use instead would let anybody be rid of its limit who can make up keys.
///
/// The hash is keyed (SipHash-1-3, with keys from the runtime's random numbers), so that nobody can choose keys that
/// collide. A clone is a handle to the same limiter.
///
/// # Cost
///
/// A hash and a short lock of one of 64 shards. Nothing is allocated for a key that is there. With keys of eight bytes
/// a place takes 16; between a quarter and seven eighths of the places are empty.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{KeyedRateLimiter, Quota};
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let quota = Quota::per_second(5).burst(10);
///     let limiter = KeyedRateLimiter::<String>::new(&rt, quota).expect("a good quota");
///     for _ in 0..10 {
///         limiter.try_acquire("ann", rt.now()).expect("her burst");
///     }
///     let refused = limiter.try_acquire("ann", rt.now()).unwrap_err();
///     assert_eq!(refused.retry_after(), Some(Duration::from_millis(200)));
///     limiter.try_acquire("bob", rt.now()).expect("his own");
///     assert_eq!(limiter.len(), 2);
/// })?;
/// # Ok::<(), Failure>(())
/// ```
pub struct KeyedRateLimiter<K> {
    shared: Arc<Shared<K>>,
}

impl<K: Hash + Eq> KeyedRateLimiter<K> {
    /// A limiter with that quota for each key.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field of the [`Quota`]; strict windows are for single limiters.
    pub fn new<R: Runtime>(rt: &R, quota: Quota) -> Result<Self, ConfigError> {
        Self::named("").quota(quota).build(rt)
    }

    /// Begins a limiter of that name, for its refusals.
    pub const fn named(name: &'static str) -> KeyedRateLimiterBuilder<K> {
        KeyedRateLimiterBuilder::new(name)
    }

    /// Takes one permit of this key, if it has one now.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with [`Reason::RateLimited`](super::Reason::RateLimited) and the time after which it has one, or
    /// [`Reason::TooManyKeys`](super::Reason::TooManyKeys).
    /// Nothing has changed for the key then.
    #[inline]
    #[doc(alias = "check_key")]
    pub fn try_acquire<Q>(&self, key: &Q, now: Instant) -> Result<KeyedRatePermit, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.shared.take(key, 1, now.as_nanos())
    }

    /// Takes `n` permits of this key together, if it has so many now.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire); [`Reason::TooLarge`](super::Reason::TooLarge) if it never has so
    /// many at once.
    #[inline]
    #[doc(alias = "check_key_n")]
    pub fn try_acquire_many<Q>(
        &self,
        key: &Q,
        n: impl Into<Limit>,
        now: Instant,
    ) -> Result<KeyedRatePermit, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.shared.take(key, n.into().get() as u64, now.as_nanos())
    }

    /// How many permits this key could take now. Changes nothing, and does not make a key of it.
    pub fn available<Q>(&self, key: &Q, now: Instant) -> u64
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.shared.left(key, now.as_nanos()).0
    }

    /// What to tell the client of that key, for a policy of that name: as [`RateLimiter::told`](super::RateLimiter::told).
    pub fn told<Q>(&self, key: &Q, policy: impl Into<Cow<'static, str>>, now: Instant) -> ToldQuota
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (left, all_after) = self.shared.left(key, now.as_nanos());
        ToldQuota::by(policy.into(), &self.quota(), left, Duration::from_nanos(all_after))
    }

    /// Gives back what was not used, as far as it has not been refilled since: all of it at once, half of it after half
    /// of the time in which so many come back, and nothing after all of that time. So who gives back never has more than
    /// if it had not asked.
    ///
    /// Nothing goes back to a key that it was not taken from, and nothing that was taken before
    /// [`set_quota`](Self::set_quota) or before [`retain`](Self::retain) has forgotten anybody. Read the clock for it, as
    /// for [`RatePermit::give_back`](super::RatePermit::give_back).
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{KeyedRateLimiter, Quota};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let limiter = KeyedRateLimiter::<String>::new(&rt, Quota::per_minute(1)).expect("a good quota");
    ///     let permit = limiter.try_acquire("ann", rt.now()).expect("she has one");
    ///     limiter.give_back("ann", permit, rt.now()); // the answer was in the cache
    ///     assert!(limiter.try_acquire("ann", rt.now()).is_ok());
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn give_back<Q>(&self, key: &Q, permit: KeyedRatePermit, now: Instant)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.shared.give_back(key, permit, 0, now.as_nanos());
    }

    /// Says how many permits a call of this key took in the end: for costs that are known afterwards.
    ///
    /// If that is less than was taken, the rest is given back, as by [`give_back`](Self::give_back). If it is more, what is
    /// lacking is owed, and may be more than the burst: the key is refused until it is paid off at its rate, as with
    /// [`RatePermit::settle`](super::RatePermit::settle). A key that was forgotten meanwhile is kept again for that; if as
    /// many are kept as may be, its debt is forgotten.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{KeyedRateLimiter, Quota};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let limiter = KeyedRateLimiter::<String>::new(&rt, Quota::per_second(10).burst(5)).expect("a good quota");
    ///     let permit = limiter.try_acquire("ann", rt.now()).expect("she has one");
    ///     limiter.settle("ann", permit, 8, rt.now());
    ///     let refused = limiter.try_acquire("ann", rt.now()).unwrap_err();
    ///     assert_eq!(refused.retry_after(), Some(Duration::from_millis(400)));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "charge")]
    pub fn settle<Q>(&self, key: &Q, permit: KeyedRatePermit, actual: u64, now: Instant)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if actual > permit.n {
            self.shared.charge(key, actual - permit.n, now.as_nanos());
        } else {
            self.shared.give_back(key, permit, actual, now.as_nanos());
        }
    }

    /// Changes the quota of all keys while it is in use.
    ///
    /// Each key is settled as it was until `now`: permits that it has saved stay, as far as the new burst has room for
    /// them, and what comes back from now on comes at the new rate. A key with all of its burst is as good as new, and
    /// has all of the new one. What was taken before is not given back any more. The same quota once more changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); nothing has changed then.
    ///
    /// # Cost
    ///
    /// Every key is looked at once, one shard after the other: who comes meanwhile waits for one of 64 at most, and finds
    /// its key at either quota. Of two changes at once one comes after the other.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{KeyedRateLimiter, Quota};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let limiter = KeyedRateLimiter::<String>::new(&rt, Quota::per_minute(1).burst(3)).expect("a good quota");
    ///     limiter.try_acquire("ann", rt.now()).expect("one of three");
    ///     limiter.set_quota(Quota::per_minute(1).burst(10), rt.now()).expect("a good quota");
    ///     let passes = |key: &str| (0..20).filter(|_| limiter.try_acquire(key, rt.now()).is_ok()).count();
    ///     assert_eq!((passes("ann"), passes("bob")), (2, 10));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "reconfigure")]
    #[doc(alias = "set_rate")]
    pub fn set_quota(&self, quota: Quota, now: Instant) -> Result<(), ConfigError> {
        self.shared.set_quota(quota, now.as_nanos())
    }

    /// How many keys are kept now: those that were used, and are not as good as new or have not been looked at since.
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether no key is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all keys for which `keep` says no: they have all of their burst when they come next.
    ///
    /// `keep` is called with a shard locked. It must not use the limiter.
    pub fn retain(&self, keep: impl FnMut(&K) -> bool) {
        self.shared.retain(keep);
    }

    /// Forgets all keys that are as good as new, now; for who can't wait until it happens by itself.
    pub fn prune(&self, now: Instant) {
        self.shared.prune(now.as_nanos());
    }

    /// Each key's quota.
    pub fn quota(&self) -> Quota {
        self.shared.quota()
    }

    /// Its name, empty where it was given none.
    pub fn name(&self) -> &'static str {
        self.shared.name()
    }
}

impl<K> Clone for KeyedRateLimiter<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K> fmt::Debug for KeyedRateLimiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedRateLimiter")
            .field("name", &self.shared.name())
            .field("quota", &self.shared.quota())
            .field("len", &self.shared.len())
            .finish_non_exhaustive()
    }
}
