//! Changes alone.

use crate::ready_budget::ReadyBudget;
use crate::stream::in_place::poll_in_place;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What items are compared by that have no key.
pub(in crate::stream) type CloneOf<T> = fn(&T) -> T;

pin_project! {
    /// Items that differ from the one before; the others are dropped. The stream of
    /// [`FlowExt::distinct_until_changed`](crate::stream::FlowExt::distinct_until_changed) and
    /// [`distinct_until_changed_by_key`](crate::stream::FlowExt::distinct_until_changed_by_key).
    ///
    /// The operator of Rx, which `itertools` calls `dedup`: for a state that is told more often than it changes. The
    /// first item is always given. An item is compared with the one that was given last, by its key, or else by a clone
    /// of itself; one that comes again after another has come in between is given again.
    /// [`dropped`](Self::dropped) counts the others. What isn't equal to itself, as a NaN, is always a change.
    ///
    /// # At the end, on error, on drop
    ///
    /// It ends with its source. An error is an item. Dropped, it drops the source.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next item loses nothing.
    ///
    /// # Panics
    ///
    /// A panic of the key's function or of a comparison goes on in whoever polls; that item is lost, and the next is
    /// compared with the one that was given last. So does one of the source, which has ended then.
    ///
    /// # Cost
    ///
    /// A key for each item, and a comparison. After 128 items that were ready in a row, those that are dropped too, it
    /// yields.
    #[must_use = "streams do nothing unless they are polled"]
    pub struct DistinctUntilChanged<S, K, F> {
        // `None` when it has ended.
        #[pin]
        source: Option<S>,
        key: F,
        last: Option<K>,
        dropped: u64,
        budget: ReadyBudget,
    }
}

impl<S, K, F> DistinctUntilChanged<S, K, F> {
    pub(in crate::stream) const fn new(source: S, key: F) -> Self {
        Self { source: Some(source), key, last: None, dropped: 0, budget: ReadyBudget::new() }
    }

    /// How many items were as the one before.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let mut states = stream::iter(["up", "up", "up", "down"]).distinct_until_changed();
    /// assert_eq!(states.by_ref().collect::<Vec<_>>().await, ["up", "down"]);
    /// assert_eq!(states.dropped(), 2);
    /// # });
    /// ```
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl<S, K, F> Stream for DistinctUntilChanged<S, K, F>
where
    S: Stream,
    K: PartialEq,
    F: FnMut(&S::Item) -> K,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        loop {
            ready!(this.budget.poll_proceed(cx));
            let poll = poll_in_place(this.source.as_mut(), |source| source.poll_next(cx));
            let poll = poll.unwrap_or(Poll::Ready(None));
            this.budget.note(&poll);
            let Some(item) = ready!(poll) else {
                this.source.set(None);
                *this.last = None;
                return Poll::Ready(None);
            };
            let key = (this.key)(&item);
            if this.last.as_ref() != Some(&key) {
                *this.last = Some(key);
                return Poll::Ready(Some(item));
            }
            *this.dropped += 1;
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.source.as_ref().map_or((0, Some(0)), Stream::size_hint);
        let first = if self.last.is_none() { least.min(1) } else { 0 };
        (first, most)
    }
}

impl<S, K, F> FusedStream for DistinctUntilChanged<S, K, F>
where
    S: Stream,
    K: PartialEq,
    F: FnMut(&S::Item) -> K,
{
    fn is_terminated(&self) -> bool {
        self.source.is_none()
    }
}

impl<S, K, F> fmt::Debug for DistinctUntilChanged<S, K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DistinctUntilChanged")
            .field("has_ended", &self.source.is_none())
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}
