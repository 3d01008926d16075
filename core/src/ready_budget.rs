//! What keeps a loop over ready items from starving everything beside it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

/// How many items may be ready in a row before their source is pending once, though more are ready.
///
/// A loop over a source that is always ready never gives its executor a turn, and a timeout or a stop signal
/// around it never fires. So what gives items counts those that were ready at once, and after `MAX` of them
/// yields: it is pending, and wakes its task at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadyBudget<const MAX: u8 = 128> {
    spent: u8,
}

impl<const MAX: u8> ReadyBudget<MAX> {
    pub(crate) const fn new() -> Self {
        Self { spent: 0 }
    }

    /// Pending once, with the task woken, when the budget is spent; to be asked before a source is looked at.
    pub(crate) fn poll_proceed(&mut self, cx: &Context<'_>) -> Poll<()> {
        if !self.is_spent() {
            return Poll::Ready(());
        }
        self.spent = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether the next [`poll_proceed`](Self::poll_proceed) is pending.
    pub(crate) const fn is_spent(&self) -> bool {
        self.spent >= MAX
    }

    /// An item was ready at once.
    pub(crate) const fn spend(&mut self) {
        self.spent = self.spent.saturating_add(1);
    }

    /// What a stream gave: an item is spent, and anything else is a turn for the executor.
    pub(crate) const fn note<T>(&mut self, poll: &Poll<Option<T>>) {
        match poll {
            Poll::Ready(Some(_)) => self.spend(),
            Poll::Ready(None) | Poll::Pending => self.refill(),
        }
    }

    /// Nothing was ready: the executor has its turn.
    pub(crate) const fn refill(&mut self) {
        self.spent = 0;
    }
}

/// A [`ReadyBudget`] of those who share a handle: two who spend at once may count as one.
#[derive(Debug)]
// Of the standard library also under loom: it orders nothing, and a model would only have more to try.
pub(crate) struct SharedReadyBudget<const MAX: u8 = 128>(AtomicU8);

impl<const MAX: u8> SharedReadyBudget<MAX> {
    pub(crate) const fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    /// As [`ReadyBudget::poll_proceed`].
    pub(crate) fn poll_proceed(&self, cx: &Context<'_>) -> Poll<()> {
        let mut budget = ReadyBudget::<MAX> { spent: self.0.load(Ordering::Relaxed) };
        let poll = budget.poll_proceed(cx);
        if poll.is_pending() {
            self.refill();
        }
        poll
    }

    /// As [`ReadyBudget::spend`].
    pub(crate) fn spend(&self) {
        // Loaded and stored: cheaper than added, and no count has to be exact.
        self.0.store(self.0.load(Ordering::Relaxed).saturating_add(1), Ordering::Relaxed);
    }

    /// As [`ReadyBudget::refill`].
    pub(crate) fn refill(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
