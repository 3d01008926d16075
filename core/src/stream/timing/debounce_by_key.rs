//! The last item of each key before a pause of that key (recipe 4.3).

mod index;
mod keyed;

use super::window::{Window, Windowed, windowed};
use crate::instant::Instant;
use crate::runtime::Runtime;
use crate::sip_keys::SipKeys;
use crate::stream::dropped::DropCount;
use futures_core::Stream;
use keyed::Keyed;
use pin_project_lite::pin_project;
use std::hash::{BuildHasher, Hash};
use std::time::Duration;

pin_project! {
    /// Gives an item when no other of its key has come for a while; of
    /// [`FlowExt::debounce_by_key`](crate::stream::FlowExt::debounce_by_key).
    ///
    /// As [`Debounce`](super::Debounce), for each key by itself: files of a folder, documents of a user, devices. With
    /// `quiet` of 3 ms, and a key for `a` and `A`, one for `b` and `B`:
    ///
    /// ```text
    ///   in  ab-A--B-----a-b-|
    ///  out  ----b-A--B-----a(b|)
    /// ```
    ///
    /// | | |
    /// |---|---|
    /// | an item | waits for `quiet`; the one of its key that waited is dropped, and counted in [`dropped`](Self::dropped) |
    /// | the end | gives the items that wait at once, those first that would have been due first |
    /// | several items due | in the order in which they are due; those due together in the order in which they came |
    /// | an item just when one of its key is due | comes first: it takes the other's place |
    /// | an item after others were due, which nobody took | those are given first |
    /// | a key that never pauses | keeps no other back; gives nothing itself, unless there is a [`max_wait`](Self::max_wait) |
    /// | `quiet` of zero | every item is given at once |
    /// | `quiet` of [`Duration::MAX`] | the last item of each key is given, at the end |
    ///
    /// **A key that has fallen quiet is forgotten**: what is held is one item and one key for each that waits, and when
    /// there are much fewer than there were, the memory goes back. How many keys wait is not limited: it is how many
    /// the source gives in a time of `quiet`.
    ///
    /// The hash is keyed (SipHash-1-3, with keys from the runtime's random numbers), so that nobody can choose keys
    /// that collide. Its order shows nowhere.
    ///
    /// # Cancel safety
    ///
    /// The items that wait are in here: dropping the future of `next` loses nothing, and dropping the operator loses
    /// them. [`into_remainder`](Self::into_remainder) gives them back.
    ///
    /// # Cost
    ///
    /// An item costs a hash, a look at the clock, and a place moved to the end of a list: the same for ten keys and
    /// for a million. One timer for all keys. Nothing is allocated while as many keys wait as before.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::stream::FlowExt;
    /// use backstay::testing::{Failure, Sim};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let saved = [("ann", 1), ("bob", 1), ("ann", 2), ("ann", 3)];
    ///     let settled = stream::iter(saved).debounce_by_key(&rt, Duration::from_secs(1), |(user, _)| *user);
    ///     settled.collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [("bob", 1), ("ann", 3)]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use = "streams do nothing unless you poll them"]
    pub struct DebounceByKey<S: Stream, R: Runtime, K, F> {
        #[pin]
        inner: Windowed<S, R, QuietKeys<K, S::Item, F>>,
    }
}

impl<S: Stream, R: Runtime, K: Hash + Eq, F: FnMut(&S::Item) -> K> DebounceByKey<S, R, K, F> {
    pub(crate) fn new(source: S, rt: &R, quiet: Duration, key: F) -> Self {
        let window = QuietKeys {
            key,
            hasher: SipKeys(rt.random_u64(), rt.random_u64()),
            keyed: Keyed::new(quiet),
            next: None,
            dropped: DropCount::default(),
        };
        Self { inner: Windowed::new(source, rt, window) }
    }

    /// Gives the latest item of a key also when its items have kept coming for `max_wait`, counted from the first that
    /// came after the last one given. See [`Debounce::max_wait`](super::Debounce::max_wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::stream::FlowExt;
    /// use backstay::testing::{Failure, Sim};
    /// use backstay::time::ticker;
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     // The even and the odd ones, neither of which ever pause.
    ///     let ticks = ticker(&rt, Duration::from_millis(100)).build().unwrap();
    ///     let numbers = ticks.enumerate().map(|(number, _)| number);
    ///     let settled = numbers.take(13).debounce_by_key(&rt, Duration::from_millis(300), |number| number % 2);
    ///     settled.max_wait(Duration::from_secs(1)).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [10, 11, 12]); // a second after 0, and after 1; and the end
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "maxWait")]
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.inner.window_mut().keyed.set_max_wait(max_wait);
        self
    }

    /// How many keys wait now.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::Runtime;
    /// use backstay::stream::FlowExt;
    /// use backstay::testing::{Failure, Sim};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let saved = stream::iter([("ann", 1), ("bob", 1), ("ann", 2)]).chain(stream::pending());
    ///     let mut settled = saved.debounce_by_key(&rt, Duration::from_secs(60), |(user, _)| *user);
    ///     assert!(rt.timeout(Duration::from_secs(1), settled.next()).await.is_err());
    ///     assert_eq!(settled.waiting(), 2); // Ann and Bob
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn waiting(&self) -> usize {
        self.inner.window().keyed.len()
    }

    /// The items that wait, in the order in which they would have been given: dropping would lose them.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::Runtime;
    /// use backstay::stream::FlowExt;
    /// use backstay::testing::{Failure, Sim};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let saved = stream::iter([("ann", 1), ("bob", 1), ("ann", 2)]).chain(stream::pending());
    ///     let mut settled = saved.debounce_by_key(&rt, Duration::from_secs(60), |(user, _)| *user);
    ///     assert!(rt.timeout(Duration::from_secs(1), settled.next()).await.is_err());
    ///     assert_eq!(settled.into_remainder(), [("bob", 1), ("ann", 2)]);
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn into_remainder(self) -> Vec<S::Item> {
        let mut window = self.inner.into_window();
        let mut items = Vec::with_capacity(window.held());
        while let Some(item) = window.overdue().or_else(|| window.keyed.pop()) {
            items.push(item);
        }
        items
    }
}

windowed!(DebounceByKey<S, R, K, F> where K: Hash + Eq, F: FnMut(&S::Item) -> K);

struct QuietKeys<K, T, F> {
    key: F,
    hasher: SipKeys,
    keyed: Keyed<K, T>,
    // What has come, and when: while there are others that were due before.
    next: Option<(T, Instant)>,
    dropped: DropCount,
}

impl<K, T, F> QuietKeys<K, T, F> {
    const fn dropped(&self) -> &DropCount {
        &self.dropped
    }
}

impl<K: Hash + Eq, T, F: FnMut(&T) -> K> Window for QuietKeys<K, T, F> {
    type Item = T;

    fn take(&mut self, item: T, now: Instant) -> Option<T> {
        if self.keyed.is_idle() {
            return Some(item);
        }
        self.next = Some((item, now));
        self.overdue()
    }

    fn overdue(&mut self) -> Option<T> {
        let at = self.next.as_ref()?.1;
        if self.keyed.due().is_some_and(|due| due < at) {
            return self.keyed.pop();
        }
        let (item, now) = self.next.take()?;
        // The user's code, before anything is changed.
        let key = (self.key)(&item);
        let hash = self.hasher.hash_one(&key);
        let before = self.keyed.put(key, hash, item, now);
        if before.is_some() {
            self.dropped.count();
        }
        // Dropped when all is in order.
        drop(before);
        self.keyed.pop_full(now)
    }

    fn due(&self) -> Option<Instant> {
        self.keyed.due()
    }

    fn fire(&mut self, _: Instant) -> Option<T> {
        self.keyed.pop()
    }

    fn tail(&mut self, _: Instant) -> Option<T> {
        self.keyed.pop()
    }

    fn held(&self) -> usize {
        self.keyed.len() + usize::from(self.next.is_some())
    }

    fn least(&self, more: bool) -> usize {
        self.keyed.len().max(usize::from(more || self.next.is_some()))
    }
}
