//! Who sends, and whether anybody would receive it.

use super::state::Shared;
use crate::channel::crowd::Member;
use crate::primitives::Arc;
use crate::probe;
use crate::ready_budget::SharedReadyBudget;
use crate::sync::own_waker::poll_locked;
use crate::sync::wait_list::Wakers;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

// That of a sender; its type can't name a constant of its own generic impl.
const READY_BUDGET: u8 = 128;

/// Sends values to a [`Receiver`](super::Receiver); made by [`channel`](super::channel).
///
/// Clones send to the same receiver, and it gets `None` when the last of them is gone. Everything takes `&self`: a
/// sender can be shared as well as cloned.
///
/// After [`Sender::READY_BUDGET`] values or permits that had their place at once, a handle's next future is pending
/// one time, and wakes its task: so a loop that only sends lets its executor, and a timeout around it, have their
/// turn.
///
/// # Cost
///
/// A clone and its drop are a reference count and a short critical section each.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
    budget: SharedReadyBudget<{ READY_BUDGET }>,
}

impl<T> Sender<T> {
    /// How many futures of one handle are ready at once in a row before one yields.
    pub const READY_BUDGET: u8 = READY_BUDGET;

    /// The channel counts one sender already.
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared, budget: SharedReadyBudget::new() }
    }

    pub(super) fn shared(&self) -> &Shared<T> {
        &self.shared
    }

    pub(super) fn budget(&self) -> &SharedReadyBudget<{ READY_BUDGET }> {
        &self.budget
    }

    /// Waits until no value can be sent any more: the receiver is gone, or has [closed](super::Receiver::close) the
    /// channel.
    ///
    /// For whoever makes values at a price: stop when nobody wants them.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, receiver) = mpsc::channel::<u32>(Limit::ONE);
    /// drop(receiver);
    /// sender.closed().await;
    /// assert!(sender.is_closed());
    /// # });
    /// ```
    pub fn closed(&self) -> ClosedFuture<'_, T> {
        ClosedFuture { shared: &self.shared, member: Member::default() }
    }

    /// Closes the channel, as [`Receiver::close`](super::Receiver::close) does from the other side.
    pub(crate) fn close(&self) {
        let mut wakers = Wakers::new();
        let mut state = self.shared.lock();
        state.close(&mut wakers);
        state.wake_at_end(&mut wakers);
    }

    /// Whether no value can be sent any more.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().is_closed()
    }

    /// How many values are in the queue.
    pub fn len(&self) -> usize {
        self.shared.lock().len()
    }

    /// Whether no value is in the queue.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many places there are.
    pub fn capacity(&self) -> usize {
        self.shared.lock().capacity()
    }

    /// How many values the [overflow policy](super::Overflow) has dropped.
    pub fn dropped(&self) -> u64 {
        self.shared.lock().dropped()
    }

    /// Whether both send to the same receiver.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// A handle that doesn't keep the channel open.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc;
    ///
    /// let (sender, mut receiver) = mpsc::channel(Limit::ONE);
    /// let weak = sender.downgrade();
    /// weak.upgrade().unwrap().try_send(1).unwrap();
    /// drop(sender);
    /// assert!(weak.upgrade().is_none());
    /// assert_eq!(futures::executor::block_on(receiver.recv()), Some(1));
    /// assert_eq!(futures::executor::block_on(receiver.recv()), None);
    /// ```
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.lock().add_sender();
        Self::new(Arc::clone(&self.shared))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let receiver = self.shared.lock().remove_sender();
        if let Some(receiver) = receiver {
            receiver.wake();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("Sender", f)
    }
}

/// A [`Sender`] that doesn't keep the channel open: it has to be [upgraded](WeakSender::upgrade) before it can send.
///
/// It keeps the channel's own memory, but no values.
pub struct WeakSender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> WeakSender<T> {
    /// A sender, unless the last one is gone already: the receiver may have seen the end.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let is_open = self.shared.lock().add_sender_to_others();
        is_open.then(|| Sender::new(Arc::clone(&self.shared)))
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("WeakSender", f)
    }
}

/// The future of [`Sender::closed`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ClosedFuture<'a, T> {
    shared: &'a Shared<T>,
    member: Member,
}

impl<T> Future for ClosedFuture<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let poll = poll_locked(cx, |own| this.shared.lock().poll_closed(&mut this.member, own));
        if poll.is_pending() {
            probe::waiting(|| this.shared.describe("closed"));
        }
        poll
    }
}

impl<T> Drop for ClosedFuture<'_, T> {
    fn drop(&mut self) {
        if self.member.is_in() {
            // A name, so that it is dropped after the statement's guard.
            let _old = self.shared.lock().leave_closing(&mut self.member);
        }
    }
}

impl<T> fmt::Debug for ClosedFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClosedFuture").finish_non_exhaustive()
    }
}
