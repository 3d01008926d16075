//! A list of futures that run as there are places for them.

use super::window::{Feed, Filled, Window};
use crate::probe;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The stream of [`BoundedSet::over`](super::BoundedSet::over) and [`Ordered::over`](super::Ordered::over).
///
/// It ends when the iterator has, and all outputs are given; the iterator is dropped at its end.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next output loses nothing. Dropping the stream drops the futures that run,
/// and the iterator with the others.
#[must_use = "streams do nothing unless they are polled"]
pub struct Over<S, I> {
    filled: Filled<S, Listed<I>>,
}

/// The iterator; None when it has ended.
struct Listed<I>(Option<I>);

// It is not pinned: what it gives is.
impl<I> Unpin for Listed<I> {}

impl<I: Iterator<Item: Future>> Feed for Listed<I> {
    type Future = I::Item;

    #[inline]
    fn poll_future(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        let next = self.0.as_mut().and_then(Iterator::next);
        if next.is_none() {
            self.0 = None;
        }
        Poll::Ready(next)
    }

    #[inline]
    fn has_ended(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.as_ref().map_or((0, Some(0)), Iterator::size_hint)
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}
}

impl<S, I> Over<S, I> {
    pub(super) const fn new(set: S, futures: I) -> Self {
        Self { filled: Filled::new(set, Listed(Some(futures))) }
    }
}

impl<S, I: Iterator> Stream for Over<S, I>
where
    I::Item: Future,
    S: Window<I::Item>,
{
    type Item = <I::Item as Future>::Output;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let poll = Pin::new(&mut self.filled).poll_next(cx);
        if poll.is_pending() {
            probe::waiting(|| format!("one of {} futures", self.filled.window().len()));
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.filled.size_hint()
    }
}

impl<S, I: Iterator> FusedStream for Over<S, I>
where
    I::Item: Future,
    S: Window<I::Item>,
{
    fn is_terminated(&self) -> bool {
        self.filled.is_terminated()
    }
}

// Nothing in it is pinned in place: the futures live in blocks of their own.
impl<S, I> Unpin for Over<S, I> {}

impl<S: fmt::Debug, I> fmt::Debug for Over<S, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Over").field("set", self.filled.window()).finish_non_exhaustive()
    }
}
