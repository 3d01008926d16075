//! So many at a time, each with a key (recipe 2.4).

use super::engine::FutureSet;
use crate::limit::Limit;
use crate::probe;
use crate::ready_budget::ReadyBudget;
use crate::runtime::backend::quietly;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Futures that run concurrently in one task, at most `limit` of them, each under a key of its own.
///
/// It is a [`Stream`] of keys and outputs, in the order in which the futures end. A key is free again when its output
/// has been given, or its future was removed or has panicked. **Futures run only while the set is polled**; fairness
/// and panics are as those of a [`BoundedSet`](super::BoundedSet), which does where nobody asks for a key.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next output loses nothing. Dropping the set drops its futures.
///
/// # Cost
///
/// That of a [`BoundedSet`](super::BoundedSet), and for each future a copy of its key and an entry in a tree of keys.
///
/// # Examples
///
/// ```
/// use backstay_core::{Limit, future::{KeyedSet, NotInserted}};
/// use futures::StreamExt;
/// use std::future::{pending, ready};
/// # use futures::future::Either;
///
/// # futures::executor::block_on(async {
/// let mut requests = KeyedSet::new(Limit::MAX);
/// requests.try_insert("users", Either::Left(ready(200))).unwrap();
/// requests.try_insert("orders", Either::Right(pending())).unwrap();
/// let refused = requests.try_insert("orders", Either::Left(ready(500)));
/// assert!(matches!(refused, Err(NotInserted::Taken("orders", _))));
///
/// assert_eq!(requests.next().await, Some(("users", 200)));
/// assert!(requests.remove("orders"));
/// assert_eq!(requests.next().await, None);
/// # });
/// ```
#[doc(alias = "FutureMap")]
#[must_use = "futures do nothing unless the set is polled"]
pub struct KeyedSet<K, F> {
    set: FutureSet<F>,
    limit: Limit,
    indices: BTreeMap<K, usize>,
    // Of each future, by its index.
    keys: Vec<Option<K>>,
    budget: ReadyBudget,
}

/// Why a future was not inserted; the key and the future, given back.
pub enum NotInserted<K, F> {
    /// The set is full.
    Full(K, F),
    /// There is one under that key.
    Taken(K, F),
}

impl<K: Ord + Clone, F> KeyedSet<K, F> {
    /// An empty set.
    pub fn new(limit: impl Into<Limit>) -> Self {
        Self {
            set: FutureSet::new(),
            limit: limit.into(),
            indices: BTreeMap::new(),
            keys: Vec::new(),
            budget: ReadyBudget::new(),
        }
    }

    /// Adds a future under a key. It is polled when the set is.
    ///
    /// # Errors
    ///
    /// [`NotInserted`], with the key and the future, when as many run as may, or one runs under that key.
    pub fn try_insert(&mut self, key: K, future: F) -> Result<(), NotInserted<K, F>> {
        self.forget_panicked();
        if self.contains(&key) {
            return Err(NotInserted::Taken(key, future));
        }
        if self.is_full() {
            return Err(NotInserted::Full(key, future));
        }
        // First: whatever a key's `clone` or `cmp` does, each future has a key.
        let own = key.clone();
        let index = self.set.insert(future);
        if self.keys.len() <= index {
            self.keys.resize(index + 1, None);
        }
        self.keys[index] = Some(own);
        self.indices.insert(key, index);
        Ok(())
    }

    /// Drops the future under a key, and tells whether there was one.
    ///
    /// # Panics
    ///
    /// If the future's destructor does; it is removed all the same.
    pub fn remove<Q>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.forget_panicked();
        let Some((key, index)) = self.indices.remove_entry(key) else { return false };
        // The keys are dropped last: their destructors may panic too.
        let _keys = (key, self.keys[index].take());
        self.set.remove(index)
    }

    /// The future under a key.
    pub fn get<Q>(&mut self, key: &Q) -> Option<Pin<&mut F>>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let &index = self.indices.get(key)?;
        self.set.get(index)
    }

    /// Whether there is a future under a key.
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.indices.get(key).is_some_and(|&index| self.set.contains(index))
    }

    /// A future that has panicked is gone from the set, and its key has to follow before its index is used again.
    fn forget_panicked(&mut self) {
        if self.indices.len() > self.set.len() {
            let Self { set, keys, indices, .. } = self;
            indices.retain(|_, &mut index| {
                let runs = set.contains(index);
                if !runs {
                    keys[index] = None;
                }
                runs
            });
        }
    }
}

impl<K, F> KeyedSet<K, F> {
    /// The keys of all futures, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.indices.iter().filter(|&(_, &index)| self.set.contains(index)).map(|(key, _)| key)
    }

    /// Takes the futures out; their keys are dropped, and where that panics, the futures are given all the same.
    pub(crate) fn take_futures(&mut self) -> FutureSet<F> {
        let (indices, keys) = (mem::take(&mut self.indices), mem::take(&mut self.keys));
        quietly(|| drop(indices));
        quietly(|| drop(keys));
        mem::replace(&mut self.set, FutureSet::new())
    }

    pub(crate) fn for_each(&mut self, show: impl FnMut(Pin<&mut F>)) {
        self.set.for_each(show);
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Whether there are as many as there may be.
    pub const fn is_full(&self) -> bool {
        self.set.len() >= self.limit.get()
    }

    /// How many there may be.
    pub const fn limit(&self) -> Limit {
        self.limit
    }

    /// Another limit; as [`BoundedSet::set_limit`](super::BoundedSet::set_limit).
    pub fn set_limit(&mut self, limit: impl Into<Limit>) {
        self.limit = limit.into();
    }

    /// Drops all futures; their keys are free.
    ///
    /// # Panics
    ///
    /// If a future's destructor does; the others are dropped all the same.
    pub fn clear(&mut self) {
        // The keys are dropped last: their destructors may panic too.
        let _keys = (mem::take(&mut self.indices), mem::take(&mut self.keys));
        self.set.clear();
    }
}

impl<K: Ord + Clone, F: Future> Stream for KeyedSet<K, F> {
    type Item = (K, F::Output);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        ready!(this.budget.poll_proceed(cx));
        let poll = this.poll_set(cx);
        this.budget.note(&poll);
        if poll.is_pending() {
            probe::waiting(|| format!("one of {} futures", this.len()));
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<K: Ord + Clone, F: Future> KeyedSet<K, F> {
    /// What there is now, for whoever asks without waiting.
    pub(crate) fn poll_at_once(&mut self, cx: &mut Context<'_>) -> Poll<Option<(K, F::Output)>> {
        let poll = self.poll_set(cx);
        if poll.is_ready() {
            return poll;
        }
        // It may have been the rest of a turn, to which those do not belong that were woken since.
        self.poll_set(cx)
    }

    /// As `poll_next`, but for the budget.
    pub(crate) fn poll_set(&mut self, cx: &mut Context<'_>) -> Poll<Option<(K, F::Output)>> {
        self.forget_panicked();
        let ended = ready!(self.set.poll_next(cx));
        let Some((index, output)) = ended else { return Poll::Ready(None) };
        match self.keys[index].take() {
            Some(key) => {
                self.indices.remove(&key);
                Poll::Ready(Some((key, output)))
            }
            None => unreachable!("each future has a key"),
        }
    }
}

impl<K: Ord + Clone, F: Future> FusedStream for KeyedSet<K, F> {
    fn is_terminated(&self) -> bool {
        self.is_empty()
    }
}

// The futures are pinned in blocks of the set's, and keys are not pinned.
impl<K, F> Unpin for KeyedSet<K, F> {}

impl<K: fmt::Debug, F> fmt::Debug for KeyedSet<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys().collect();
        f.debug_struct("KeyedSet").field("keys", &keys).field("limit", &self.limit).finish()
    }
}

impl<K, F> NotInserted<K, F> {
    /// The key and the future.
    pub fn into_inner(self) -> (K, F) {
        match self {
            Self::Full(key, future) | Self::Taken(key, future) => (key, future),
        }
    }
}

impl<K: fmt::Debug, F> fmt::Debug for NotInserted<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(key, _) => f.debug_tuple("Full").field(key).finish_non_exhaustive(),
            Self::Taken(key, _) => f.debug_tuple("Taken").field(key).finish_non_exhaustive(),
        }
    }
}

impl<K: fmt::Debug, F> fmt::Display for NotInserted<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(..) => f.write_str("the set is full"),
            Self::Taken(key, _) => write!(f, "the key {key:?} is taken"),
        }
    }
}

impl<K: fmt::Debug, F> Error for NotInserted<K, F> {}
