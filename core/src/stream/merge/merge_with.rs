//! Two streams as one, by turns.

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
    /// The stream of [`FlowExt::merge_with`](crate::stream::FlowExt::merge_with).
    ///
    /// Items come as they are there; each stream's own in its order.
    ///
    /// # Fairness
    ///
    /// Who has given an item is looked at last for the next: where both have one ready, they take turns, and the first
    /// stream begins. After 128 items that were ready in a row it is pending once, so that a timeout or a stop signal
    /// around the loop fires.
    ///
    /// # The end
    ///
    /// It ends when both have; each is dropped at its own end. An item that is an error is an item like any other.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next item loses nothing. Dropping the stream drops both.
    ///
    /// # Panics
    ///
    /// A panic of one of them goes on in who polls this; that one is dropped, and the other stays.
    ///
    /// # Cost
    ///
    /// No allocation. Both are polled when either was woken: chained for many, each wake would poll them all, which is
    /// what [`MergeSet`](super::MergeSet) is there for.
    #[must_use = "streams do nothing unless they are polled"]
    pub struct MergeWith<A, B> {
        // None when it has ended.
        #[pin]
        first: Option<A>,
        #[pin]
        second: Option<B>,
        is_seconds_turn: bool,
        budget: ReadyBudget,
    }
}

impl<A, B> MergeWith<A, B> {
    pub(crate) const fn new(first: A, second: B) -> Self {
        Self { first: Some(first), second: Some(second), is_seconds_turn: false, budget: ReadyBudget::new() }
    }
}

impl<A, B> Stream for MergeWith<A, B>
where
    A: Stream,
    B: Stream<Item = A::Item>,
{
    type Item = A::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<A::Item>> {
        let this = self.project();
        ready!(this.budget.poll_proceed(cx));
        let poll = if *this.is_seconds_turn {
            by_turns(this.second, this.first, cx)
        } else {
            by_turns(this.first, this.second, cx)
        };
        match poll {
            Poll::Ready(Some((turn, item))) => {
                // Who comes after the one that has given this.
                *this.is_seconds_turn ^= turn == Turn::Own;
                this.budget.spend();
                Poll::Ready(Some(item))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                this.budget.refill();
                probe::waiting(|| "one of two streams".to_owned());
                Poll::Pending
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = hint(&self.first);
        let (other_least, other_most) = hint(&self.second);
        let most = most.zip(other_most).and_then(|(most, other)| most.checked_add(other));
        (least.saturating_add(other_least), most)
    }
}

/// Whose item it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Own,
    Others,
}

/// An item of the one whose turn it is, or else of the other.
#[inline(always)]
fn by_turns<A, B>(
    own: Pin<&mut Option<A>>,
    other: Pin<&mut Option<B>>,
    cx: &mut Context<'_>,
) -> Poll<Option<(Turn, A::Item)>>
where
    A: Stream,
    B: Stream<Item = A::Item>,
{
    let has_ended = match poll_until_end(own, cx) {
        Poll::Ready(Some(item)) => return Poll::Ready(Some((Turn::Own, item))),
        poll => poll.is_ready(),
    };
    match poll_until_end(other, cx) {
        Poll::Ready(Some(item)) => Poll::Ready(Some((Turn::Others, item))),
        Poll::Ready(None) if has_ended => Poll::Ready(None),
        Poll::Ready(None) | Poll::Pending => Poll::Pending,
    }
}

#[inline(always)]
fn poll_until_end<S: Stream>(mut stream: Pin<&mut Option<S>>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
    let poll = poll_in_place(stream.as_mut(), |running| running.poll_next(cx));
    let item = ready!(poll.unwrap_or(Poll::Ready(None)));
    if item.is_none() {
        stream.set(None);
    }
    Poll::Ready(item)
}

fn hint<S: Stream>(stream: &Option<S>) -> (usize, Option<usize>) {
    stream.as_ref().map_or((0, Some(0)), Stream::size_hint)
}

impl<A, B> FusedStream for MergeWith<A, B>
where
    A: Stream,
    B: Stream<Item = A::Item>,
{
    fn is_terminated(&self) -> bool {
        self.first.is_none() && self.second.is_none()
    }
}

impl<A, B> fmt::Debug for MergeWith<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = (self.first.is_none(), self.second.is_none());
        f.debug_struct("MergeWith").field("ended", &ended).finish_non_exhaustive()
    }
}
