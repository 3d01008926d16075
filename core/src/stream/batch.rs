//! Batches by count, time and weight (recipe 3.7).

mod config;
#[cfg(feature = "serde")]
mod file;
mod window;

pub use config::{BatchConfig, Unweighted, Weigh};
pub(super) use window::Bounds;

use super::alarm::Alarm;
use crate::ready_budget::ReadyBudget;
use crate::runtime::Runtime;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use window::Window;

pin_project! {
    /// Batches of a stream's items: the stream of [`FlowExt::batch`](super::FlowExt::batch).
    ///
    /// A batch is a `Vec`, and never empty. It is given when it is full, by count or by weight, or when its time is over,
    /// whichever comes first. Its time begins with its first item: where nothing comes, no timer runs, and no empty
    /// batches are given. Without a [time](BatchConfig::within), an incomplete batch waits for more.
    ///
    /// # Time
    ///
    /// An item that is there at the very instant at which the time is over is the batch's last. Time that passes while
    /// nobody polls counts; items are taken from the source only in a poll, so that of a reader who comes late the batch
    /// that is due has one item more at most, and the others begin the next.
    ///
    /// A source that is always ready is given up to no more than other sources: the clock is read as often as the
    /// items' own pace asks for, at least each 32nd item. So a batch is late by no more than its next item where items
    /// are slow, and by 32 items where they have suddenly become so.
    ///
    /// # Weight
    ///
    /// No batch weighs more than its limit, but for one of a single item that does so alone: an item that doesn't go in
    /// any more ends the batch and begins the next. (Pekko's `groupedWeightedWithin` has the same rule.)
    ///
    /// # The end
    ///
    /// At the source's end the last batch is given as it is, then the end. Errors are items; to drop what came before
    /// one, batch the values inside `process_results`.
    ///
    /// # Slow readers
    ///
    /// There is never more than one batch, and the item that did not go into it any more. The source waits.
    ///
    /// After 128 items that were there at once it yields, so that a timeout or a stop signal around it fires; an
    /// incomplete batch stays.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next batch loses nothing: the incomplete batch stays. Dropping the stream
    /// drops it; to have it, [`into_remainder`](Batch::into_remainder), or [`take_remainder`](Batch::take_remainder) of
    /// a stream that is pinned.
    ///
    /// # Panics
    ///
    /// If the function that weighs does; its item is lost, and nothing else.
    ///
    /// # Cost
    ///
    /// One `Vec` a batch, which grows with what is in it, and begins with room for as many as the batch before had, up
    /// to 16 KiB. One timer, made when it has to wait for the first time, which is an allocation, and then moved; two readings of the clock a batch of ready items,
    /// and one each 32 items; one a batch of items that are waited for.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::stream::{BatchConfig, FlowExt};
    /// use backstay_core::{Limit, time::ticker};
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let second = Duration::from_secs(1);
    ///     let numbers = ticker(&rt, second).build().unwrap().enumerate().map(|(number, _)| number);
    ///     let three = BatchConfig::new(Limit::new(3).unwrap());
    ///     let batches = numbers.take(8).batch(&rt, three.within(Duration::from_millis(1500)));
    ///     let batches: Vec<_> = batches.collect().await;
    ///     // The time is over half a second after the second item.
    ///     assert_eq!(batches, [vec![0, 1], vec![2, 3], vec![4, 5], vec![6, 7]]);
    ///
    ///     let numbers = futures::stream::iter(0..8);
    ///     let batches: Vec<_> = numbers.batch(&rt, three).collect().await;
    ///     assert_eq!(batches, [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7]]);
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use = "streams do nothing unless you poll them"]
    pub struct Batch<S: Stream, R: Runtime, W = Unweighted> {
        #[pin]
        source: S,
        rt: R,
        alarm: Alarm<R>,
        window: Window<S::Item>,
        weigh: W,
        budget: ReadyBudget,
        // The source's end.
        has_ended: bool,
    }
}

impl<S: Stream, R: Runtime, W> Batch<S, R, W> {
    pub(super) fn new(source: S, rt: &R, config: BatchConfig<W>) -> Self {
        let window = Window::new(config.bounds);
        Self {
            source,
            rt: rt.clone(),
            alarm: Alarm::new(),
            window,
            weigh: config.weigh,
            budget: ReadyBudget::new(),
            has_ended: false,
        }
    }

    /// The items of the batch that is not given yet, in order; the source is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::stream::{BatchConfig, FlowExt};
    /// use backstay_core::{Limit, Runtime};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let orders = stream::iter([1, 2, 3]).chain(stream::pending());
    ///     let mut batches = orders.batch(&rt, BatchConfig::new(Limit::new(100).unwrap()));
    ///     assert!(rt.timeout(Duration::from_secs(1), batches.next()).await.is_err());
    ///     assert_eq!(batches.into_remainder(), [1, 2, 3]); // stopped in time, and nothing is lost
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn into_remainder(self) -> Vec<S::Item> {
        self.window.into_items()
    }

    /// As [`into_remainder`](Self::into_remainder), where the stream is pinned: takes the items out, and the next batch
    /// begins without them.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::channel::mpsc;
    /// use backstay_core::stream::{BatchConfig, FlowExt};
    /// use backstay_core::{Limit, Runtime};
    /// use futures::StreamExt;
    /// use std::{pin::pin, time::Duration};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let hundred = Limit::new(100).unwrap();
    ///     let (sender, orders) = mpsc::channel(hundred);
    ///     let mut batches = pin!(orders.batch(&rt, BatchConfig::new(hundred)));
    ///     sender.try_send(1).unwrap();
    ///     sender.try_send(2).unwrap();
    ///     assert!(rt.timeout(Duration::from_secs(1), batches.next()).await.is_err());
    ///     assert_eq!(batches.as_mut().take_remainder(), [1, 2]); // flushed by hand
    ///     sender.try_send(3).unwrap();
    ///     drop(sender);
    ///     assert_eq!(batches.next().await, Some(vec![3]));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn take_remainder(self: Pin<&mut Self>) -> Vec<S::Item> {
        self.project().window.take()
    }
}

impl<S: Stream, R: Runtime, W: Weigh<S::Item>> Stream for Batch<S, R, W> {
    type Item = Vec<S::Item>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<S::Item>>> {
        let mut this = self.project();
        let window = this.window;
        loop {
            if *this.has_ended || window.is_full() {
                return Poll::Ready(window.take_some());
            }
            if this.budget.poll_proceed(cx).is_pending() {
                window.yields();
                return Poll::Pending;
            }
            match this.source.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    this.budget.spend();
                    let weight = this.weigh.weigh(&item);
                    let due = match window.wants_time_first() && window.look(this.rt.now()) {
                        true => window.take_some(),
                        false => None,
                    };
                    let full = window.push(item, weight).or(due);
                    let is_due = window.wants_time() && window.look(this.rt.now());
                    if full.is_some() {
                        return Poll::Ready(full);
                    }
                    if is_due {
                        return Poll::Ready(window.take_some());
                    }
                }
                Poll::Ready(None) => *this.has_ended = true,
                Poll::Pending => {
                    this.budget.refill();
                    let Some(ends_at) = window.ends_at() else { return Poll::Pending };
                    if !window.ends_at_once() {
                        ready!(this.alarm.poll_until(this.rt, ends_at, cx));
                    }
                    return Poll::Ready(window.take_some());
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.has_ended {
            return self.window.batches((0, Some(0)));
        }
        self.window.batches(self.source.size_hint())
    }
}

impl<S: Stream, R: Runtime, W: Weigh<S::Item>> FusedStream for Batch<S, R, W> {
    fn is_terminated(&self) -> bool {
        self.has_ended && self.window.is_empty()
    }
}

impl<S: Stream, R: Runtime, W> fmt::Debug for Batch<S, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("len", &self.window.len()).finish_non_exhaustive()
    }
}
