//! Each item with the latest of another stream.

use crate::probe;
use crate::ready_budget::ReadyBudget;
use crate::stream::in_place::poll_in_place;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// How many items of the other stream are taken in one poll.
const AT_ONCE: usize = 128;

pin_project! {
    /// Each item with the latest of another stream. The stream of
    /// [`FlowExt::with_latest_from`](crate::stream::FlowExt::with_latest_from).
    ///
    /// The operator of Rx: for events that are to be seen with a state as it is then. The source alone says when; an item
    /// of the other stream makes nothing come. Items that come before the other has given any are dropped, and
    /// [counted](Self::dropped).
    ///
    /// # Order and ties
    ///
    /// The other stream is looked at first in each poll, and of what it has ready, up to 128 items, the last is the
    /// latest: an item that comes at the same instant has it.
    ///
    /// # At the end, on error, on drop
    ///
    /// It ends with its source. Where the other ends, its latest item stays; if it has given none, everything is dropped
    /// until the source ends. An error is an item. Dropped, it drops both.
    ///
    /// # A slow reader
    ///
    /// While nobody polls, neither runs: an item is seen with what is the latest when it is taken, not when it came.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next item loses nothing: the latest item is in here.
    ///
    /// # Panics
    ///
    /// A panic of one of them goes on in whoever polls; that one is dropped, as if it had ended. A panic of the latest
    /// item's `clone` goes on too, and the item is lost.
    ///
    /// # Cost
    ///
    /// No allocation; a clone of the latest item for each that is given. After 128 items that were ready in a row, those
    /// that are dropped too, it yields.
    #[must_use = "streams do nothing unless they are polled"]
    pub struct WithLatestFrom<S, O: Stream> {
        // `None` when it has ended.
        #[pin]
        source: Option<S>,
        #[pin]
        other: Option<O>,
        latest: Option<O::Item>,
        dropped: u64,
        budget: ReadyBudget,
    }
}

impl<S, O: Stream> WithLatestFrom<S, O> {
    pub(in crate::stream) const fn new(source: S, other: O) -> Self {
        Self {
            source: Some(source),
            other: Some(other),
            latest: None,
            dropped: 0,
            budget: ReadyBudget::new(),
        }
    }

    /// How many items came before the other stream had any.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use futures::channel::mpsc;
    /// use futures::{FutureExt, StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let (clicks, inbox) = mpsc::unbounded();
    /// let (pages, shown) = mpsc::unbounded();
    /// let mut seen = inbox.with_latest_from(shown);
    /// clicks.unbounded_send('a').unwrap();
    /// assert_eq!(seen.next().now_or_never(), None); // no page yet
    /// pages.unbounded_send("home").unwrap();
    /// clicks.unbounded_send('b').unwrap();
    /// assert_eq!(seen.next().await, Some(('b', "home")));
    /// assert_eq!(seen.dropped(), 1);
    /// # });
    /// ```
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl<S, O> Stream for WithLatestFrom<S, O>
where
    S: Stream,
    O: Stream<Item: Clone>,
{
    type Item = (S::Item, O::Item);

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if this.source.is_none() {
            // What is left where the source has panicked.
            this.other.set(None);
            *this.latest = None;
            return Poll::Ready(None);
        }
        ready!(this.budget.poll_proceed(cx));
        let mut has_more = false;
        for taken in 1..=AT_ONCE {
            match poll_in_place(this.other.as_mut(), |other| other.poll_next(cx)) {
                Some(Poll::Ready(Some(item))) => {
                    *this.latest = Some(item);
                    has_more = taken == AT_ONCE;
                }
                Some(Poll::Ready(None)) => {
                    this.other.set(None);
                    break;
                }
                Some(Poll::Pending) | None => break,
            }
        }
        loop {
            let poll = poll_in_place(this.source.as_mut(), |source| source.poll_next(cx));
            let poll = poll.unwrap_or(Poll::Ready(None));
            this.budget.note(&poll);
            match poll {
                Poll::Ready(Some(item)) => {
                    if let Some(latest) = this.latest.as_ref() {
                        return Poll::Ready(Some((item, latest.clone())));
                    }
                    *this.dropped += 1;
                    ready!(this.budget.poll_proceed(cx));
                }
                Poll::Ready(None) => {
                    this.source.set(None);
                    this.other.set(None);
                    *this.latest = None;
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    if has_more {
                        cx.waker().wake_by_ref();
                    }
                    probe::waiting(|| "the source of a with_latest_from".to_owned());
                    return Poll::Pending;
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.source.as_ref().map_or((0, Some(0)), Stream::size_hint);
        (if self.latest.is_some() { least } else { 0 }, most)
    }
}

impl<S, O> FusedStream for WithLatestFrom<S, O>
where
    S: Stream,
    O: Stream<Item: Clone>,
{
    fn is_terminated(&self) -> bool {
        self.source.is_none()
    }
}

impl<S, O: Stream> fmt::Debug for WithLatestFrom<S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithLatestFrom")
            .field("ended", &(self.source.is_none(), self.other.is_none()))
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}
