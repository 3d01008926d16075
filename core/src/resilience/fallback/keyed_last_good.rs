//! The last good answer for each of many.

use super::LastGood;
use crate::keyed_slab::{KeyedSlab, NONE};
use crate::limit::Limit;
use crate::primitives::{Arc, Mutex, lock};
use crate::runtime::Runtime;
use crate::sip_keys::SipKeys;
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::time::Duration;

/// A [`LastGood`] for each key: a user, a page, a query.
///
/// [`of`](Self::of) gives that of a key, which is a handle: it is the policy of the calls that ask for that key. **At
/// most `max_keys` are kept**: when another comes, the one that was asked for longest ago goes, with its value. So what
/// is kept has a bound, and a crowd of new keys may push out the others; it is no place for what must not be lost.
///
/// The hash is keyed (SipHash-1-3, with keys from the runtime's random numbers), so that nobody can choose keys that
/// collide. A clone is a handle to the same keys.
///
/// # Cost
///
/// A hash and a short lock to find a key's; two allocations for a key that is new.
///
/// # Examples
///
/// Around the calls of a pipeline, whose errors stay as flat as they are:
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Limit;
/// use backstay_core::resilience::{Error, KeyedLastGood, Nested, Pipeline};
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let users = Pipeline::named("users").deadline(Duration::from_secs(2)).build(&rt).expect("it is good");
///     let last = KeyedLastGood::<u64, &str>::new(&rt, Duration::from_secs(600), Limit::new(10_000)?);
///     let ask = async |id: u64, answer: Result<&'static str, &'static str>| {
///         last.of(&id).run_operation(&rt, Nested(|_| users.call(async |_| answer))).await
///     };
///     assert_eq!(ask(7, Ok("Ada")).await, Ok("Ada"));
///     assert_eq!(ask(7, Err("reset")).await, Ok("Ada"));
///     assert_eq!(ask(8, Err("reset")).await, Err(Error::Operation("reset")));
///     Ok::<_, backstay_core::ConfigError>(())
/// })?.value.expect("it is good");
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "stale-if-error")]
pub struct KeyedLastGood<K, T> {
    shared: Arc<Shared<K, T>>,
}

struct Shared<K, T> {
    kept: Mutex<Kept<K, T>>,
    hasher: SipKeys,
    max_age: Duration,
    max_keys: usize,
}

/// By key, and in the order in which they were asked for.
struct Kept<K, T> {
    entries: KeyedSlab<K, Entry<T>>,
    newest: usize,
    oldest: usize,
}

struct Entry<T> {
    last: LastGood<T>,
    newer: usize,
    older: usize,
}

impl<K, T> KeyedLastGood<K, T> {
    /// One without values, which keeps those of so many keys and gives none that is older than `max_age`.
    pub fn new<R: Runtime>(rt: &R, max_age: Duration, max_keys: impl Into<Limit>) -> Self {
        let kept = Mutex::new(Kept { entries: KeyedSlab::new(), newest: NONE, oldest: NONE });
        let hasher = SipKeys(rt.random_u64(), rt.random_u64());
        Self { shared: Arc::new(Shared { kept, hasher, max_age, max_keys: max_keys.into().get() }) }
    }

    /// The last good value of this key, and so the policy of its calls.
    ///
    /// The handle stays what it is when the key is pushed out meanwhile; whoever asks for the key then has another.
    pub fn of<Q>(&self, key: &Q) -> LastGood<T>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let Shared { kept, hasher, max_age, max_keys } = &*self.shared;
        let hash = hasher.hash_one(key);
        let found = lock(kept).find(key, hash);
        if let Some(last) = found {
            return last;
        }
        // Made, and dropped, while the lock is free.
        let (key, last) = (key.to_owned(), LastGood::new(*max_age));
        let _gone;
        let mut kept = lock(kept);
        if let Some(other) = kept.find(key.borrow(), hash) {
            drop(kept);
            return other;
        }
        _gone = if kept.entries.len() >= *max_keys { kept.remove_oldest() } else { None };
        kept.insert(key, hash, last.clone());
        drop(kept);
        last
    }

    /// Of how many keys something is kept, or may be.
    pub fn len(&self) -> usize {
        lock(&self.shared.kept).entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K, T> Kept<K, T> {
    fn find<Q: Eq + ?Sized>(&mut self, key: &Q, hash: u64) -> Option<LastGood<T>>
    where
        K: Borrow<Q>,
    {
        let at = self.entries.find(key, hash)?;
        self.unlink(at);
        self.link(at);
        self.entries.get(at).map(|entry| entry.last.clone())
    }

    fn insert(&mut self, key: K, hash: u64, last: LastGood<T>) {
        let at = self.entries.insert(key, hash, Entry { last, newer: NONE, older: NONE });
        self.link(at);
    }

    #[must_use = "to be dropped after the mutex is free"]
    fn remove_oldest(&mut self) -> Option<(K, Entry<T>)> {
        let oldest = self.oldest;
        self.unlink(oldest);
        self.entries.remove(oldest)
    }

    /// It is the newest.
    fn link(&mut self, at: usize) {
        let older = std::mem::replace(&mut self.newest, at);
        if let Some(entry) = self.entries.get_mut(at) {
            (entry.newer, entry.older) = (NONE, older);
        }
        match self.entries.get_mut(older) {
            Some(older) => older.newer = at,
            None => self.oldest = at,
        }
    }

    fn unlink(&mut self, at: usize) {
        let Some(&Entry { newer, older, .. }) = self.entries.get(at) else { return };
        match self.entries.get_mut(newer) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }
}

impl<K, T> Clone for KeyedLastGood<K, T> {
    /// The same values.
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K, T> fmt::Debug for KeyedLastGood<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedLastGood")
            .field("len", &self.len())
            .field("max_age", &self.shared.max_age)
            .field("max_keys", &self.shared.max_keys)
            .finish_non_exhaustive()
    }
}
