//! What is kept of each of many keys, at most so many: tables that forget, in shards with a lock each.
//!
//! What is forgotten, and what is not put in after all, is handed out: to be dropped when no lock is held.

use crate::keyed_table::{Gone, Table};
use crate::primitives::{AtomicUsize, Mutex, MutexGuard, Ordering, lock};
use crate::sip_keys::SipKeys;
use std::hash::{BuildHasher, Hash};

pub(crate) struct Shards<K, V, C> {
    shards: Vec<Shard<K, V, C>>,
    hasher: SipKeys,
    max_keys: usize,
    // Of all shards.
    len: AtomicUsize,
    // The shard that is looked at next when there are too many.
    sweep: AtomicUsize,
}

/// On a cache line of its own.
#[repr(align(128))]
struct Shard<K, V, C>(Mutex<Locked<K, V, C>>);

pub(crate) struct Locked<K, V, C> {
    pub(crate) table: Table<K, V>,
    /// What its keys share.
    pub(crate) common: C,
}

/// Why something is looked at whether it be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It is its turn.
    Turn,
    /// As many keys are kept as may be, and there is another.
    Room,
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

impl<K, V, C> Shards<K, V, C> {
    pub(crate) fn new(max_keys: usize, hasher: SipKeys, common: impl Fn() -> C) -> Self {
        let shard = || Shard(Mutex::new(Locked { table: Table::new(), common: common() }));
        let shards = (0..SHARDS).map(|_| shard()).collect();
        Self { shards, hasher, max_keys, len: AtomicUsize::new(0), sweep: AtomicUsize::new(0) }
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The shard of the keys with that hash.
    #[inline]
    pub(crate) fn lock(&self, hash: u64) -> MutexGuard<'_, Locked<K, V, C>> {
        // The places are chosen by the lower bits.
        lock(&self.shards[(hash >> (64 - SHARDS.ilog2())) as usize].0)
    }

    /// Each shard in turn: of those before, nobody holds the lock.
    pub(crate) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, Locked<K, V, C>>> {
        self.shards.iter().map(|shard| lock(&shard.0))
    }
}

impl<K: Hash, V, C> Shards<K, V, C> {
    /// To be called in every use of a shard: in some of them a few places are looked at. `over` says what is forgotten.
    #[inline]
    pub(crate) fn take_turn<F: FnMut(&mut V) -> bool>(
        &self,
        locked: &mut Locked<K, V, C>,
        over: impl FnOnce(&C, Need) -> F,
        gone: &mut Gone<K, V>,
    ) {
        if locked.table.is_turn(SWEPT_EACH) {
            self.sweep(locked, SWEPT, |common| over(common, Need::Turn), gone);
        }
    }

    /// Puts in a key that was not there, or gives what `find` finds there meanwhile: `None` if as many keys are kept as
    /// may be, and few of them were found to be over.
    #[cold]
    pub(crate) fn insert<T, F: FnMut(&mut V) -> bool>(
        &self,
        key: K,
        hash: u64,
        over: impl Fn(&C, Need) -> F,
        gone: &mut Gone<K, V>,
        mut find: impl FnMut(&mut Locked<K, V, C>, &K) -> Option<T>,
        insert: impl FnOnce(&mut Locked<K, V, C>, K) -> T,
    ) -> Option<T> {
        let over_for_room = |common: &C| over(common, Need::Room);
        let mut locked = self.lock(hash);
        if let Some(found) = find(&mut locked, &key) {
            return Some(found);
        }
        if !self.count_one_more() {
            self.sweep(&mut locked, SWEPT_WHEN_FULL, over_for_room, gone);
            if !self.count_one_more() {
                // One lock at a time.
                drop(locked);
                if !self.count_one_more_elsewhere(&over_for_room, gone) {
                    return None;
                }
                locked = self.lock(hash);
                if let Some(found) = find(&mut locked, &key) {
                    self.len.fetch_sub(1, Ordering::Relaxed);
                    return Some(found);
                }
            }
        }
        if locked.table.is_full() {
            // It costs as much as growing, and may make that unnecessary: for a while, if half of it is free then.
            self.sweep(&mut locked, usize::MAX, |common| over(common, Need::Turn), gone);
            if locked.table.is_half_full() {
                locked.table.grow(|key| self.hasher.hash_one(key));
            }
        }
        Some(insert(&mut locked, key))
    }

    /// Takes out all for which `keep` says no.
    #[must_use = "to be dropped after the mutex is free"]
    pub(crate) fn take_unless(
        &self,
        locked: &mut Locked<K, V, C>,
        keep: impl FnMut(&K, &mut V) -> bool,
    ) -> Vec<(K, V)> {
        let gone = locked.table.take_unless(keep, |key| self.hasher.hash_one(key));
        self.len.fetch_sub(gone.len(), Ordering::Relaxed);
        gone
    }

    fn count_one_more(&self) -> bool {
        let more = |len: usize| (len < self.max_keys).then(|| len + 1);
        self.len.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Makes room in other shards, for one that is in none of them.
    fn count_one_more_elsewhere<F>(&self, over: &impl Fn(&C) -> F, gone: &mut Gone<K, V>) -> bool
    where
        F: FnMut(&mut V) -> bool,
    {
        (0..SHARDS_SWEPT_WHEN_FULL).any(|_| {
            let shard = &self.shards[self.sweep.fetch_add(1, Ordering::Relaxed) % SHARDS];
            self.sweep(&mut lock(&shard.0), SWEPT_WHEN_FULL, over, gone);
            self.count_one_more()
        })
    }

    #[cold]
    fn sweep<F: FnMut(&mut V) -> bool>(
        &self,
        locked: &mut Locked<K, V, C>,
        places: usize,
        over: impl FnOnce(&C) -> F,
        gone: &mut Gone<K, V>,
    ) {
        let is_over = over(&locked.common);
        let table = &mut locked.table;
        let before = table.len();
        table.sweep(places, is_over, |key| self.hasher.hash_one(key), gone);
        let forgotten = before - table.len();
        if forgotten > 0 {
            self.len.fetch_sub(forgotten, Ordering::Relaxed);
        }
    }
}
