//! What the handles of a keyed limiter share: the keys, in shards with a lock each.

use super::permit::KeyedRatePermit;
use super::tat::Tat;
use crate::config_error::ConfigError;
use crate::keyed_shards::{self, Shards};
use crate::keyed_table::Gone;
use crate::primitives::{Mutex, lock};
use crate::resilience::observer::{Event, EventKind, Observed};
use crate::resilience::rate_limiter::Quota;
use crate::resilience::rate_limiter::pace::{Pace, Span};
use crate::resilience::rejected::{PolicyKind, Reason, Rejected};
use crate::sip_keys::SipKeys;
use std::borrow::Borrow;
use std::hash::Hash;
use std::time::Duration;

pub(super) struct Shared<K> {
    keys: Shards<K, Tat, Common>,
    // Held while it changes, so that all shards have the same in the end.
    quota: Mutex<Quota>,
    name: &'static str,
    observed: Observed,
}

type Locked<K> = keyed_shards::Locked<K, Tat, Common>;

struct Common {
    pace: Pace,
    // What was taken in another is not given back.
    generation: u32,
}

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
        let keys = Shards::new(max_keys, hasher, || Common { pace, generation: 0 });
        Ok(Self { keys, quota: Mutex::new(quota), name, observed })
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
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
        if *current == quota {
            return Ok(());
        }
        for mut locked in self.keys.each() {
            locked.change(pace, now);
        }
        *current = quota;
        Ok(())
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
        let hash = self.keys.hash(key);
        // What is forgotten is dropped after the lock is free.
        let mut gone = Gone::new();
        let taken = {
            let mut locked = self.keys.lock(hash);
            let span = locked.common.pace.span(now);
            let taken = locked.take(key, hash, n, span);
            self.keys.take_turn(&mut locked, |_, _| over(span), &mut gone);
            taken
        };
        match taken {
            Some(Ok(permit)) => Ok(permit),
            Some(Err(refusal)) => Err(self.refused(refusal, now)),
            // Made before the lock is taken.
            None => self.insert(key.to_owned(), hash, n, now, &mut gone),
        }
    }

    /// How many this key can take now, and in how many nanoseconds all of them.
    pub(super) fn left<Q>(&self, key: &Q, now: u64) -> (u64, u64)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.keys.hash(key);
        let mut locked = self.keys.lock(hash);
        let pace = locked.common.pace;
        let at = locked.table.find(key, hash).ok();
        let tat = at.and_then(|at| locked.table.value_mut(at)).map_or(0, |tat| tat.get());
        (pace.available(tat, pace.span(now)), pace.all_after(tat, now))
    }

    /// Takes what was used already; from nobody where there is no place for another key.
    pub(super) fn charge<Q>(&self, key: &Q, n: u64, now: u64)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let hash = self.keys.hash(key);
        let is_charged = self.keys.lock(hash).charge(key, hash, n, now);
        if is_charged {
            return;
        }
        // Dropped after the lock is free.
        let mut gone = Gone::new();
        let _ = self.keys.insert(
            key.to_owned(),
            hash,
            |common, _| over(common.pace.span(now)),
            &mut gone,
            |locked, key| locked.charge::<K>(key, hash, n, now).then_some(()),
            |locked, key| locked.insert_charged(key, hash, n, now),
        );
    }

    pub(super) fn give_back<Q>(&self, key: &Q, permit: KeyedRatePermit, used: u64, now: u64)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        // Not to another key, which may be beside it in the table.
        if self.keys.hash(key) == permit.hash {
            self.keys.lock(permit.hash).give_back(key, &permit, used, now);
        }
    }

    pub(super) fn retain(&self, mut keep: impl FnMut(&K) -> bool) {
        for mut locked in self.keys.each() {
            let gone = self.keys.take_unless(&mut locked, |key, _| keep(key));
            if !gone.is_empty() {
                // Who comes again is new, and has nothing to be given back.
                locked.common.generation = locked.common.generation.wrapping_add(1);
            }
            // Dropped when the lock is free.
            drop(locked);
        }
    }

    pub(super) fn prune(&self, now: u64) {
        for mut locked in self.keys.each() {
            let mut is_over = over(locked.common.pace.span(now));
            let _gone = self.keys.take_unless(&mut locked, |_, tat| !is_over(tat));
            drop(locked);
        }
    }

    /// Takes from a key that was not there: at most its burst, which is all there.
    #[cold]
    fn insert(
        &self,
        key: K,
        hash: u64,
        n: u64,
        now: u64,
        gone: &mut Gone<K, Tat>,
    ) -> Result<KeyedRatePermit, Rejected> {
        let taken = self.keys.insert(
            key,
            hash,
            |common, _| over(common.pace.span(now)),
            gone,
            |locked, key| locked.take(key, hash, n, locked.common.pace.span(now)),
            |locked, key| Ok(locked.insert(key, hash, n, locked.common.pace.span(now))),
        );
        taken.unwrap_or(Err(Refusal::TooManyKeys)).map_err(|refusal| self.refused(refusal, now))
    }
}

/// What is as good as new then.
#[inline]
fn over(span: Span) -> impl FnMut(&mut Tat) -> bool {
    move |tat| tat.get() <= span.first
}

impl<K> Locked<K> {
    /// Takes from a key that is there, or says why not; nobody can take more than a burst.
    #[inline]
    fn take<Q>(&mut self, key: &Q, hash: u64, n: u64, span: Span) -> Option<Result<KeyedRatePermit, Refusal>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        if n > self.common.pace.burst {
            return Some(Err(Refusal::TooLarge { capacity: self.common.pace.burst }));
        }
        let at = self.table.find(key, hash).ok()?;
        let tat = self.table.value_mut(at)?;
        Some(match self.common.pace.take(tat.get(), n, span) {
            Ok(next) => {
                *tat = Tat::new(next);
                Ok(self.permit(hash, n, span))
            }
            Err(due) => Err(Refusal::Until(self.common.pace.when(due))),
        })
    }

    /// Takes at most a burst from a key that is not there. There is room for it.
    fn insert(&mut self, key: K, hash: u64, n: u64, span: Span) -> KeyedRatePermit
    where
        K: Eq,
    {
        if let (Err(at), Ok(next)) = (self.table.find(&key, hash), self.common.pace.take(0, n, span)) {
            self.table.insert(at, key, Tat::new(next));
        }
        self.permit(hash, n, span)
    }

    const fn permit(&self, hash: u64, n: u64, span: Span) -> KeyedRatePermit {
        KeyedRatePermit { n, taken: span.first, hash, generation: self.common.generation }
    }

    /// Takes from a key that is not there what it used already. There is room for it.
    fn insert_charged(&mut self, key: K, hash: u64, n: u64, now: u64)
    where
        K: Eq,
    {
        let pace = self.common.pace;
        if let Err(at) = self.table.find(&key, hash) {
            self.table.insert(at, key, Tat::new(pace.charge(0, n, pace.span(now))));
        }
    }

    /// Takes from a key that is there what it used already.
    fn charge<Q>(&mut self, key: &Q, hash: u64, n: u64, now: u64) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let (pace, at) = (self.common.pace, self.table.find(key, hash).ok());
        let tat = at.and_then(|at| self.table.value_mut(at));
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
        if permit.generation != self.common.generation {
            return;
        }
        let passed = self.common.pace.span(now).last.saturating_sub(permit.taken);
        let unused = self.common.pace.ticks_of(permit.n.saturating_sub(used));
        let back = self.common.pace.ticks_of(permit.n).saturating_sub(passed).min(unused);
        let found = self.table.find(key, permit.hash).ok();
        if let Some(tat) = found.and_then(|at| self.table.value_mut(at)) {
            *tat = Tat::new(tat.get().saturating_sub(back));
        }
    }

    /// Goes on at another pace, with what each key has now.
    fn change(&mut self, pace: Pace, now: u64) {
        let last = self.common.pace.span(now).last;
        for (_, tat) in self.table.iter_mut() {
            // One with all of its burst is as good as new.
            let next = if tat.get() <= last { 0 } else { self.common.pace.convert(tat.get(), now, &pace) };
            *tat = Tat::new(next);
        }
        self.common.pace = pace;
        self.common.generation = self.common.generation.wrapping_add(1);
    }
}

pub(super) fn pace(quota: &Quota) -> Result<Pace, ConfigError> {
    if quota.is_strict() {
        return Err(ConfigError::invalid("quota", "must not be strict: windows are for single limiters"));
    }
    quota.pace()
}
