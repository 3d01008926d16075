//! The latest of both, whenever one of them has a new one.

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
    /// The latest items of two streams, whenever one of them has a new one. The stream of
    /// [`FlowExt::combine_latest`](crate::stream::FlowExt::combine_latest).
    ///
    /// The operator of Rx, which is Kotlin's `combine`: for what is computed of two states. Nothing comes until both
    /// have given an item; items that were replaced before that are dropped, and [counted](Self::dropped). From then on
    /// a pair comes for each item. Where only one of both is to say when, there is
    /// [`with_latest_from`](crate::stream::FlowExt::with_latest_from); for more than two, combine again.
    ///
    /// # Order and ties
    ///
    /// Each item is given in a pair of its own, also where both are ready at once: they take turns, and the first
    /// stream begins.
    ///
    /// # At the end, on error, on drop
    ///
    /// It ends when both have, and at once where one ends that has given nothing, for no pair can come then. What has
    /// ended is dropped, and its latest item stays. An error is an item. Dropped, it drops both.
    ///
    /// # A slow reader
    ///
    /// While nobody polls, neither runs. What their sources have kept by the next poll comes pair by pair; to have the
    /// newest alone, put a [`conflate`](crate::stream::FlowExt::conflate) before each, or a `watch` channel.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next pair loses nothing: the latest items are in here.
    ///
    /// # Panics
    ///
    /// A panic of one of them goes on in whoever polls; that one is dropped, as if it had ended. A panic of a clone goes
    /// on too: the pair is lost, and nothing else.
    ///
    /// # Cost
    ///
    /// No allocation; a clone of both items for each pair. After 128 items that were ready in a row it yields, so that a
    /// timeout or a stop signal around the loop fires.
    #[must_use = "streams do nothing unless they are polled"]
    pub struct CombineLatest<A: Stream, B: Stream> {
        #[pin]
        first: Side<A>,
        #[pin]
        second: Side<B>,
        is_seconds_turn: bool,
        dropped: u64,
        budget: ReadyBudget,
    }
}

pin_project! {
    struct Side<S: Stream> {
        // `None` when it has ended.
        #[pin]
        source: Option<S>,
        latest: Option<S::Item>,
        // It is asked no more in this poll.
        waits: bool,
    }
}

/// Nothing has come of it, and nothing will.
struct Barren;

impl<S: Stream> Side<S> {
    const fn new(source: S) -> Self {
        Self { source: Some(source), latest: None, waits: false }
    }

    const fn has_ended(&self) -> bool {
        self.source.is_none()
    }

    fn end(self: Pin<&mut Self>) {
        let mut this = self.project();
        this.source.set(None);
        *this.latest = None;
    }

    /// Keeps its next item, if there is one now, as the latest, and says whether that replaces another.
    fn advance(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<Option<bool>, Barren> {
        let mut this = self.project();
        if *this.waits {
            return Ok(None);
        }
        let poll = poll_in_place(this.source.as_mut(), |source| source.poll_next(cx));
        let poll = poll.unwrap_or(Poll::Ready(None));
        if matches!(poll, Poll::Ready(None)) {
            this.source.set(None);
        }
        if let Poll::Ready(Some(item)) = poll {
            return Ok(Some(this.latest.replace(item).is_some()));
        }
        *this.waits = true;
        if this.source.is_none() && this.latest.is_none() { Err(Barren) } else { Ok(None) }
    }

    fn most(&self) -> Option<usize> {
        self.source.as_ref().map_or(Some(0), |source| source.size_hint().1)
    }
}

impl<A: Stream, B: Stream> CombineLatest<A, B> {
    pub(in crate::stream) const fn new(first: A, second: B) -> Self {
        Self {
            first: Side::new(first),
            second: Side::new(second),
            is_seconds_turn: false,
            dropped: 0,
            budget: ReadyBudget::new(),
        }
    }

    /// How many items were replaced before the other stream had any.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use futures::channel::mpsc;
    /// use futures::{FutureExt, StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let (rates, inbox) = mpsc::unbounded();
    /// let mut sums = stream::iter([1, 2, 3]).chain(stream::pending()).combine_latest(inbox);
    /// assert_eq!(sums.next().now_or_never(), None); // no rate yet
    /// rates.unbounded_send(10).unwrap();
    /// assert_eq!(sums.next().await, Some((3, 10)));
    /// assert_eq!(sums.dropped(), 2);
    /// # });
    /// ```
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// Advances the one whose turn it is, or the other if that has nothing: whether it was the first, and whether another item
/// was replaced.
fn next_of<A: Stream, B: Stream>(
    first: Pin<&mut Side<A>>,
    second: Pin<&mut Side<B>>,
    is_seconds_turn: bool,
    cx: &mut Context<'_>,
) -> Result<Option<(bool, bool)>, Barren> {
    let (of_first, of_second) = (|replaced| (true, replaced), |replaced| (false, replaced));
    if is_seconds_turn {
        match second.advance(cx)? {
            Some(replaced) => Ok(Some(of_second(replaced))),
            None => Ok(first.advance(cx)?.map(of_first)),
        }
    } else {
        match first.advance(cx)? {
            Some(replaced) => Ok(Some(of_first(replaced))),
            None => Ok(second.advance(cx)?.map(of_second)),
        }
    }
}

impl<A, B> Stream for CombineLatest<A, B>
where
    A: Stream<Item: Clone>,
    B: Stream<Item: Clone>,
{
    type Item = (A::Item, B::Item);

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        (*this.first.as_mut().project().waits, *this.second.as_mut().project().waits) = (false, false);
        loop {
            ready!(this.budget.poll_proceed(cx));
            let came = next_of(this.first.as_mut(), this.second.as_mut(), *this.is_seconds_turn, cx);
            let has_ended = this.first.has_ended() && this.second.has_ended();
            let (is_firsts, has_replaced) = match came {
                Ok(Some(came)) => came,
                Ok(None) if !has_ended => break,
                Ok(None) | Err(Barren) => {
                    this.first.end();
                    this.second.end();
                    return Poll::Ready(None);
                }
            };
            this.budget.spend();
            *this.is_seconds_turn = is_firsts;
            if let (Some(first), Some(second)) = (&this.first.latest, &this.second.latest) {
                return Poll::Ready(Some((first.clone(), second.clone())));
            }
            *this.dropped += u64::from(has_replaced);
        }
        this.budget.refill();
        probe::waiting(|| "one of two streams".to_owned());
        Poll::Pending
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (most, other_most) = (self.first.most(), self.second.most());
        (0, most.zip(other_most).and_then(|(most, other)| most.checked_add(other)))
    }
}

impl<A, B> FusedStream for CombineLatest<A, B>
where
    A: Stream<Item: Clone>,
    B: Stream<Item: Clone>,
{
    fn is_terminated(&self) -> bool {
        self.first.has_ended() && self.second.has_ended()
    }
}

impl<A: Stream, B: Stream> fmt::Debug for CombineLatest<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = (self.first.has_ended(), self.second.has_ended());
        f.debug_struct("CombineLatest")
            .field("ended", &ended)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}
