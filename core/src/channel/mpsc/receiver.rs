//! Who receives.

use super::state::Shared;
use crate::channel::error::TryRecvError;
use crate::limit::Limit;
use crate::primitives::Arc;
use crate::probe;
use crate::ready_budget::ReadyBudget;
use crate::sync::own_waker::poll_locked;
use crate::sync::wait_list::Wakers;
use futures_core::Stream;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

// That of a receiver; its type can't name a constant of its own generic impl.
const READY_BUDGET: u8 = 128;

/// Receives what [`Sender`](super::Sender)s send; made by [`channel`](super::channel). It is a [`Stream`] too.
///
/// There is one; where several tasks take turns at one queue, use the crate `async-channel`, which needs no runtime
/// either.
///
/// After [`Receiver::READY_BUDGET`] values that were there at once it yields, so that a timeout or a stop signal
/// beside it gets its turn.
///
/// Dropping it closes the channel and drops what is in the queue.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    budget: ReadyBudget<{ READY_BUDGET }>,
}

impl<T> Receiver<T> {
    /// How many values it gives in a row without waiting before it yields.
    pub const READY_BUDGET: u8 = READY_BUDGET;

    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared, budget: ReadyBudget::new() }
    }

    /// Waits for the next value; `None` at the [end](super#the-end).
    ///
    /// After [`close`](Self::close) it waits also for those who hold permits, until they have used or dropped them.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has taken no value.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, mut receiver) = mpsc::channel(Limit::ONE);
    /// sender.send(1).await.unwrap();
    /// drop(sender);
    /// assert_eq!(receiver.recv().await, Some(1));
    /// assert_eq!(receiver.recv().await, None);
    /// # });
    /// ```
    pub fn recv(&mut self) -> RecvFuture<'_, T> {
        RecvFuture { receiver: self }
    }

    /// Takes the next value if there is one now.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if there is none, [`TryRecvError::Closed`] if there will be none.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let mut state = self.shared.lock();
        let Some((value, sender)) = state.pop() else {
            return Err(if state.has_ended() { TryRecvError::Closed } else { TryRecvError::Empty });
        };
        drop(state);
        if let Some(sender) = sender {
            sender.wake();
        }
        Ok(value)
    }

    /// Waits for a value, then appends it and those that are there behind it to `values`, `limit` at most; gives how
    /// many they were, zero only at the [end](super#the-end).
    ///
    /// # Cost
    ///
    /// One critical section for all of them.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has taken no value.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, mut receiver) = mpsc::channel(Limit::new(8)?);
    /// for number in 0..5 {
    ///     sender.try_send(number).unwrap();
    /// }
    /// drop(sender);
    /// let (mut batch, three) = (Vec::new(), Limit::new(3)?);
    /// assert_eq!(receiver.recv_many(&mut batch, three).await, 3);
    /// assert_eq!(receiver.recv_many(&mut batch, three).await, 2);
    /// assert_eq!(receiver.recv_many(&mut batch, three).await, 0);
    /// assert_eq!(batch, [0, 1, 2, 3, 4]);
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub fn recv_many<'a>(
        &'a mut self,
        values: &'a mut Vec<T>,
        limit: impl Into<Limit>,
    ) -> RecvManyFuture<'a, T> {
        RecvManyFuture { receiver: self, values, limit: limit.into() }
    }

    /// Polls for the next value. After [`READY_BUDGET`](Self::READY_BUDGET) values in a row that were there at once it
    /// is pending one time, and wakes the task, even if there is another.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        ready!(self.budget.poll_proceed(cx));
        let mut sender = None;
        let poll = poll_locked(cx, |own| {
            let mut state = self.shared.lock();
            if let Some((value, next)) = state.pop() {
                sender = next;
                return Poll::Ready(Some(value));
            }
            if state.has_ended() {
                return Poll::Ready(None);
            }
            state.set_receiver(own);
            Poll::Pending
        });
        if let Some(sender) = sender {
            sender.wake();
        }
        match &poll {
            Poll::Ready(Some(_)) => self.budget.spend(),
            Poll::Ready(None) => {}
            Poll::Pending => self.waits(),
        }
        poll
    }

    fn poll_recv_many(&mut self, cx: &Context<'_>, values: &mut Vec<T>, limit: Limit) -> Poll<usize> {
        ready!(self.budget.poll_proceed(cx));
        // Woken when the lock is free.
        let mut wakers = Wakers::new();
        let poll = poll_locked(cx, |own| {
            let mut state = self.shared.lock();
            let count = state.pop_many(values, limit.get(), &mut wakers);
            if count > 0 || state.has_ended() {
                return Poll::Ready(count);
            }
            state.set_receiver(own);
            Poll::Pending
        });
        match poll {
            Poll::Ready(0) => {}
            Poll::Ready(_) => self.budget.spend(),
            Poll::Pending => self.waits(),
        }
        poll
    }

    fn waits(&mut self) {
        self.budget.refill();
        probe::waiting(|| self.shared.describe("recv"));
    }

    /// Closes the channel: nothing new is sent, and who waits to send gets the value back. What is in the queue, and
    /// what is sent with permits that were given before, still arrives; then comes the end.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc::{self, TrySendError};
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, mut receiver) = mpsc::channel(Limit::new(2)?);
    /// let permit = sender.reserve().await?;
    /// receiver.close();
    /// assert_eq!(sender.try_send("too late"), Err(TrySendError::Closed("too late")));
    /// permit.send("promised")?;
    /// assert_eq!(receiver.recv().await, Some("promised"));
    /// assert_eq!(receiver.recv().await, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn close(&mut self) {
        let mut wakers = Wakers::new();
        self.shared.lock().close(&mut wakers);
    }

    /// Whether nothing new can be sent: the channel is [closed](Self::close), or no sender is left. Values may still be
    /// in the queue.
    pub fn is_closed(&self) -> bool {
        let state = self.shared.lock();
        state.is_closed() || state.senders() == 0
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
}

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.shared.lock().size_hint()
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut wakers = Wakers::new();
        // A name, so that what is left is dropped after the statement's guard; and after everybody was woken.
        let left = self.shared.lock().abandon(&mut wakers);
        drop(wakers);
        drop(left);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("Receiver", f)
    }
}

/// The future of [`Receiver::recv`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct RecvFuture<'a, T> {
    receiver: &'a mut Receiver<T>,
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.receiver.poll_recv(cx)
    }
}

/// The future of [`Receiver::recv_many`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct RecvManyFuture<'a, T> {
    receiver: &'a mut Receiver<T>,
    values: &'a mut Vec<T>,
    limit: Limit,
}

impl<T> Future for RecvManyFuture<'_, T> {
    type Output = usize;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let this = &mut *self;
        this.receiver.poll_recv_many(cx, this.values, this.limit)
    }
}

impl<T> fmt::Debug for RecvManyFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvManyFuture").field("limit", &self.limit).finish_non_exhaustive()
    }
}
