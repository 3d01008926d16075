//! Each item with the one before.

use crate::ready_budget::ReadyBudget;
use crate::stream::in_place::poll_in_place;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Each item with the one before. The stream of [`FlowExt::pairwise`](crate::stream::FlowExt::pairwise).
    ///
    /// The operator of Rx. Of the first item nothing comes; of n items come n - 1 pairs. To get more of those before, or
    /// to keep something else of them than a clone, use `scan` of the `futures` crate.
    ///
    /// # At the end, on error, on drop
    ///
    /// It ends with its source; a source of one item gives nothing. An error is an item. Dropped, it drops the source
    /// and the item before.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next pair loses nothing: the item before is in here.
    ///
    /// # Panics
    ///
    /// A panic of the item's `clone` goes on in whoever polls; that item is lost, and the one before stays. So does one of
    /// the source, which has ended then.
    ///
    /// # Cost
    ///
    /// A clone of each item. After 128 items that were ready in a row it yields, so that a timeout or a stop signal
    /// around the loop fires.
    #[must_use = "streams do nothing unless they are polled"]
    pub struct Pairwise<S: Stream> {
        // `None` when it has ended.
        #[pin]
        source: Option<S>,
        before: Option<S::Item>,
        budget: ReadyBudget,
    }
}

impl<S: Stream> Pairwise<S> {
    pub(in crate::stream) const fn new(source: S) -> Self {
        Self { source: Some(source), before: None, budget: ReadyBudget::new() }
    }
}

impl<S: Stream<Item: Clone>> Stream for Pairwise<S> {
    type Item = (S::Item, S::Item);

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            ready!(this.budget.poll_proceed(cx));
            let poll = poll_in_place(this.source.as_mut(), |source| source.poll_next(cx));
            let poll = poll.unwrap_or(Poll::Ready(None));
            this.budget.note(&poll);
            let Some(item) = ready!(poll) else {
                this.source.set(None);
                *this.before = None;
                return Poll::Ready(None);
            };
            let kept = item.clone();
            if let Some(before) = this.before.replace(kept) {
                return Poll::Ready(Some((before, item)));
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.source.as_ref().map_or((0, Some(0)), Stream::size_hint);
        let first = usize::from(self.before.is_none());
        (least.saturating_sub(first), most.map(|most| most.saturating_sub(first)))
    }
}

impl<S: Stream<Item: Clone>> FusedStream for Pairwise<S> {
    fn is_terminated(&self) -> bool {
        self.source.is_none()
    }
}

impl<S: Stream> fmt::Debug for Pairwise<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pairwise").field("has_ended", &self.source.is_none()).finish_non_exhaustive()
    }
}
