//! A rate limit for each of many: users, addresses, tenants (recipes 3.6 and 8.5).

mod config;
mod table;

pub use config::KeyedRateLimiterBuilder;

use super::rate_limiter::Quota;
use super::rate_limiter::pace::{Pace, Span};
use super::rejected::{PolicyKind, Reason, Rejected};
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::limit::Limit;
use crate::primitives::{Arc, AtomicUsize, Mutex, Ordering, lock};
use crate::runtime::Runtime;
use crate::sip_keys::SipKeys;
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::num::NonZeroU64;
use std::time::Duration;
use table::{Gone, Table};

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
/// key is refused with [`Reason::TooManyKeys`](super::Reason::TooManyKeys), and the others keep theirs. To forget one that is in use
/// instead would let anybody be rid of its limit who can make up keys.
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

struct Shared<K> {
    shards: Vec<Shard<K>>,
    hasher: SipKeys,
    pace: Pace,
    quota: Quota,
    name: &'static str,
    max_keys: usize,
    // Of all shards.
    len: AtomicUsize,
    // The shard that is looked at next when there are too many.
    sweep: AtomicUsize,
}

/// On a cache line of its own.
#[repr(align(128))]
struct Shard<K>(Mutex<Table<K>>);

/// How many shards there are.
const SHARDS: usize = 64;

/// How many places are looked at in every so many uses of a shard: two for each use.
const SWEPT: usize = 32;
const SWEPT_EACH: u32 = 16;

/// How many more, before a new key is refused.
const SWEPT_WHEN_FULL: usize = 32;

/// In how many other shards too: nobody may use those where there is room to be made.
const SHARDS_SWEPT_WHEN_FULL: usize = 8;

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
    /// [`Rejected`] with [`Reason::RateLimited`] and the time after which it has one, or [`Reason::TooManyKeys`].
    /// Nothing has changed for the key then.
    #[inline]
    #[doc(alias = "check_key")]
    pub fn try_acquire<Q>(&self, key: &Q, now: Instant) -> Result<(), Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.take(key, 1, now)
    }

    /// Takes `n` permits of this key together, if it has so many now.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire); [`Reason::TooLarge`] if it never has so many at once.
    #[inline]
    #[doc(alias = "check_key_n")]
    pub fn try_acquire_many<Q>(&self, key: &Q, n: impl Into<Limit>, now: Instant) -> Result<(), Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.take(key, n.into().get() as u64, now)
    }

    /// How many keys are kept now: those that were used, and are not as good as new or have not been looked at since.
    pub fn len(&self) -> usize {
        self.shared.len.load(Ordering::Relaxed)
    }

    /// Whether no key is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all keys for which `keep` says no: they have all of their burst when they come next.
    ///
    /// `keep` is called with a shard locked. It must not use the limiter.
    pub fn retain(&self, mut keep: impl FnMut(&K) -> bool) {
        self.forget_unless(|key, _| keep(key));
    }

    /// Forgets all keys that are as good as new, now; for who can't wait until it happens by itself.
    pub fn prune(&self, now: Instant) {
        let first = self.shared.pace.span(now.as_nanos()).first;
        self.forget_unless(|_, tat| tat > first);
    }

    /// Each key's quota.
    pub fn quota(&self) -> Quota {
        self.shared.quota
    }

    /// Its name, empty where it was given none.
    pub fn name(&self) -> &'static str {
        self.shared.name
    }

    fn forget_unless(&self, mut keep: impl FnMut(&K, u64) -> bool) {
        let shared = &*self.shared;
        for shard in &shared.shards {
            // Dropped when the lock is free.
            let gone = lock(&shard.0).take_unless(&mut keep, |key| shared.hasher.hash_one(key));
            shared.len.fetch_sub(gone.len(), Ordering::Relaxed);
        }
    }

    #[inline]
    fn take<Q>(&self, key: &Q, n: u64, now: Instant) -> Result<(), Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let shared = &*self.shared;
        if n > shared.pace.burst {
            return Err(shared.rejected(Reason::TooLarge { capacity: shared.pace.burst }));
        }
        let hash = shared.hasher.hash_one(key);
        let now = now.as_nanos();
        let span = shared.pace.span(now);
        // What is forgotten is dropped after the lock is free.
        let mut gone = Gone::new();
        let taken = {
            let mut table = lock(&shared.shard(hash).0);
            let taken = shared.take(&mut table, key, hash, n, span);
            if table.is_turn(SWEPT_EACH) {
                shared.sweep(&mut table, SWEPT, span, &mut gone);
            }
            taken
        };
        match taken {
            Some(Ok(())) => Ok(()),
            Some(Err(due)) => Err(shared.rate_limited(due, now)),
            // Made before the lock is taken.
            None => shared.insert(key.to_owned(), hash, n, now, &mut gone),
        }
    }
}

impl<K: Hash + Eq> Shared<K> {
    #[inline]
    fn shard(&self, hash: u64) -> &Shard<K> {
        // The places are chosen by the lower bits.
        &self.shards[(hash >> (64 - SHARDS.ilog2())) as usize]
    }

    /// Takes from a key that is there; or says from which tick on it could.
    #[inline]
    fn take<Q>(&self, table: &mut Table<K>, key: &Q, hash: u64, n: u64, span: Span) -> Option<Result<(), u64>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let at = table.find(key, hash).ok()?;
        let tat = table.tat_mut(at)?;
        Some(self.pace.take(tat.get(), n, span).map(|next| *tat = not_zero(next)))
    }

    /// Takes from a key that was not there: at most its burst, which is all there.
    #[cold]
    fn insert(&self, key: K, hash: u64, n: u64, now: u64, gone: &mut Gone<K>) -> Result<(), Rejected> {
        let span = self.pace.span(now);
        let mut table = lock(&self.shard(hash).0);
        if let Some(taken) = self.take(&mut table, &key, hash, n, span) {
            return taken.map_err(|due| self.rate_limited(due, now));
        }
        if !self.count_one_more() {
            self.sweep(&mut table, SWEPT_WHEN_FULL, span, gone);
            if !self.count_one_more() {
                // One lock at a time.
                drop(table);
                if !self.count_one_more_elsewhere(span, gone) {
                    return Err(self.rejected(Reason::TooManyKeys));
                }
                table = lock(&self.shard(hash).0);
                if let Some(taken) = self.take(&mut table, &key, hash, n, span) {
                    self.len.fetch_sub(1, Ordering::Relaxed);
                    return taken.map_err(|due| self.rate_limited(due, now));
                }
            }
        }
        if table.is_full() {
            // It costs as much as growing, and may make that unnecessary: for a while, if half of it is free then.
            self.sweep(&mut table, usize::MAX, span, gone);
            if table.is_half_full() {
                table.grow(|key| self.hasher.hash_one(key));
            }
        }
        if let (Err(at), Ok(next)) = (table.find(&key, hash), self.pace.take(0, n, span)) {
            table.insert(at, key, not_zero(next));
        }
        Ok(())
    }

    fn count_one_more(&self) -> bool {
        let more = |len: usize| (len < self.max_keys).then(|| len + 1);
        self.len.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Makes room in other shards, for one that is in none of them.
    fn count_one_more_elsewhere(&self, span: Span, gone: &mut Gone<K>) -> bool {
        (0..SHARDS_SWEPT_WHEN_FULL).any(|_| {
            let shard = &self.shards[self.sweep.fetch_add(1, Ordering::Relaxed) % SHARDS];
            self.sweep(&mut lock(&shard.0), SWEPT_WHEN_FULL, span, gone);
            self.count_one_more()
        })
    }

    #[cold]
    fn sweep(&self, table: &mut Table<K>, places: usize, span: Span, gone: &mut Gone<K>) {
        let before = table.len();
        table.sweep(places, span.first, |key| self.hasher.hash_one(key), gone);
        let forgotten = before - table.len();
        if forgotten > 0 {
            self.len.fetch_sub(forgotten, Ordering::Relaxed);
        }
    }

    #[cold]
    fn rate_limited(&self, due: u64, now: u64) -> Rejected {
        let after = self.pace.when(due).saturating_sub(now).max(1);
        self.rejected(Reason::RateLimited).with_retry_after(Duration::from_nanos(after))
    }

    fn rejected(&self, reason: Reason) -> Rejected {
        Rejected::new(PolicyKind::RateLimiter, self.name, reason)
    }
}

/// A TAT after a permit: an interval is a tick or more.
fn not_zero(tat: u64) -> NonZeroU64 {
    NonZeroU64::new(tat).unwrap_or(NonZeroU64::MIN)
}

impl<K> Clone for KeyedRateLimiter<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K> fmt::Debug for KeyedRateLimiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedRateLimiter")
            .field("name", &self.shared.name)
            .field("quota", &self.shared.quota)
            .field("len", &self.shared.len.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}
