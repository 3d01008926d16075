//! One value, once, from one task to another: a reply.
//!
//! ```
//! use backstay_core::channel::oneshot;
//! use backstay_core::{JoinHandle, Runtime};
//! use backstay::testing::Sim;
//!
//! # Sim::builder().run(|rt: Sim| async move {
//! let (reply, answer) = oneshot::channel();
//! let task = rt.spawn(async move { reply.send(6 * 7) });
//! assert_eq!(answer.await, Ok(42));
//! # task.await.unwrap().unwrap();
//! # }).unwrap();
//! ```

mod state;

pub use super::error::{Closed, TryRecvError};

use crate::primitives::Arc;
use crate::probe;
use crate::sync::own_waker::poll_locked;
use state::Shared;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A channel for one value.
///
/// # Cost
///
/// One allocation; a short critical section for each operation.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Shared::new();
    (Sender { shared: Arc::clone(&shared), has_sent: false }, Receiver { shared, has_ended: false })
}

/// Sends the one value; made by [`channel`]. Dropped, it tells the receiver that none will come.
#[must_use = "dropped, it tells the receiver that nothing will come"]
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
    has_sent: bool,
}

impl<T> Sender<T> {
    /// Sends `value`, at once.
    ///
    /// That it was sent doesn't mean that it will be received: the receiver may be dropped, and the value with it.
    ///
    /// # Errors
    ///
    /// The value, if the receiver is gone or has closed the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::channel::oneshot;
    ///
    /// let (sender, receiver) = oneshot::channel();
    /// drop(receiver);
    /// assert_eq!(sender.send("a letter"), Err("a letter"));
    /// ```
    pub fn send(mut self, value: T) -> Result<(), T> {
        // A name, so that the guard is gone before anybody is woken; so it is below.
        let waiting = self.shared.lock().send(value)?;
        self.has_sent = true;
        waiting.wake_receiver();
        Ok(())
    }

    /// Waits until nobody wants the value any more: the receiver is gone, or has closed the channel.
    ///
    /// For whoever makes the value at a price: stop when it is not wanted.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::channel::oneshot;
    ///
    /// # futures::executor::block_on(async {
    /// let (mut sender, receiver) = oneshot::channel::<u32>();
    /// drop(receiver);
    /// sender.closed().await;
    /// assert!(sender.is_closed());
    /// # });
    /// ```
    pub fn closed(&mut self) -> ClosedFuture<'_, T> {
        ClosedFuture { sender: self }
    }

    /// Polls for the channel to be closed, as [`closed`](Self::closed) does.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let poll = poll_locked(cx, |own| self.shared.lock().poll_closed(own));
        if poll.is_pending() {
            probe::waiting(|| "oneshot closed".to_owned());
        }
        poll
    }

    /// Whether nobody wants the value any more.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().is_closed()
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if !self.has_sent {
            let waiting = self.shared.lock().end();
            waiting.wake_receiver();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// The future of the one value, or [`Closed`] if none will come; made by [`channel`].
///
/// Dropping it closes the channel; a value that was sent already is dropped with it.
///
/// # Cancel safety
///
/// Awaited through `&mut`, it can be left and awaited again: nothing is lost before it is dropped. Polled again after
/// its end, it is [`Closed`].
///
/// # Examples
///
/// ```
/// use backstay_core::channel::oneshot::{self, Closed};
///
/// let (sender, receiver) = oneshot::channel::<u32>();
/// drop(sender);
/// assert_eq!(futures::executor::block_on(receiver), Err(Closed));
/// ```
#[must_use = "dropped, it closes the channel"]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    has_ended: bool,
}

impl<T> Receiver<T> {
    /// Takes the value if it is there now.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if it is not, [`TryRecvError::Closed`] if it won't come or was taken already.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.shared.lock().take()
    }

    /// Closes the channel: a value that is sent from now on is given back. One that was sent before can still be
    /// received.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::channel::oneshot;
    ///
    /// let ((a, mut early), (b, mut late)) = (oneshot::channel(), oneshot::channel());
    /// a.send(1).unwrap();
    /// early.close();
    /// assert_eq!(early.try_recv(), Ok(1));
    ///
    /// late.close();
    /// assert_eq!(b.send(2), Err(2));
    /// ```
    pub fn close(&mut self) {
        let waiting = self.shared.lock().end();
        waiting.wake_sender();
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let poll = poll_locked(cx, |own| self.shared.lock().poll_take(own));
        self.has_ended = poll.is_ready();
        if poll.is_pending() {
            probe::waiting(|| "oneshot recv".to_owned());
        }
        poll
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if !self.has_ended {
            let (waiting, _value) = self.shared.lock().abandon();
            waiting.wake_sender();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// The future of [`Sender::closed`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ClosedFuture<'a, T> {
    sender: &'a mut Sender<T>,
}

impl<T> Future for ClosedFuture<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.sender.poll_closed(cx)
    }
}
