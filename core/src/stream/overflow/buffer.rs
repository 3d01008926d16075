//! A buffer in front of a slow reader.

use super::ahead::Ahead;
use super::queue::Queue;
use crate::channel::mpsc::Overflow;
use crate::limit::Limit;
use crate::stream::dropped::DropCount;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// What is ready is taken at once, and what there is no room for is up to a policy: the stream of
    /// [`FlowExt::buffer`](crate::stream::FlowExt::buffer).
    ///
    /// Each poll takes from the source all that is ready, up to 128 items, and gives the oldest that is kept.
    ///
    /// | [`Overflow`] | where there is no room | to be had |
    /// |---|---|---|
    /// | `Wait` | nothing more is taken: the source waits | everything |
    /// | `DropOldest` | the item that has been there for longest is dropped | what is new |
    /// | `DropNewest` | the item that has just come is dropped | what came first |
    ///
    /// What is dropped is counted: [`dropped`](Self::dropped), and [`drop_count`](Self::drop_count) for who gives the
    /// stream away.
    ///
    /// **It runs only when it is polled.** While its reader is busy it takes nothing, and what the source can't keep is
    /// lost there; so it is of use where the source has a queue of its own that is to be caught up with (a channel, a
    /// ticker that bursts, a socket), of which the reader wants the newest, or to know what it has missed. For a source
    /// that has to run on while its reader is busy, `spawned` runs it in a task, through a channel with the same
    /// policies.
    ///
    /// # The end
    ///
    /// What is kept is given, then the end. Errors are items, and may be dropped like others.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next item loses nothing. Dropping the stream drops what is kept; to have
    /// it, [`into_remainder`](Self::into_remainder).
    ///
    /// # Cost
    ///
    /// A queue, which grows with what is in it, and a counter: two allocations to begin with, and none for an item.
    /// After 128 items that were there at once it yields, so that a timeout or a stop signal around it fires.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc::{self, Overflow};
    /// use backstay_core::stream::FlowExt;
    /// use futures::StreamExt;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, degrees) = mpsc::channel(Limit::new(100)?);
    /// let mut newest = degrees.buffer(Limit::new(2)?, Overflow::DropOldest);
    /// for number in 0..10 {
    ///     sender.send(number).await?; // while the reader does something else
    /// }
    /// assert_eq!(newest.next().await, Some(8));
    /// assert_eq!(newest.next().await, Some(9));
    /// assert_eq!(newest.dropped(), 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    #[must_use = "streams do nothing unless you poll them"]
    pub struct Buffer<S: Stream> {
        #[pin]
        ahead: Ahead<S>,
        queue: Queue<S::Item>,
        dropped: DropCount,
    }
}

impl<S: Stream> Buffer<S> {
    pub(in crate::stream) fn new(source: S, limit: Limit, overflow: Overflow) -> Self {
        Self { ahead: Ahead::new(source), queue: Queue::new(limit, overflow), dropped: DropCount::default() }
    }

    /// How many items were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    /// How many items were dropped so far, for whoever gives the stream away.
    pub fn drop_count(&self) -> DropCount {
        self.dropped.clone()
    }

    /// The items that are kept, in order; the source is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc::Overflow;
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let mut last = stream::iter(0..100).buffer(Limit::new(3)?, Overflow::DropOldest);
    /// assert_eq!(last.next().await, Some(97));
    /// assert_eq!(last.into_remainder(), [98, 99]);
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub fn into_remainder(self) -> Vec<S::Item> {
        self.queue.into_items().into()
    }
}

impl<S: Stream> Stream for Buffer<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        let (queue, dropped) = (this.queue, this.dropped);
        let taken = this.ahead.as_mut().poll_ahead(cx, queue.wants_more(), |item| {
            if let Some(lost) = queue.push(item) {
                dropped.count();
                drop(lost);
            }
            queue.wants_more()
        });
        ready!(taken);
        this.ahead.poll_give(queue.pop())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.queue.size_hint(self.ahead.size_hint())
    }
}

impl<S: Stream> FusedStream for Buffer<S> {
    fn is_terminated(&self) -> bool {
        self.ahead.has_ended() && self.queue.is_empty()
    }
}

impl<S: Stream> fmt::Debug for Buffer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer")
            .field("len", &self.queue.len())
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}
