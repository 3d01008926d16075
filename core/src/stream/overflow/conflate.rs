//! What has come meanwhile, as one item.

use super::ahead::Ahead;
use crate::stream::dropped::DropCount;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// What is ready is folded together into one item: the stream of
    /// [`FlowExt::conflate`](crate::stream::FlowExt::conflate).
    ///
    /// Each poll takes from the source all that is ready, up to 128 items, and gives one: the function is called with
    /// what there is so far and the next, in order. Where only one is ready, that is given as it came: who keeps up
    /// notices nothing. (Pekko's `conflate`. Kotlin's, which keeps the last, is `conflate(|_, last| last)`, or a
    /// [`buffer`](crate::stream::FlowExt::buffer) of one that drops the oldest.) For another type than that of the
    /// items, `map` first.
    ///
    /// It runs only when it is polled: see [`Buffer`](super::Buffer).
    ///
    /// # The end
    ///
    /// What is there is given, then the end. Errors are items; to leave them out, conflate the values inside
    /// `process_results`.
    ///
    /// # Cancel safety
    ///
    /// Nothing is kept between two polls: dropping a future that waits for the next item loses nothing, nor does
    /// dropping the stream lose what it had taken.
    ///
    /// # Panics
    ///
    /// If the function does; the items it was called with are lost, and nothing else.
    ///
    /// # Cost
    ///
    /// A counter is allocated. After 128 items that were there at once it yields, so that a timeout or a stop signal
    /// around it fires.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::channel::mpsc;
    /// use backstay_core::stream::FlowExt;
    /// use backstay_core::{JoinHandle, Limit, Runtime};
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let (sender, bytes) = mpsc::channel(Limit::new(100).unwrap());
    ///     let network = rt.spawn({
    ///         let rt = rt.clone();
    ///         async move {
    ///             for _ in 0..10 {
    ///                 sender.send(100).await.unwrap();
    ///                 rt.sleep(Duration::from_millis(10)).await;
    ///             }
    ///         }
    ///     });
    ///     // A display that is slow, and is right all the same.
    ///     let mut progress = bytes.conflate(|sum, more| sum + more);
    ///     let mut shown = Vec::new();
    ///     while let Some(bytes) = progress.next().await {
    ///         shown.push(bytes);
    ///         rt.sleep(Duration::from_millis(35)).await;
    ///     }
    ///     assert_eq!(shown, [100, 300, 400, 200]);
    ///     assert_eq!(progress.conflated(), 6);
    ///     network.await.unwrap();
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use = "streams do nothing unless you poll them"]
    pub struct Conflate<S, F> {
        #[pin]
        ahead: Ahead<S>,
        fold: F,
        conflated: DropCount,
    }
}

impl<S: Stream, F> Conflate<S, F> {
    pub(in crate::stream) fn new(source: S, fold: F) -> Self {
        Self { ahead: Ahead::new(source), fold, conflated: DropCount::default() }
    }

    /// How many items were folded into others so far: as many fewer were given than came.
    pub fn conflated(&self) -> u64 {
        self.conflated.get()
    }

    /// How many items were folded into others so far, for whoever gives the stream away.
    pub fn conflate_count(&self) -> DropCount {
        self.conflated.clone()
    }
}

impl<S: Stream, F: FnMut(S::Item, S::Item) -> S::Item> Stream for Conflate<S, F> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        let (fold, conflated) = (this.fold, this.conflated);
        let mut folded = None;
        let taken = this.ahead.as_mut().poll_ahead(cx, true, |item| {
            folded = Some(match folded.take() {
                None => item,
                Some(before) => {
                    conflated.count();
                    fold(before, item)
                }
            });
            true
        });
        ready!(taken);
        this.ahead.poll_give(folded)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.ahead.size_hint();
        (least.min(1), most)
    }
}

impl<S: Stream, F: FnMut(S::Item, S::Item) -> S::Item> FusedStream for Conflate<S, F> {
    fn is_terminated(&self) -> bool {
        self.ahead.has_ended()
    }
}

impl<S: Stream, F> fmt::Debug for Conflate<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conflate").field("conflated", &self.conflated()).finish_non_exhaustive()
    }
}
