//! Sending without a permit.

use super::sender::Sender;
use crate::channel::error::{SendError, TrySendError};
use crate::channel::places::Turn;
use crate::probe;
use crate::sync::own_waker::poll_locked;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

impl<T> Sender<T> {
    /// Sends `value`, waiting for a place in the queue unless the [overflow policy](super::Overflow) says otherwise.
    ///
    /// It waits in line with the others, from its first poll. When it is ready the value is in the queue, which
    /// doesn't mean that it will be received: the receiver may be dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has not sent, and `value` is dropped with it; its place goes to the next in
    /// line. To keep the value, keep the future and take the value [out](SendFuture::into_inner), or
    /// [`reserve`](Sender::reserve) first.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value, if the channel is closed.
    ///
    /// # Panics
    ///
    /// The future, if it is polled again after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc;
    /// use futures::FutureExt;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, mut receiver) = mpsc::channel(Limit::ONE);
    /// sender.send("first").await?;
    ///
    /// let mut second = sender.send("second");
    /// assert!((&mut second).now_or_never().is_none()); // no place
    /// assert_eq!(second.into_inner(), Some("second")); // cancelled, and not lost
    /// assert_eq!(receiver.recv().await, Some("first"));
    /// assert!(receiver.is_empty());
    /// # Ok::<(), mpsc::SendError<&str>>(())
    /// # }).unwrap();
    /// ```
    pub fn send(&self, value: T) -> SendFuture<'_, T> {
        SendFuture { sender: self, value: Some(value), turn: Turn::default() }
    }

    /// Sends `value` if that needs no waiting.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the value: [`Full`](TrySendError::Full), which only a channel that
    /// [waits](super::Overflow::Wait) ever is, or [`Closed`](TrySendError::Closed).
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        // The guard is gone before anybody is woken.
        let pushed = self.shared().lock().try_send(value)?;
        pushed.finish();
        Ok(())
    }
}

/// The future of [`Sender::send`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct SendFuture<'a, T> {
    sender: &'a Sender<T>,
    // There until this is ready.
    value: Option<T>,
    turn: Turn,
}

// The value is moved, never pinned.
impl<T> Unpin for SendFuture<'_, T> {}

impl<T> SendFuture<'_, T> {
    /// The value, if it has not been sent; what was not sent is not sent then.
    pub fn into_inner(mut self) -> Option<T> {
        self.value.take()
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        assert!(this.value.is_some(), "a send was polled again after it gave its outcome");
        if this.turn.is_new() {
            ready!(this.sender.budget().poll_proceed(cx));
        }
        let shared = this.sender.shared();
        let poll = poll_locked(cx, |own| shared.lock().poll_send(&mut this.turn, &mut this.value, own));
        match poll {
            Poll::Ready(sent) => {
                this.sender.budget().spend();
                Poll::Ready(sent.map(|pushed| pushed.finish()))
            }
            Poll::Pending => {
                this.sender.budget().refill();
                probe::waiting(|| this.sender.shared().describe("send"));
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        self.sender.shared().leave(&mut self.turn);
    }
}

impl<T> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFuture").field("is_sent", &self.value.is_none()).finish_non_exhaustive()
    }
}
