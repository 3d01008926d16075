//! A stream that a token ends.

use crate::ready_budget::ReadyBudget;
use crate::task::{CancelReason, CancelToken, CancelledOwned};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A stream until a token is cancelled: it ends then. The stream of
    /// [`FlowExt::until`](crate::stream::FlowExt::until).
    ///
    /// Rx's and Reactor's `takeUntil`, with a [`CancelToken`] that says when, and [why](Self::reason).
    ///
    /// # Order and ties
    ///
    /// **The token comes first**: each poll looks at it before the source. Once it is cancelled no further item is
    /// given, also where one is ready, and a source that was never polled never is. After 128 items that were ready in
    /// a row it yields, so that what cancels the token has its turn in the same thread.
    ///
    /// # At the end, on error, on drop
    ///
    /// When the token is cancelled, the source is dropped in the next poll, before the end is given; what it has kept
    /// goes with it. It also ends with its source. An error is an item. Dropped, it drops the source.
    ///
    /// # A slow reader
    ///
    /// While nobody polls, nothing happens, and the source of a token that is cancelled meanwhile is there until the
    /// next poll.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next item loses nothing: the source is in here, and goes on in the
    /// next poll. Dropping this drops it.
    ///
    /// # Cost
    ///
    /// A load of the token for each item; below a [deadline](CancelToken::with_deadline) a reading of the clock. What
    /// it costs to wait is said [there](CancelToken::cancelled).
    #[must_use = "streams do nothing unless they are polled"]
    pub struct Until<S> {
        #[pin]
        source: Option<S>,
        token: CancelToken,
        // `None` when it has ended: nothing is left with the token.
        waiting: Option<CancelledOwned>,
        is_cut_off: bool,
        budget: ReadyBudget,
    }
}

impl<S> Until<S> {
    pub(in crate::stream) fn new(source: S, token: CancelToken) -> Self {
        let waiting = Some(token.clone().cancelled_owned());
        Self { source: Some(source), token, waiting, is_cut_off: false, budget: ReadyBudget::new() }
    }

    /// Why the token ended it; `None` as long as it has not ended, and if it ended with its source.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use backstay_core::task::{CancelReason, CancelToken};
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let token = CancelToken::new();
    /// let mut numbers = stream::iter(1..).until(token.clone());
    /// assert_eq!(numbers.next().await, Some(1));
    /// assert_eq!(numbers.reason(), None);
    /// token.cancel();
    /// assert_eq!(numbers.next().await, None);
    /// assert_eq!(numbers.reason(), Some(CancelReason::Explicit));
    ///
    /// let mut short = stream::iter([1]).until(CancelToken::new());
    /// assert_eq!(short.by_ref().count().await, 1);
    /// assert_eq!(short.reason(), None); // its own end
    /// # });
    /// ```
    pub fn reason(&self) -> Option<CancelReason> {
        if self.is_cut_off { self.token.reason() } else { None }
    }
}

impl<S: Stream> Stream for Until<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        let (Some(source), Some(waiting)) = (this.source.as_mut().as_pin_mut(), &mut this.waiting) else {
            return Poll::Ready(None);
        };
        *this.is_cut_off = this.token.is_cancelled();
        if !*this.is_cut_off {
            ready!(this.budget.poll_proceed(cx));
            let poll = source.poll_next(cx);
            this.budget.note(&poll);
            match poll {
                Poll::Ready(None) => {}
                Poll::Ready(item) => return Poll::Ready(item),
                Poll::Pending => {
                    ready!(Pin::new(waiting).poll(cx));
                    *this.is_cut_off = true;
                }
            }
        }
        *this.waiting = None;
        this.source.set(None);
        Poll::Ready(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.source.as_ref().map_or(Some(0), |source| source.size_hint().1))
    }
}

impl<S: Stream> FusedStream for Until<S> {
    fn is_terminated(&self) -> bool {
        self.source.is_none()
    }
}

impl<S> fmt::Debug for Until<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Until")
            .field("token", &self.token)
            .field("has_ended", &self.source.is_none())
            .finish_non_exhaustive()
    }
}
