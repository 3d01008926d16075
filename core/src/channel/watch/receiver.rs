//! Who wants to know.

use super::snapshot::Ref;
use super::state::Shared;
use crate::channel::crowd::Member;
use crate::channel::error::Closed;
use crate::primitives::Arc;
use crate::probe;
use crate::ready_budget::ReadyBudget;
use crate::sync::own_waker::poll_locked;
use crate::sync::wait_list::Wakers;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

// That of a receiver; its type can't name a constant of its own generic impl.
const READY_BUDGET: u8 = 128;

/// Sees the value and waits for others; made by [`channel`](super::channel) and
/// [`subscribe`](super::Sender::subscribe).
///
/// A clone has seen what the original has, and goes its own way from there.
///
/// After [`Receiver::READY_BUDGET`] changes that were there at once it yields, so that a timeout or a stop signal
/// beside it gets its turn.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    // The version that is no news.
    seen: u64,
    budget: ReadyBudget<{ READY_BUDGET }>,
}

impl<T> Receiver<T> {
    /// How many changes it gives in a row without waiting before it yields.
    pub const READY_BUDGET: u8 = READY_BUDGET;

    /// The channel counts it already.
    pub(super) fn new(shared: Arc<Shared<T>>, seen: u64) -> Self {
        Self { shared, seen, budget: ReadyBudget::new() }
    }

    /// The present value. It counts as seen only with [`borrow_and_update`](Self::borrow_and_update) or
    /// [`changed`](Self::changed).
    #[doc(alias = "get")]
    pub fn borrow(&self) -> Ref<T> {
        let (value, _) = self.shared.lock().snapshot();
        Ref::new(value)
    }

    /// The present value, which counts as seen: [`changed`](Self::changed) waits for the next one.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::channel::watch;
    ///
    /// let (sender, mut receiver) = watch::channel(1);
    /// sender.send(2).unwrap();
    /// assert_eq!(*receiver.borrow(), 2);
    /// assert!(receiver.has_changed());
    /// assert_eq!(*receiver.borrow_and_update(), 2);
    /// assert!(!receiver.has_changed());
    /// ```
    pub fn borrow_and_update(&mut self) -> Ref<T> {
        let (value, version) = self.shared.lock().snapshot();
        self.seen = version;
        Ref::new(value)
    }

    /// Whether there is a value that this receiver has not seen.
    pub fn has_changed(&self) -> bool {
        self.shared.lock().version() != self.seen
    }

    /// Waits for a value that this receiver has not seen; the latest counts as seen then.
    ///
    /// However many values have come, it is ready once.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, nothing counts as seen: the change is there for the next one.
    ///
    /// # Errors
    ///
    /// [`Closed`], if all senders are gone and the last value is seen.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::channel::watch;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, mut receiver) = watch::channel("starting");
    /// sender.send("running").unwrap();
    /// drop(sender);
    /// receiver.changed().await?;
    /// assert_eq!(*receiver.borrow(), "running");
    /// assert_eq!(receiver.changed().await, Err(watch::Closed));
    /// # Ok::<(), watch::Closed>(())
    /// # }).unwrap();
    /// ```
    pub fn changed(&mut self) -> ChangedFuture<'_, T> {
        ChangedFuture { receiver: self, member: Member::default() }
    }

    /// Waits for a value of which `predicate` is true, the present one included, and gives it. What was looked at
    /// counts as seen.
    ///
    /// Values in between may be missed: it is not called for each.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the values for which `predicate` was false count as seen.
    ///
    /// # Errors
    ///
    /// [`Closed`], if all senders are gone and it is false of the last value.
    ///
    /// # Panics
    ///
    /// The future, if `predicate` does; the channel takes no harm.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::channel::watch;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, mut receiver) = watch::channel(0);
    /// let count = async {
    ///     for number in 1..=5 {
    ///         sender.send(number).unwrap();
    ///     }
    /// };
    /// let (five, ()) = futures::join!(receiver.wait_for(|number| *number == 5), count);
    /// assert_eq!(*five?, 5);
    /// # Ok::<(), watch::Closed>(())
    /// # }).unwrap();
    /// ```
    pub fn wait_for<P: FnMut(&T) -> bool>(&mut self, predicate: P) -> WaitForFuture<'_, T, P> {
        WaitForFuture { receiver: self, predicate, looked_at: None, member: Member::default() }
    }

    /// Whether all senders are gone: no other value will come. The last one may not have been seen.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().senders() == 0
    }

    /// Whether both see the same value.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Waits for another version than `seen`, and gives it.
    fn poll_change(
        &mut self,
        seen: Option<u64>,
        member: &mut Member,
        cx: &Context<'_>,
    ) -> Poll<Result<u64, Closed>> {
        ready!(self.budget.poll_proceed(cx));
        let poll = poll_locked(cx, |own| self.shared.lock().poll_changed(seen, member, own));
        if poll.is_ready() {
            self.budget.spend();
        } else {
            self.budget.refill();
            probe::waiting(|| self.shared.describe("changed"));
        }
        poll
    }

    /// Waits for a value that was not seen, or for none if the present one will do.
    pub(super) fn poll_unseen(
        &mut self,
        or_present: bool,
        member: &mut Member,
        cx: &Context<'_>,
    ) -> Poll<Result<(), Closed>> {
        let seen = if or_present { None } else { Some(self.seen) };
        self.poll_change(seen, member, cx).map(|change| change.map(|_| ()))
    }

    pub(super) fn leave(&self, member: &mut Member) {
        if member.is_in() {
            // A name, so that it is dropped after the statement's guard.
            let _old = self.shared.lock().leave_changing(member);
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.lock().add_receiver();
        Self::new(Arc::clone(&self.shared), self.seen)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut wakers = Wakers::new();
        self.shared.lock().remove_receiver(&mut wakers);
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("value", &self.borrow()).finish_non_exhaustive()
    }
}

/// The future of [`Receiver::changed`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ChangedFuture<'a, T> {
    receiver: &'a mut Receiver<T>,
    member: Member,
}

impl<T> Future for ChangedFuture<'_, T> {
    type Output = Result<(), Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let seen = this.receiver.seen;
        this.receiver.seen = ready!(this.receiver.poll_change(Some(seen), &mut this.member, cx))?;
        Poll::Ready(Ok(()))
    }
}

impl<T> Drop for ChangedFuture<'_, T> {
    fn drop(&mut self) {
        self.receiver.leave(&mut self.member);
    }
}

impl<T> fmt::Debug for ChangedFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangedFuture").finish_non_exhaustive()
    }
}

/// The future of [`Receiver::wait_for`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct WaitForFuture<'a, T, P> {
    receiver: &'a mut Receiver<T>,
    predicate: P,
    // The version of which the predicate was false.
    looked_at: Option<u64>,
    member: Member,
}

// The predicate is called, never pinned.
impl<T, P> Unpin for WaitForFuture<'_, T, P> {}

impl<T, P: FnMut(&T) -> bool> Future for WaitForFuture<'_, T, P> {
    type Output = Result<Ref<T>, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            ready!(this.receiver.poll_change(this.looked_at, &mut this.member, cx))?;
            let value = this.receiver.borrow_and_update();
            this.looked_at = Some(this.receiver.seen);
            if (this.predicate)(&value) {
                return Poll::Ready(Ok(value));
            }
        }
    }
}

impl<T, P> Drop for WaitForFuture<'_, T, P> {
    fn drop(&mut self) {
        self.receiver.leave(&mut self.member);
    }
}

impl<T, P> fmt::Debug for WaitForFuture<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForFuture").finish_non_exhaustive()
    }
}
