//! What the handles of a keyed breaker share: a breaker for each key, in shards with a lock each.

use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::keyed_shards::{self, Need, Shards};
use crate::keyed_table::Gone;
use crate::primitives::{Arc, AtomicU64, Mutex, Ordering, lock};
use crate::resilience::circuit_breaker::recipe::Recipe;
use crate::resilience::circuit_breaker::state::Memory;
use crate::resilience::circuit_breaker::{CircuitBreaker, CircuitBreakerConfig, CircuitMetrics};
use crate::resilience::observer::{Event, EventKind, Observed};
use crate::resilience::rejected::{PolicyKind, Reason, Rejected};
use crate::sip_keys::SipKeys;
use std::borrow::Borrow;
use std::hash::Hash;
use std::time::Duration;

/// Makes the observer of a key.
pub(super) type ObservedOf<K> = std::sync::Arc<dyn Fn(&K) -> Observed + Send + Sync>;

pub(super) struct Shared<K> {
    keys: Shards<K, Kept, Arc<Recipe>>,
    // Held while it changes, so that all shards have the same in the end.
    recipe: Mutex<Arc<Recipe>>,
    idle_for: Duration,
    name: &'static str,
    seed: u64,
    observed: Observed,
    observed_of: Option<ObservedOf<K>>,
    unguarded: AtomicU64,
}

type Locked<K> = keyed_shards::Locked<K, Kept, Arc<Recipe>>;

/// The breaker of a key.
struct Kept {
    breaker: CircuitBreaker,
    // When it was seen first with nobody using it; `MAX` if it has been used since.
    idle_since: Instant,
}

impl Kept {
    /// Whether it can be forgotten. The only handle is here then, and so nobody can have another breaker of this key.
    fn is_over(&mut self, now: Instant, idle_for: Duration, need: Need) -> bool {
        let Some(memory) = self.breaker.memory(now) else {
            self.idle_since = Instant::MAX;
            return false;
        };
        self.idle_since = self.idle_since.min(now);
        let is_idle = now - self.idle_since >= idle_for;
        match memory {
            Memory::Nothing => is_idle || need == Need::Room,
            Memory::Past => is_idle,
            Memory::Present => false,
        }
    }
}

impl<K> Shared<K> {
    #[allow(clippy::too_many_arguments, reason = "it is called once, and each is named there")]
    pub(super) fn new(
        name: &'static str,
        recipe: Recipe,
        max_keys: usize,
        idle_for: Duration,
        hasher: SipKeys,
        seed: u64,
        observed: Observed,
        observed_of: Option<ObservedOf<K>>,
    ) -> Self {
        let recipe = Arc::new(recipe);
        let keys = Shards::new(max_keys, hasher, || Arc::clone(&recipe));
        let (recipe, unguarded) = (Mutex::new(recipe), AtomicU64::new(0));
        Self { keys, recipe, idle_for, name, seed, observed, observed_of, unguarded }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn unguarded(&self) -> u64 {
        self.unguarded.load(Ordering::Relaxed)
    }

    pub(super) fn settings(&self) -> CircuitBreakerConfig {
        lock(&self.recipe).config().clone()
    }

    pub(super) fn reconfigure(&self, config: CircuitBreakerConfig, now: Instant) -> Result<(), ConfigError> {
        let recipe = Arc::new(Recipe::new(config)?);
        // Told when no lock is held.
        let mut to_tell = Vec::new();
        let mut current = lock(&self.recipe);
        for mut locked in self.keys.each() {
            locked.common = Arc::clone(&recipe);
            for (_, Kept { breaker, .. }) in locked.table.iter_mut() {
                if breaker.reconfigure_untold(&recipe, now) {
                    to_tell.push(breaker.clone());
                }
            }
        }
        *current = recipe;
        drop(current);
        to_tell.iter().for_each(CircuitBreaker::tell);
        Ok(())
    }

    pub(super) fn for_each(&self, now: Instant, mut visit: impl FnMut(&K, CircuitMetrics)) {
        for mut locked in self.keys.each() {
            for (key, Kept { breaker, .. }) in locked.table.iter_mut() {
                visit(key, breaker.metrics(now));
            }
        }
    }
}

impl<K: Hash + Eq> Shared<K> {
    #[inline]
    pub(super) fn get<Q>(&self, key: &Q) -> Option<CircuitBreaker>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.keys.hash(key);
        self.keys.lock(hash).find(key, hash)
    }

    /// The breaker of a key; `None` if there is no room for it.
    #[inline]
    pub(super) fn of<Q>(&self, key: &Q, now: Instant) -> Option<CircuitBreaker>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let hash = self.keys.hash(key);
        // What is forgotten is dropped after the lock is free.
        let mut gone = Gone::new();
        let found = {
            let mut locked = self.keys.lock(hash);
            let found = locked.find(key, hash);
            self.keys.take_turn(&mut locked, |_, need| self.over(now, need), &mut gone);
            found
        };
        // Made before the lock is taken.
        found.or_else(|| self.insert(key.to_owned(), hash, now, &mut gone))
    }

    #[cold]
    fn insert(&self, key: K, hash: u64, now: Instant, gone: &mut Gone<K, Kept>) -> Option<CircuitBreaker> {
        let observed = match &self.observed_of {
            Some(of) => self.observed.clone().and(of(&key)),
            None => self.observed.clone(),
        };
        self.keys.insert(
            key,
            hash,
            |_, need| self.over(now, need),
            gone,
            |locked, key| locked.find(key, hash),
            |locked, key| {
                let breaker = locked.common.make(self.name, self.seed ^ hash, observed);
                if let Err(at) = locked.table.find(&key, hash) {
                    let kept = Kept { breaker: breaker.clone(), idle_since: Instant::MAX };
                    locked.table.insert(at, key, kept);
                }
                breaker
            },
        )
    }

    /// What can be forgotten then.
    #[inline]
    fn over(&self, now: Instant, need: Need) -> impl FnMut(&mut Kept) -> bool {
        let idle_for = self.idle_for;
        move |kept| kept.is_over(now, idle_for, need)
    }

    #[cold]
    pub(super) fn pass(&self) -> CircuitBreaker {
        self.unguarded.fetch_add(1, Ordering::Relaxed);
        CircuitBreaker::disabled(self.name)
    }

    #[cold]
    pub(super) fn refused(&self) -> Rejected {
        let rejected = Rejected::new(PolicyKind::CircuitBreaker, self.name, Reason::TooManyKeys);
        if let Some(observer) = self.observed.get() {
            observer.on_event(&Event { source: self.name, kind: EventKind::Rejected(rejected) });
        }
        rejected
    }

    pub(super) fn retain(&self, mut keep: impl FnMut(&K) -> bool) {
        self.take_unless(|key, kept| keep(key) || kept.breaker.is_shared());
    }

    pub(super) fn prune(&self, now: Instant) {
        self.take_unless(|_, kept| !kept.is_over(now, self.idle_for, Need::Room));
    }

    fn take_unless(&self, mut keep: impl FnMut(&K, &mut Kept) -> bool) {
        for mut locked in self.keys.each() {
            let _gone = self.keys.take_unless(&mut locked, &mut keep);
            drop(locked);
        }
    }
}

impl<K> Locked<K> {
    /// The breaker of a key that is there, which is in use now.
    #[inline]
    fn find<Q>(&mut self, key: &Q, hash: u64) -> Option<CircuitBreaker>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let at = self.table.find(key, hash).ok()?;
        let kept = self.table.value_mut(at)?;
        kept.idle_since = Instant::MAX;
        Some(kept.breaker.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_large_a_place_is() {
        assert_eq!(size_of::<Option<(u64, Kept)>>(), 8 + 16);
    }
}
