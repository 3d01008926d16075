//! The stream of one item, and none while it runs.

use crate::probe;
use crate::ready_budget::ReadyBudget;
use crate::stream::in_place::poll_in_place;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// One inner stream at a time, and items that come while it runs are dropped. The stream of
    /// [`FlowExt::exhaust_map`](crate::stream::FlowExt::exhaust_map).
    ///
    /// The operator of Rx (`exhaustMap`): for what must not begin again before it has ended, such as a form that is
    /// sent while somebody clicks on. [`dropped`](Self::dropped) counts the items that were dropped.
    ///
    /// # Order and ties
    ///
    /// The inner stream is looked at first in each poll. Where it ends at the instant at which the source has an item,
    /// that item begins the next one. While the inner stream has something ready, the source is not looked at. After
    /// 128 items that were ready in a row, those of the source and those that are given, it yields.
    ///
    /// # At the end, on error, on drop
    ///
    /// When the source ends, the inner stream goes on to its own end, and then this ends. An error is an item, inside
    /// and outside. Dropped, it drops both.
    ///
    /// # A slow reader
    ///
    /// While nobody polls, neither the source nor the inner stream runs. What a source has kept by the next poll
    /// counts as having come then: the first of it begins an inner stream if the one before has ended by that time.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next item loses nothing: both streams are in here, and go on in
    /// the next poll. Dropping this drops them.
    ///
    /// # Panics
    ///
    /// A panic of `f` or of a stream goes on in whoever polls; the item that `f` was given is lost, an inner stream
    /// that has panicked is gone, and the source goes on after it.
    ///
    /// # Cost
    ///
    /// No allocation. Its size is that of both streams.
    #[must_use = "streams do nothing unless they are polled"]
    pub struct ExhaustMap<S, F, T> {
        // `None` when it has ended.
        #[pin]
        source: Option<S>,
        f: F,
        #[pin]
        inner: Option<T>,
        dropped: u64,
        budget: ReadyBudget,
    }
}

impl<S, F, T> ExhaustMap<S, F, T> {
    pub(in crate::stream) const fn new(source: S, f: F) -> Self {
        Self { source: Some(source), f, inner: None, dropped: 0, budget: ReadyBudget::new() }
    }

    /// How many items came while an inner stream was running.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    /// use std::{pin::pin, time::Duration};
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let send = |click| {
    ///         let nap = rt.sleep(Duration::from_millis(100));
    ///         stream::once(async move { nap.await; click })
    ///     };
    ///     let mut sent = pin!(stream::iter(["first", "second", "third"]).exhaust_map(send));
    ///     assert_eq!(sent.next().await, Some("first"));
    ///     assert_eq!(sent.next().await, None);
    ///     sent.dropped()
    /// })?;
    /// assert_eq!(run.value, 2);
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl<S, F, T> Stream for ExhaustMap<S, F, T>
where
    S: Stream,
    F: FnMut(S::Item) -> T,
    T: Stream,
{
    type Item = T::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T::Item>> {
        let mut this = self.project();
        // The inner stream is pending in this poll, and only the source is asked.
        let mut is_asked = false;
        loop {
            ready!(this.budget.poll_proceed(cx));
            if !is_asked && let Some(poll) = poll_in_place(this.inner.as_mut(), |inner| inner.poll_next(cx)) {
                match poll {
                    Poll::Ready(Some(item)) => {
                        this.budget.spend();
                        return Poll::Ready(Some(item));
                    }
                    Poll::Ready(None) => this.inner.set(None),
                    Poll::Pending => is_asked = true,
                }
            }
            let Some(source) = this.source.as_mut().as_pin_mut() else {
                if this.inner.is_none() {
                    return Poll::Ready(None);
                }
                this.budget.refill();
                probe::waiting(|| "the last stream of an exhaust_map".to_owned());
                return Poll::Pending;
            };
            match source.poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    this.budget.spend();
                    if is_asked {
                        *this.dropped += 1;
                    } else {
                        this.inner.set(Some((this.f)(item)));
                    }
                }
                Poll::Ready(None) => this.source.set(None),
                Poll::Pending => {
                    this.budget.refill();
                    probe::waiting(|| match *this.inner {
                        Some(_) => "the stream of an exhaust_map".to_owned(),
                        None => "the source of an exhaust_map".to_owned(),
                    });
                    return Poll::Pending;
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let inner = self.inner.as_ref().map_or((0, Some(0)), Stream::size_hint);
        match self.source.as_ref().map(Stream::size_hint) {
            None | Some((_, Some(0))) => inner,
            Some(_) => (inner.0, None),
        }
    }
}

impl<S, F, T> FusedStream for ExhaustMap<S, F, T>
where
    S: Stream,
    F: FnMut(S::Item) -> T,
    T: Stream,
{
    fn is_terminated(&self) -> bool {
        self.source.is_none() && self.inner.is_none()
    }
}

impl<S, F, T> fmt::Debug for ExhaustMap<S, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExhaustMap")
            .field("source_has_ended", &self.source.is_none())
            .field("has_inner", &self.inner.is_some())
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}
