//! What keeps a loop over items that are ready from starving everything beside it.

use std::task::{Context, Poll};

/// So many items are given in a row before a task that only reads yields, as core's channels have it.
const ITEMS: u8 = 128;

/// Counts what is given in a row.
#[derive(Debug)]
pub(crate) struct Turns(u8);

impl Turns {
    pub(crate) const fn new() -> Self {
        Self(0)
    }

    /// Pending once, with the task woken, when it is the turn of others.
    pub(crate) fn poll_mine(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.0 < ITEMS {
            return Poll::Ready(());
        }
        self.0 = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Counts what was given.
    pub(crate) fn note<T>(&mut self, poll: &Poll<Option<T>>) {
        self.0 = match poll {
            Poll::Ready(Some(_)) => self.0.saturating_add(1),
            Poll::Ready(None) | Poll::Pending => 0,
        };
    }
}
