//! A source of which more is taken than is asked for.

use crate::ready_budget::ReadyBudget;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A source that is never polled after its end, and whose items count: after 128 that were there at once, its
    /// reader has to yield.
    #[derive(Debug)]
    pub(super) struct Ahead<S> {
        #[pin]
        source: S,
        has_ended: bool,
        // Something came of it in the last poll.
        has_taken: bool,
        budget: ReadyBudget,
    }
}

impl<S: Stream> Ahead<S> {
    pub(super) const fn new(source: S) -> Self {
        Self { source, has_ended: false, has_taken: false, budget: ReadyBudget::new() }
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// How many items may come yet.
    pub(super) fn size_hint(&self) -> (usize, Option<usize>) {
        if self.has_ended { (0, Some(0)) } else { self.source.size_hint() }
    }

    /// Gives all that is there to `take`, as long as that says that it wants more, and not too many.
    ///
    /// Pending where it is time to yield; nothing has been taken then.
    pub(super) fn poll_ahead(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        wants_any: bool,
        mut take: impl FnMut(S::Item) -> bool,
    ) -> Poll<()> {
        let mut this = self.project();
        ready!(this.budget.poll_proceed(cx));
        *this.has_taken = false;
        let mut wants_more = wants_any && !*this.has_ended;
        while wants_more {
            match this.source.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    this.budget.spend();
                    *this.has_taken = true;
                    wants_more = take(item) && !this.budget.is_spent();
                }
                Poll::Ready(None) => {
                    *this.has_ended = true;
                    break;
                }
                Poll::Pending => break,
            }
        }
        Poll::Ready(())
    }

    /// What is given after that, of what was taken: where it was taken in other polls, it counts too, so that a reader
    /// of much that is kept yields.
    pub(super) fn poll_give<T>(self: Pin<&mut Self>, item: Option<T>) -> Poll<Option<T>> {
        let this = self.project();
        match item {
            None if !*this.has_ended => {
                this.budget.refill();
                return Poll::Pending;
            }
            Some(_) if !*this.has_taken => this.budget.spend(),
            _ => {}
        }
        Poll::Ready(item)
    }
}
