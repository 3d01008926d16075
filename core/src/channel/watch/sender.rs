//! Who sends values, and who wants them.

use super::receiver::Receiver;
use super::snapshot::Ref;
use super::state::{Shared, Snapshot};
use crate::channel::crowd::Member;
use crate::channel::error::SendError;
use crate::primitives::Arc;
use crate::probe;
use crate::sync::own_waker::poll_locked;
use crate::sync::wait_list::Wakers;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Sends values to all [`Receiver`]s; made by [`channel`](super::channel).
///
/// Clones send to the same receivers. Values of several senders come in the order in which they were sent.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// The channel counts one sender already.
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Sends `value`, at once: it takes the place of the one before.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value, if there is no receiver; the one before stays.
    /// [`send_replace`](Self::send_replace) needs none.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        let value = Snapshot::new(value);
        let mut wakers = Wakers::new();
        let sent = self.shared.lock().send(value, &mut wakers);
        sent.map(drop).map_err(SendError::unshared)
    }

    /// Puts `value` in the place of the one before, which it gives, whether there are receivers or not: one that
    /// [subscribes](Self::subscribe) later sees it.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::channel::watch;
    ///
    /// let (sender, receiver) = watch::channel(1);
    /// drop(receiver);
    /// assert!(sender.send(2).is_err());
    /// assert_eq!(*sender.send_replace(3), 1);
    /// assert_eq!(*sender.subscribe().borrow(), 3);
    /// ```
    pub fn send_replace(&self, value: T) -> Ref<T> {
        let value = Snapshot::new(value);
        let mut wakers = Wakers::new();
        let before = self.shared.lock().replace(value, &mut wakers);
        Ref::new(before)
    }

    /// Changes the value, whether there are receivers or not, and tells all there are.
    ///
    /// `modify` works on a copy, which takes the place of the value when it returns: readers see all of a change or
    /// nothing of it. If another value has come in the meantime, it is called again, on a copy of that: no change of
    /// another sender is lost. So it must not send to the same channel itself, or it would be called for ever.
    ///
    /// # Panics
    ///
    /// If `modify` does; the value stays as it was.
    ///
    /// # Cost
    ///
    /// A clone of the value, and an allocation, each time that `modify` is called.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::channel::watch;
    ///
    /// let (sender, receiver) = watch::channel(vec![1]);
    /// sender.send_modify(|list| list.push(2));
    /// assert_eq!(*receiver.borrow(), [1, 2]);
    /// assert!(receiver.has_changed());
    /// ```
    pub fn send_modify(&self, mut modify: impl FnMut(&mut T))
    where
        T: Clone,
    {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// Changes the value if `modify` says that it has: with `false` the value stays as it was, whatever it did to the
    /// copy, and nobody is told. Gives what `modify` said.
    ///
    /// Otherwise it is [`send_modify`](Self::send_modify).
    ///
    /// # Panics
    ///
    /// If `modify` does; the value stays as it was.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::channel::watch;
    ///
    /// let (highest, receiver) = watch::channel(5);
    /// let mut raise_to = |new| highest.send_if_modified(|highest| new > std::mem::replace(highest, new));
    /// assert!(!raise_to(3));
    /// assert!(!receiver.has_changed());
    /// assert!(raise_to(7));
    /// assert_eq!(*receiver.borrow(), 7);
    /// ```
    pub fn send_if_modified(&self, mut modify: impl FnMut(&mut T) -> bool) -> bool
    where
        T: Clone,
    {
        loop {
            let (value, version) = self.shared.lock().snapshot();
            let mut copy = T::clone(&value);
            if !modify(&mut copy) {
                return false;
            }
            let copy = Snapshot::new(copy);
            let mut wakers = Wakers::new();
            // A name, so that what is not needed is dropped after the statement's guard.
            let replaced = self.shared.lock().replace_version(version, copy, &mut wakers);
            if replaced.is_ok() {
                return true;
            }
        }
    }

    /// The present value.
    pub fn borrow(&self) -> Ref<T> {
        let (value, _) = self.shared.lock().snapshot();
        Ref::new(value)
    }

    /// Another receiver, which has seen the present value.
    ///
    /// It makes a channel that had no receiver left usable again.
    pub fn subscribe(&self) -> Receiver<T> {
        let mut state = self.shared.lock();
        state.add_receiver();
        let seen = state.version();
        drop(state);
        Receiver::new(Arc::clone(&self.shared), seen)
    }

    /// Waits until there is no receiver.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::channel::watch;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, receiver) = watch::channel(1);
    /// drop(receiver);
    /// sender.closed().await;
    /// assert!(sender.is_closed());
    /// # });
    /// ```
    pub fn closed(&self) -> ClosedFuture<'_, T> {
        ClosedFuture { shared: &self.shared, member: Member::default() }
    }

    /// Whether there is no receiver.
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.lock().receivers()
    }

    /// Whether both send to the same receivers.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.lock().add_sender();
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut wakers = Wakers::new();
        self.shared.lock().remove_sender(&mut wakers);
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("value", &self.borrow()).finish_non_exhaustive()
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
