//! A buffer whose reader is told what it has missed.

use super::ahead::Ahead;
use super::queue::Queue;
use crate::channel::mpsc::Overflow;
use crate::limit::Limit;
use crate::stream::dropped::DropCount;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::error::Error;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// So many items were dropped here, for which there was no room: an item of
/// [`FlowExt::buffer_or_fail`](crate::stream::FlowExt::buffer_or_fail).
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use backstay_core::stream::{FlowExt, Overflowed};
/// use futures::{TryStreamExt, stream};
///
/// # futures::executor::block_on(async {
/// let kept = stream::iter(0..100).buffer_or_fail(Limit::new(2)?);
/// let error = kept.try_collect::<Vec<_>>().await.unwrap_err(); // where a gap is a failure
/// assert_eq!(error, Overflowed(98));
/// assert_eq!(error.to_string(), "98 items were dropped: the reader does not keep up");
/// # Ok::<(), backstay_core::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflowed(pub u64);

impl fmt::Display for Overflowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(lost) = self;
        let items = if *lost == 1 { "item was" } else { "items were" };
        write!(f, "{lost} {items} dropped: the reader does not keep up")
    }
}

impl Error for Overflowed {}

pin_project! {
    /// What is ready is taken at once, and where there is no room the reader is told: the stream of
    /// [`FlowExt::buffer_or_fail`](crate::stream::FlowExt::buffer_or_fail).
    ///
    /// It is a [`Buffer`](super::Buffer) that drops the newest, and in whose stream an error stands at the place of each
    /// gap, with how many items are missing there. What was kept before a gap comes before its error.
    ///
    /// **After an error it goes on**, as streams of results do: a gap may be no reason to stop, and what follows it is
    /// there. To stop at the first, as Reactor's `onBackpressureError` and Pekko's `OverflowStrategy.fail` do, read it
    /// with `?`, `try_next` or `process_results`.
    ///
    /// It runs only when it is polled; the end, cancel safety and cost are those of [`Buffer`](super::Buffer).
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc;
    /// use backstay_core::stream::{FlowExt, Overflowed};
    /// use futures::StreamExt;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, entries) = mpsc::channel(Limit::new(100)?);
    /// let mut entries = entries.buffer_or_fail(Limit::new(2)?);
    /// for number in 0..10 {
    ///     sender.send(number).await?; // while the reader does something else
    /// }
    /// drop(sender);
    /// let read: Vec<_> = entries.by_ref().collect().await;
    /// assert_eq!(read, [Ok(0), Ok(1), Err(Overflowed(8))]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    #[must_use = "streams do nothing unless you poll them"]
    pub struct BufferOrFail<S: Stream> {
        #[pin]
        ahead: Ahead<S>,
        // Each with how many are missing before it.
        queue: Queue<(u64, S::Item)>,
        // How many are missing behind the last in the queue.
        missing: u64,
        dropped: DropCount,
    }
}

impl<S: Stream> BufferOrFail<S> {
    pub(in crate::stream) fn new(source: S, limit: Limit) -> Self {
        Self {
            ahead: Ahead::new(source),
            queue: Queue::new(limit, Overflow::DropNewest),
            missing: 0,
            dropped: DropCount::default(),
        }
    }

    /// How many items were dropped so far; the reader may not have come to their error yet.
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
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let mut kept = stream::iter(0..100).buffer_or_fail(Limit::new(3)?);
    /// assert_eq!(kept.next().await, Some(Ok(0)));
    /// assert_eq!(kept.into_remainder(), [1, 2]); // without the gap behind them
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub fn into_remainder(self) -> Vec<S::Item> {
        self.queue.into_items().into_iter().map(|(_, item)| item).collect()
    }
}

impl<S: Stream> Stream for BufferOrFail<S> {
    type Item = Result<S::Item, Overflowed>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let (queue, missing, dropped) = (this.queue, this.missing, this.dropped);
        let taken = this.ahead.as_mut().poll_ahead(cx, true, |item| {
            match queue.push((*missing, item)) {
                None => *missing = 0,
                Some(lost) => {
                    *missing = missing.saturating_add(1);
                    dropped.count();
                    drop(lost);
                }
            }
            true
        });
        ready!(taken);
        // The gap before the next item, or before what is to come.
        let gap = mem::take(queue.front_mut().map_or(missing, |(gap, _)| gap));
        let next = if gap > 0 { Some(Err(Overflowed(gap))) } else { queue.pop().map(|(_, item)| Ok(item)) };
        this.ahead.poll_give(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.queue.size_hint(self.ahead.size_hint());
        let gaps = self.queue.iter().filter(|(gap, _)| *gap > 0).count() + usize::from(self.missing > 0);
        (least, most.and_then(|most| most.checked_add(gaps)))
    }
}

impl<S: Stream> FusedStream for BufferOrFail<S> {
    fn is_terminated(&self) -> bool {
        self.ahead.has_ended() && self.queue.is_empty() && self.missing == 0
    }
}

impl<S: Stream> fmt::Debug for BufferOrFail<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferOrFail")
            .field("len", &self.queue.len())
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}
