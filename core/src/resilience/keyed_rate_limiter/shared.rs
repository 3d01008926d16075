//! What the handles of a keyed limiter share: the keys, in shards with a lock each.

use super::permit::KeyedRatePermit;
use super::table::{Gone, Table, Tat};
use crate::config_error::ConfigError;
use crate::primitives::{AtomicUsize, Mutex, Ordering, lock};
use crate::resilience::observer::{Event, EventKind, Observed};
use crate::resilience::rate_limiter::Quota;
use crate::resilience::rate_limiter::pace::{Pace, Span};
use crate::resilience::rejected::{PolicyKind, Reason, Rejected};
use crate::sip_keys::SipKeys;
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::time::Duration;

pub(super) struct Shared<K> {
    shards: Vec<Shard<K>>,
    hasher: SipKeys,
    // Held while it changes, so that all shards have the same in the end.
    quota: Mutex<Quota>,
    name: &'static str,
    observed: Observed,
    max_keys: usize,
    // Of all shards.
    len: AtomicUsize,
    // The shard that is looked at next when there are too many.
    sweep: AtomicUsize,
}

/// On a cache line of its own.
#[repr(align(128))]
struct Shard<K>(Mutex<Locked<K>>);

struct Locked<K> {
    table: Table<K>,
    pace: Pace,
    // What was taken in another is not given back.
    generation: u32,
}

/// How many shards there are.
const SHARDS: usize = 64;

/// How many places are looked at in every so many uses of a shard: two for each use.
const SWEPT: usize = 32;
const SWEPT_EACH: u32 = 16;

/// How many more, before a new key is refused.
const SWEPT_WHEN_FULL: usize = 32;

/// In how many other shards too: nobody may use those where there is room to be made.
const SHARDS_SWEPT_WHEN_FULL: usize = 8;

/// Why there are no permits.
enum Refusal {
    TooLarge { capacity: u64 },
    TooManyKeys,
    Until(u64),
}

impl<K> Shared<K> {
    pub(super) fn new(
        quota: Quota,
        name: &'static str,
        max_keys: usize,
        hasher: SipKeys,
        observed: Observed,
    ) -> Result<Self, ConfigError> {
        let pace = pace(&quota)?;
        let shard = || Shard(Mutex::new(Locked { table: Table::new(), pace, generation: 0 }));
        Ok(Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hasher,
            quota: Mutex::new(quota),
            name,
            observed,
            max_keys,
            len: AtomicUsize::new(0),
            sweep: AtomicUsize::new(0),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn quota(&self) -> Quota {
        *lock(&self.quota)
    }

    pub(super) fn set_quota(&self, quota: Quota, now: u64) -> Result<(), ConfigError> {
        let pace = pace(&quota)?;
        let mut current = lock(&self.quota);
        for shard in &self.shards {
            lock(&shard.0).change(pace, now);
        }
        *current = quota;
        Ok(())
    }

    #[inline]
    fn shard(&self, hash: u64) -> &Mutex<Locked<K>> {
        // The places are chosen by the lower bits.
        &self.shards[(hash >> (64 - SHARDS.ilog2())) as usize].0
    }

    /// The refusal in the callers' terms, which the observer hears of: no lock is held.
    #[cold]
    fn refused(&self, refusal: Refusal, now: u64) -> Rejected {
        let because = |reason| Rejected::new(PolicyKind::RateLimiter, self.name, reason);
        let rejected = match refusal {
            Refusal::TooLarge { capacity } => because(Reason::TooLarge { capacity }),
            Refusal::TooManyKeys => because(Reason::TooManyKeys),
            Refusal::Until(until) => {
                let after = Duration::from_nanos(until.saturating_sub(now).max(1));
                because(Reason::RateLimited).with_retry_after(after)
            }
        };
        if let Some(observer) = self.observed.get() {
            observer.on_event(&Event { source: self.name, kind: EventKind::Rejected(rejected) });
        }
        rejected
    }
}

impl<K: Hash + Eq> Shared<K> {
    #[inline]
    pub(super) fn take<Q>(&self, key: &Q, n: u64, now: u64) -> Result<KeyedRatePermit, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        // What is forgotten is dropped after the lock is free.
        let mut gone = Gone::new();
        let taken = {
            let mut locked = lock(self.shard(hash));
            let span = locked.pace.span(now);
            let taken = locked.take(key, hash, n, span);
            if locked.table.is_turn(SWEPT_EACH) {
                self.sweep(&mut locked, SWEPT, span, &mut gone);
            }
            taken
        };
        match taken {
            Some(Ok(permit)) => Ok(permit),
            Some(Err(refusal)) => Err(self.refused(refusal, now)),
            // Made before the lock is taken.
            None => self.insert(key.to_owned(), hash, n, now, &mut gone),
        }
    }

    pub(super) fn available<Q>(&self, key: &Q, now: u64) -> u64
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let mut locked = lock(self.shard(hash));
        let Locked { table, pace, .. } = &mut *locked;
        let at = table.find(key, hash).ok();
        let tat = at.and_then(|at| table.tat_mut(at)).map_or(0, |tat| tat.get());
        pace.available(tat, pace.span(now))
    }

    /// Takes what was used already.
    pub(super) fn charge<Q>(&self, key: &Q, n: u64, now: u64)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        if lock(self.shard(hash)).charge(key, hash, n, now) {
            return;
        }
        // Made before the lock is taken.
        let owned = key.to_owned();
        let mut locked = lock(self.shard(hash));
        if locked.charge(key, hash, n, now) || !self.count_one_more() {
            // Dropped when the lock is free.
            drop(locked);
            drop(owned);
            return;
        }
        if locked.table.is_full() {
            locked.table.grow(|key| self.hasher.hash_one(key));
        }
        let tat = locked.pace.charge(0, n, locked.pace.span(now));
        if let Err(at) = locked.table.find(key, hash) {
            locked.table.insert(at, owned, Tat::new(tat));
        }
    }

    pub(super) fn give_back<Q>(&self, key: &Q, permit: KeyedRatePermit, used: u64, now: u64)
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        lock(self.shard(permit.hash)).give_back(key, &permit, used, now);
    }

    pub(super) fn retain(&self, mut keep: impl FnMut(&K) -> bool) {
        for shard in &self.shards {
            let mut locked = lock(&shard.0);
            let gone = self.forget_unless(&mut locked, |key, _| keep(key));
            if !gone.is_empty() {
                // Who comes again is new, and has nothing to be given back.
                locked.generation = locked.generation.wrapping_add(1);
            }
            // Dropped when the lock is free.
            drop(locked);
        }
    }

    pub(super) fn prune(&self, now: u64) {
        for shard in &self.shards {
            let mut locked = lock(&shard.0);
            let first = locked.pace.span(now).first;
            let _gone = self.forget_unless(&mut locked, |_, tat| tat > first);
            drop(locked);
        }
    }

    fn forget_unless(&self, locked: &mut Locked<K>, keep: impl FnMut(&K, u64) -> bool) -> Vec<K> {
        let gone = locked.table.take_unless(keep, |key| self.hasher.hash_one(key));
        self.len.fetch_sub(gone.len(), Ordering::Relaxed);
        gone
    }

    /// Takes from a key that was not there: at most its burst, which is all there.
    #[cold]
    fn insert(
        &self,
        key: K,
        hash: u64,
        n: u64,
        now: u64,
        gone: &mut Gone<K>,
    ) -> Result<KeyedRatePermit, Rejected> {
        let mut locked = lock(self.shard(hash));
        let span = locked.pace.span(now);
        if let Some(taken) = locked.take(&key, hash, n, span) {
            drop(locked);
            return taken.map_err(|refusal| self.refused(refusal, now));
        }
        if !self.count_one_more() {
            self.sweep(&mut locked, SWEPT_WHEN_FULL, span, gone);
            if !self.count_one_more() {
                // One lock at a time.
                drop(locked);
                if !self.count_one_more_elsewhere(now, gone) {
                    return Err(self.refused(Refusal::TooManyKeys, now));
                }
                locked = lock(self.shard(hash));
                let span = locked.pace.span(now);
                if let Some(taken) = locked.take(&key, hash, n, span) {
                    drop(locked);
                    self.len.fetch_sub(1, Ordering::Relaxed);
                    return taken.map_err(|refusal| self.refused(refusal, now));
                }
            }
        }
        let span = locked.pace.span(now);
        if locked.table.is_full() {
            // It costs as much as growing, and may make that unnecessary: for a while, if half of it is free then.
            self.sweep(&mut locked, usize::MAX, span, gone);
            if locked.table.is_half_full() {
                locked.table.grow(|key| self.hasher.hash_one(key));
            }
        }
        Ok(locked.insert(key, hash, n, span))
    }

    fn count_one_more(&self) -> bool {
        let more = |len: usize| (len < self.max_keys).then(|| len + 1);
        self.len.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Makes room in other shards, for one that is in none of them.
    fn count_one_more_elsewhere(&self, now: u64, gone: &mut Gone<K>) -> bool {
        (0..SHARDS_SWEPT_WHEN_FULL).any(|_| {
            let shard = &self.shards[self.sweep.fetch_add(1, Ordering::Relaxed) % SHARDS];
            let mut locked = lock(&shard.0);
            let span = locked.pace.span(now);
            self.sweep(&mut locked, SWEPT_WHEN_FULL, span, gone);
            self.count_one_more()
        })
    }

    #[cold]
    fn sweep(&self, locked: &mut Locked<K>, places: usize, span: Span, gone: &mut Gone<K>) {
        let table = &mut locked.table;
        let before = table.len();
        table.sweep(places, span.first, |key| self.hasher.hash_one(key), gone);
        let forgotten = before - table.len();
        if forgotten > 0 {
            self.len.fetch_sub(forgotten, Ordering::Relaxed);
        }
    }
}

impl<K> Locked<K> {
    /// Takes from a key that is there, or says why not; nobody can take more than a burst.
    #[inline]
    fn take<Q>(&mut self, key: &Q, hash: u64, n: u64, span: Span) -> Option<Result<KeyedRatePermit, Refusal>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        if n > self.pace.burst {
            return Some(Err(Refusal::TooLarge { capacity: self.pace.burst }));
        }
        let at = self.table.find(key, hash).ok()?;
        let tat = self.table.tat_mut(at)?;
        Some(match self.pace.take(tat.get(), n, span) {
            Ok(next) => {
                *tat = Tat::new(next);
                Ok(self.permit(hash, n, span))
            }
            Err(due) => Err(Refusal::Until(self.pace.when(due))),
        })
    }

    /// Takes at most a burst from a key that is not there. There is room for it.
    fn insert(&mut self, key: K, hash: u64, n: u64, span: Span) -> KeyedRatePermit
    where
        K: Eq,
    {
        if let (Err(at), Ok(next)) = (self.table.find(&key, hash), self.pace.take(0, n, span)) {
            self.table.insert(at, key, Tat::new(next));
        }
        self.permit(hash, n, span)
    }

    const fn permit(&self, hash: u64, n: u64, span: Span) -> KeyedRatePermit {
        KeyedRatePermit { n, taken: span.first, hash, generation: self.generation }
    }

    /// Takes from a key that is there what it used already.
    fn charge<Q>(&mut self, key: &Q, hash: u64, n: u64, now: u64) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let (pace, at) = (self.pace, self.table.find(key, hash).ok());
        let tat = at.and_then(|at| self.table.tat_mut(at));
        tat.map(|tat| *tat = Tat::new(pace.charge(tat.get(), n, pace.span(now)))).is_some()
    }

    /// Gives back what would not have come back by itself since.
    ///
    /// Why that is never too much, in whatever order permits come back: what a key lacks for the sake of those that will
    /// be given back grows with each of them by its intervals, and shrinks only while the key would have all of its burst
    /// without them, then by a tick each tick. What they can give back grows by the same, and shrinks by a tick each tick
    /// for every one of them.
    fn give_back<Q>(&mut self, key: &Q, permit: &KeyedRatePermit, used: u64, now: u64)
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        if permit.generation != self.generation {
            return;
        }
        let passed = self.pace.span(now).last.saturating_sub(permit.taken);
        let unused = self.pace.ticks_of(permit.n.saturating_sub(used));
        let back = self.pace.ticks_of(permit.n).saturating_sub(passed).min(unused);
        let found = self.table.find(key, permit.hash).ok();
        if let Some(tat) = found.and_then(|at| self.table.tat_mut(at)) {
            *tat = Tat::new(tat.get().saturating_sub(back));
        }
    }

    /// Goes on at another pace, with what each key has now.
    fn change(&mut self, pace: Pace, now: u64) {
        let last = self.pace.span(now).last;
        for tat in self.table.tats() {
            // One with all of its burst is as good as new.
            let next = if tat.get() <= last { 0 } else { self.pace.convert(tat.get(), now, &pace) };
            *tat = Tat::new(next);
        }
        self.pace = pace;
        self.generation = self.generation.wrapping_add(1);
    }
}

pub(super) fn pace(quota: &Quota) -> Result<Pace, ConfigError> {
    if quota.is_strict() {
        return Err(ConfigError::invalid("quota", "must not be strict: windows are for single limiters"));
    }
    quota.pace()
}
