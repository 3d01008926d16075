//! The last good answer for each of many.

use super::LastGood;
use crate::keyed_recent::KeyedRecent;
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
    kept: Mutex<KeyedRecent<K, LastGood<T>>>,
    hasher: SipKeys,
    max_age: Duration,
    max_keys: usize,
}

impl<K, T> KeyedLastGood<K, T> {
    /// One without values, which keeps those of so many keys and gives none that is older than `max_age`.
    pub fn new<R: Runtime>(rt: &R, max_age: Duration, max_keys: impl Into<Limit>) -> Self {
        let kept = Mutex::new(KeyedRecent::new());
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
        let find = |kept: &mut KeyedRecent<K, LastGood<T>>, key: &Q| {
            let at = kept.find(key, hash)?;
            kept.get(at).cloned()
        };
        let found = find(&mut lock(kept), key);
        if let Some(last) = found {
            return last;
        }
        // Made, and dropped, while the lock is free.
        let (key, last) = (key.to_owned(), LastGood::new(*max_age));
        let _gone;
        let mut kept = lock(kept);
        if let Some(other) = find(&mut kept, key.borrow()) {
            drop(kept);
            return other;
        }
        _gone = if kept.len() >= *max_keys { kept.remove_oldest() } else { None };
        kept.insert(key, hash, last.clone());
        drop(kept);
        last
    }

    /// Of how many keys something is kept, or may be.
    pub fn len(&self) -> usize {
        lock(&self.shared.kept).len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
