//! One stream after the other, out of one.

mod parts;
mod slot;

use crate::probe;
use crate::runtime::Runtime;
use crate::stream::batch::{BatchConfig, Unweighted, Weigh};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use parts::{Parts, Step};
use slot::Slot;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A stream in parts that follow each other, each of which is a stream. The stream of
/// [`FlowExt::window`](crate::stream::FlowExt::window).
///
/// The operator of Rx, with the bounds of a [`batch`](crate::stream::FlowExt::batch): a window is over when it has so
/// many items, when the next would make it too heavy, or when its time is over, which begins with its first item. None
/// is empty. Where a batch keeps its items until it is over, a window gives each as it comes: for sums over what need
/// not be kept, and for what is written while it comes, such as a file for each hour.
///
/// # Order and backpressure
///
/// **One window at a time**: whoever has it reads the source through it, and the next begins when it is over. So they
/// are read one after the other, in a loop in a loop. Where a body goes on after its window's end, with
/// [`each_concurrent`](crate::stream::FlowExt::each_concurrent) for one, the next begins meanwhile. The source waits for
/// whoever reads.
///
/// A window that is dropped is over: nothing is lost, and the next begins with the next item.
///
/// # Time
///
/// An item that is there at the very instant at which the time is over is the window's last. Time that passes while
/// nobody reads counts: an item that is taken later than that begins the next window.
///
/// # At the end, on error, on drop
///
/// With its source the last window ends, and then this. An error is an item. Dropped while a window is read, it leaves
/// that its source, to the window's end.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next window or the next item loses nothing.
///
/// # Panics
///
/// A panic of the source goes on in whoever polls, and it has ended then; one of the function that weighs costs its item.
///
/// # Cost
///
/// Two allocations to begin with, and one for the timer where there is a time; none for a window or an item. With a time,
/// the clock is read once for each item.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Limit;
/// use backstay_core::stream::{BatchConfig, FlowExt};
/// use backstay_core::time::ticker;
/// use futures::StreamExt;
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let ticks = ticker(&rt, Duration::from_millis(300)).build().unwrap().take(9);
///     let second = BatchConfig::new(Limit::MAX).within(Duration::from_secs(1));
///     let mut seconds = ticks.window(&rt, second);
///     let mut counts = Vec::new();
///     while let Some(second) = seconds.next().await {
///         counts.push(second.count().await); // no tick is kept
///     }
///     counts
/// })?;
/// assert_eq!(run.value, [4, 4, 1]);
/// # Ok::<(), Failure>(())
/// ```
#[must_use = "streams do nothing unless they are polled"]
pub struct Windows<S: Stream, R: Runtime, W = Unweighted> {
    // Here, or in the window that is read, or in the slot once that is over.
    parts: Option<Pin<Box<Parts<S, R, W>>>>,
    slot: Arc<Slot<Parts<S, R, W>>>,
    has_ended: bool,
}

/// A part of a stream, itself one: an item of [`Windows`].
///
/// # Cancel safety
///
/// Dropping a future that waits for the next item loses nothing. Dropped itself, it is over.
#[must_use = "dropped, it is over"]
pub struct Window<S: Stream, R: Runtime, W = Unweighted> {
    // `None` when it is over.
    parts: Option<Pin<Box<Parts<S, R, W>>>>,
    slot: Arc<Slot<Parts<S, R, W>>>,
}

impl<S: Stream, R: Runtime, W> Windows<S, R, W> {
    pub(in crate::stream) fn new(source: S, rt: &R, config: BatchConfig<W>) -> Self {
        let (bounds, weigh) = config.parts();
        let parts = Some(Box::pin(Parts::new(source, rt, bounds, weigh)));
        Self { parts, slot: Arc::new(Slot::new()), has_ended: false }
    }
}

impl<S: Stream, R: Runtime, W: Weigh<S::Item>> Stream for Windows<S, R, W> {
    type Item = Window<S, R, W>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.has_ended {
            return Poll::Ready(None);
        }
        let parts = match &mut this.parts {
            Some(parts) => parts,
            lent => {
                let Poll::Ready(back) = this.slot.poll_back(cx) else {
                    probe::waiting(|| "the end of a window that is read".to_owned());
                    return Poll::Pending;
                };
                lent.insert(back)
            }
        };
        if ready!(parts.as_mut().poll_begin(cx)) {
            return Poll::Ready(Some(Window { parts: this.parts.take(), slot: Arc::clone(&this.slot) }));
        }
        this.has_ended = true;
        this.parts = None;
        Poll::Ready(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.parts {
            Some(parts) => {
                let (least, most) = parts.size_hint();
                (least.min(1), most)
            }
            None if self.has_ended => (0, Some(0)),
            None => (0, None),
        }
    }
}

impl<S: Stream, R: Runtime, W> Window<S, R, W> {
    fn end(&mut self) {
        if let Some(parts) = self.parts.take() {
            self.slot.give_back(parts);
        }
    }
}

impl<S: Stream, R: Runtime, W: Weigh<S::Item>> Stream for Window<S, R, W> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let Some(parts) = &mut self.parts else { return Poll::Ready(None) };
        let item = match ready!(parts.as_mut().poll_step(cx)) {
            Step::Item(item) => return Poll::Ready(Some(item)),
            Step::Last(item) => Some(item),
            Step::Over => None,
        };
        self.end();
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.parts {
            Some(parts) => {
                let (_, most) = parts.size_hint();
                (0, most)
            }
            None => (0, Some(0)),
        }
    }
}

impl<S: Stream, R: Runtime, W> Drop for Window<S, R, W> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<S: Stream, R: Runtime, W> Drop for Windows<S, R, W> {
    fn drop(&mut self) {
        self.slot.leave();
    }
}

impl<S: Stream, R: Runtime, W: Weigh<S::Item>> FusedStream for Windows<S, R, W> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<S: Stream, R: Runtime, W: Weigh<S::Item>> FusedStream for Window<S, R, W> {
    fn is_terminated(&self) -> bool {
        self.parts.is_none()
    }
}

impl<S: Stream, R: Runtime, W> fmt::Debug for Windows<S, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Windows").field("has_ended", &self.has_ended).finish_non_exhaustive()
    }
}

impl<S: Stream, R: Runtime, W> fmt::Debug for Window<S, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").field("is_over", &self.parts.is_none()).finish_non_exhaustive()
    }
}
