//! The stream of the latest item.

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
    /// The stream of the latest item only: a new item of the source drops the inner stream of the one before, and `f`
    /// makes the next. The stream of [`FlowExt::switch_map`](crate::stream::FlowExt::switch_map).
    ///
    /// The operator of Rx (`switchMap`) and Kotlin (`flatMapLatest`): for answers that a newer question makes
    /// worthless, such as a search while somebody types. [`dropped`](Self::dropped) counts the streams that a newer
    /// item has cut off.
    ///
    /// # Order and ties
    ///
    /// The source is looked at first in each poll. Where it has an item, the inner stream is dropped, **then** `f` is
    /// called, and what it gives is polled at once: so an inner stream that has something ready gives one item at
    /// least, also where the source has the next item already; and where both have one at the same instant, the inner
    /// stream's is dropped with it. After 128 items that were ready in a row, those of the source and those that are
    /// given, it yields.
    ///
    /// # At the end, on error, on drop
    ///
    /// When the source ends, its last inner stream goes on to its own end, and then this ends. An error is an item,
    /// inside and outside. Dropped, it drops both.
    ///
    /// # A slow reader
    ///
    /// While nobody polls, neither the source nor the inner stream runs. At the next poll a new item of the source
    /// comes before what the inner stream has ready: nothing that is out of date is given. A source that
    /// gives others a turn, as a channel does after 128 items, has none in that poll: then it is the inner stream's turn.
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
    pub struct SwitchMap<S, F, T> {
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

impl<S, F, T> SwitchMap<S, F, T> {
    pub(in crate::stream) const fn new(source: S, f: F) -> Self {
        Self { source: Some(source), f, inner: None, dropped: 0, budget: ReadyBudget::new() }
    }

    /// How many inner streams were dropped before they were known to have ended.
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
    ///     let search = |text| {
    ///         let nap = rt.sleep(Duration::from_millis(100));
    ///         stream::once(async move { nap.await; text })
    ///     };
    ///     let mut answers = pin!(stream::iter(["b", "ba", "back"]).switch_map(search));
    ///     assert_eq!(answers.next().await, Some("back"));
    ///     assert_eq!(answers.next().await, None);
    ///     answers.dropped()
    /// })?;
    /// assert_eq!(run.value, 2); // those for "b" and "ba"
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl<S, F, T> Stream for SwitchMap<S, F, T>
where
    S: Stream,
    F: FnMut(S::Item) -> T,
    T: Stream,
{
    type Item = T::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T::Item>> {
        let mut this = self.project();
        // The inner stream is pending in this poll.
        let mut is_asked = false;
        loop {
            ready!(this.budget.poll_proceed(cx));
            let mut is_dry = true;
            if let Some(source) = this.source.as_mut().as_pin_mut() {
                match source.poll_next(cx) {
                    Poll::Ready(Some(item)) => {
                        *this.dropped += u64::from(this.inner.is_some());
                        this.inner.set(None);
                        this.inner.set(Some((this.f)(item)));
                        this.budget.spend();
                        (is_asked, is_dry) = (false, false);
                    }
                    Poll::Ready(None) => this.source.set(None),
                    Poll::Pending => {}
                }
            }
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
            if this.source.is_none() && this.inner.is_none() {
                return Poll::Ready(None);
            }
            if is_dry {
                this.budget.refill();
                probe::waiting(|| match *this.inner {
                    Some(_) => "the latest stream of a switch_map".to_owned(),
                    None => "the source of a switch_map".to_owned(),
                });
                return Poll::Pending;
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let inner = self.inner.as_ref().map_or((0, Some(0)), Stream::size_hint);
        match self.source.as_ref().map(Stream::size_hint) {
            None | Some((_, Some(0))) => inner,
            Some(_) => (0, None),
        }
    }
}

impl<S, F, T> FusedStream for SwitchMap<S, F, T>
where
    S: Stream,
    F: FnMut(S::Item) -> T,
    T: Stream,
{
    fn is_terminated(&self) -> bool {
        self.source.is_none() && self.inner.is_none()
    }
}

impl<S, F, T> fmt::Debug for SwitchMap<S, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwitchMap")
            .field("source_has_ended", &self.source.is_none())
            .field("has_inner", &self.inner.is_some())
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}
