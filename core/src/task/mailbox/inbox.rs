//! The actor's end of a mailbox.

use crate::channel::mpsc::{self, TryRecvError};
use crate::limit::Limit;
use futures_core::Stream;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Where an actor takes its messages from; made by [`mailbox`](super::mailbox()). It is a [`Stream`] too, for an
/// [`EventLoop`](crate::select::EventLoop) with tickers and a stop signal.
///
/// It belongs to the actor: when the actor ends, however it does, the inbox is dropped, what is in it too, and every
/// call that waits has its error. After [`Inbox::READY_BUDGET`] messages that were there at once it yields, so that a
/// stop signal beside it gets its turn.
#[must_use = "dropped, it ends all calls"]
pub struct Inbox<M> {
    receiver: mpsc::Receiver<M>,
}

impl<M> Inbox<M> {
    /// How many messages it gives in a row without waiting before it yields.
    pub const READY_BUDGET: u8 = mpsc::Receiver::<M>::READY_BUDGET;

    pub(super) const fn new(receiver: mpsc::Receiver<M>) -> Self {
        Self { receiver }
    }

    /// Waits for the next message; `None` when there is none and nobody is left who could send one, or the inbox is
    /// [closed](Self::close).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has taken no message.
    pub fn recv(&mut self) -> mpsc::RecvFuture<'_, M> {
        self.receiver.recv()
    }

    /// Waits for a message, then appends it and those that are there behind it to `messages`, `limit` at most; gives
    /// how many they were, zero only at the end.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has taken no message.
    pub fn recv_many<'a>(
        &'a mut self,
        messages: &'a mut Vec<M>,
        limit: impl Into<Limit>,
    ) -> mpsc::RecvManyFuture<'a, M> {
        self.receiver.recv_many(messages, limit)
    }

    /// Takes the next message if there is one now.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if there is none, [`TryRecvError::Closed`] if there will be none.
    pub fn try_recv(&mut self) -> Result<M, TryRecvError> {
        self.receiver.try_recv()
    }

    /// Polls for the next message.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<M>> {
        self.receiver.poll_recv(cx)
    }

    /// Takes no new messages: they are given back to whoever sends them. What is in the inbox can still be taken.
    ///
    /// # Examples
    ///
    /// An actor that answers what it has, and ends:
    ///
    /// ```
    /// use backstay_core::{Limit, task::mailbox};
    ///
    /// # futures::executor::block_on(async {
    /// let (actor, mut inbox) = mailbox(Limit::ONE);
    /// actor.cast("in time").await.unwrap();
    /// inbox.close();
    /// assert_eq!(actor.cast("too late").await.unwrap_err().into_inner(), "too late");
    /// assert_eq!(inbox.recv().await, Some("in time"));
    /// assert_eq!(inbox.recv().await, None);
    /// # });
    /// ```
    pub fn close(&mut self) {
        self.receiver.close();
    }

    /// Whether no new message can come. There may still be some in the inbox.
    pub fn is_closed(&self) -> bool {
        self.receiver.is_closed()
    }

    /// How many messages are in the inbox.
    pub fn len(&self) -> usize {
        self.receiver.len()
    }

    /// Whether no message is in the inbox.
    pub fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }
}

impl<M> Stream for Inbox<M> {
    type Item = M;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<M>> {
        self.poll_recv(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.receiver.size_hint()
    }
}

impl<M> fmt::Debug for Inbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("len", &self.len())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
