//! Who sends and waits for the slowest receiver.

use super::receiver::Receiver;
use super::state::{Shared, Value};
use crate::channel::error::{SendError, TrySendError, unshared};
use crate::channel::places::Turn;
use crate::primitives::Arc;
use crate::probe;
use crate::ready_budget::SharedReadyBudget;
use crate::sync::own_waker::poll_locked;
use crate::sync::wait_list::Wakers;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

// That of a sender; its type can't name a constant of its own generic impl.
const READY_BUDGET: u8 = 128;

/// Sends values to all [`Receiver`]s, and waits for the slowest of them; made by [`waiting`](super::waiting).
///
/// Clones send to the same receivers, which get [`Closed`](super::RecvError::Closed) when the last of them is gone.
///
/// After [`WaitingSender::READY_BUDGET`] values that had their place at once, a handle's next future is pending one
/// time, and wakes its task: so a loop that only sends lets its executor, and a timeout around it, have their turn.
pub struct WaitingSender<T> {
    shared: Arc<Shared<T>>,
    budget: SharedReadyBudget<{ READY_BUDGET }>,
}

impl<T> WaitingSender<T> {
    /// How many futures of one handle are ready at once in a row before one yields.
    pub const READY_BUDGET: u8 = READY_BUDGET;

    /// The channel counts one sender already.
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared, budget: SharedReadyBudget::new() }
    }

    /// Sends `value`, waiting while the slowest receiver is as many values behind as are kept.
    ///
    /// Senders wait in line, from their first polls.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has not sent, and `value` is dropped with it; its place goes to the next in line.
    /// To keep the value, keep the future and take the value [out](SendFuture::into_inner).
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value, if there is no receiver, or the last one goes while it waits.
    ///
    /// # Panics
    ///
    /// The future, if it is polled again after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::broadcast;
    /// use futures::FutureExt;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, mut receiver) = broadcast::waiting(Limit::ONE);
    /// sender.send("first").await?;
    /// let mut second = sender.send("second");
    /// assert!((&mut second).now_or_never().is_none());
    /// assert_eq!(second.into_inner(), Some("second")); // cancelled, and not lost
    /// assert_eq!(receiver.recv().await, Ok("first"));
    /// # Ok::<(), broadcast::SendError<&str>>(())
    /// # }).unwrap();
    /// ```
    pub fn send(&self, value: T) -> SendFuture<'_, T> {
        SendFuture { sender: self, value: Some(Value::new(value)), turn: Turn::default() }
    }

    /// Sends `value` if that needs no waiting.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the value: [`Full`](TrySendError::Full) if a receiver is too far behind, or somebody waits
    /// to send; [`Closed`](TrySendError::Closed) if there is no receiver.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let value = Value::new(value);
        let mut wakers = Wakers::new();
        let sent = self.shared.lock().try_send(value, &mut wakers);
        sent.map_err(|error| error.map(unshared))
    }

    /// Another receiver, of what is sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        let reader = self.shared.lock().subscribe();
        Receiver::new(Arc::clone(&self.shared), reader)
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.lock().receivers()
    }

    /// How many values are kept at most.
    pub fn capacity(&self) -> usize {
        self.shared.lock().capacity()
    }

    /// Whether both send to the same receivers.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for WaitingSender<T> {
    fn clone(&self) -> Self {
        self.shared.lock().add_sender();
        Self::new(Arc::clone(&self.shared))
    }
}

impl<T> Drop for WaitingSender<T> {
    fn drop(&mut self) {
        let mut wakers = Wakers::new();
        self.shared.lock().remove_sender(&mut wakers);
    }
}

impl<T> fmt::Debug for WaitingSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingSender").field("receivers", &self.receiver_count()).finish_non_exhaustive()
    }
}

/// The future of [`WaitingSender::send`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct SendFuture<'a, T> {
    sender: &'a WaitingSender<T>,
    // There until this is ready.
    value: Option<Value<T>>,
    turn: Turn,
}

impl<T> SendFuture<'_, T> {
    /// The value, if it has not been sent; what was not sent is not sent then.
    pub fn into_inner(mut self) -> Option<T> {
        self.value.take().map(unshared)
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        assert!(this.value.is_some(), "a send was polled again after it gave its outcome");
        if this.turn.is_new() {
            ready!(this.sender.budget.poll_proceed(cx));
        }
        let mut wakers = Wakers::new();
        let poll = poll_locked(cx, |own| {
            this.sender.shared.lock().poll_send(&mut this.turn, &mut this.value, own, &mut wakers)
        });
        match poll {
            Poll::Ready(sent) => {
                this.sender.budget.spend();
                Poll::Ready(sent.map_err(SendError::unshared))
            }
            Poll::Pending => {
                this.sender.budget.refill();
                probe::waiting(|| this.sender.shared.describe("send"));
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        self.sender.shared.leave(&mut self.turn);
    }
}

impl<T> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFuture").field("is_sent", &self.value.is_none()).finish_non_exhaustive()
    }
}
