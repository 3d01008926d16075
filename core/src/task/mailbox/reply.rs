//! The actor's half of a call.

use crate::channel::oneshot;
use std::fmt;
use std::task::{Context, Poll};

/// Where the answer to a [call](super::Mailbox::call) goes; a part of the message.
///
/// It can be answered at once, kept for later, or given to a task that answers in the actor's place. Dropped, it tells
/// the caller that there will be no answer.
#[must_use = "dropped, it tells the caller that there will be no answer"]
pub struct Reply<T> {
    sender: oneshot::Sender<T>,
}

impl<T> Reply<T> {
    pub(super) const fn new(sender: oneshot::Sender<T>) -> Self {
        Self { sender }
    }

    /// Answers, at once.
    ///
    /// # Errors
    ///
    /// The answer, if nobody waits for it any more.
    pub fn send(self, answer: T) -> Result<(), T> {
        self.sender.send(answer)
    }

    /// Whether nobody waits for the answer any more: the caller was dropped, or its time is over.
    ///
    /// A call whose caller was dropped while it was in the inbox is there all the same: ask, before work that is dear.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Waits until nobody waits for the answer any more: to stop what nobody wants.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::select::{OneOf2, select2};
    /// use backstay_core::task::Reply;
    ///
    /// /// Answers, unless the caller goes away first.
    /// async fn answer(mut reply: Reply<u32>, work: impl Future<Output = u32>) -> bool {
    ///     match select2(reply.closed(), work).await {
    ///         OneOf2::First(()) => false,
    ///         OneOf2::Second(answer) => reply.send(answer).is_ok(),
    ///     }
    /// }
    ///
    /// # use backstay_core::{Limit, task::mailbox};
    /// # futures::executor::block_on(async {
    /// let (actor, mut inbox) = mailbox(Limit::ONE);
    /// let serve = async { answer(inbox.recv().await.unwrap(), std::future::ready(42)).await };
    /// assert!(matches!(futures::join!(actor.call(|reply| reply), serve), (Ok(42), true)));
    /// # });
    /// ```
    pub fn closed(&mut self) -> oneshot::ClosedFuture<'_, T> {
        self.sender.closed()
    }

    /// Polls for nobody waiting any more, as [`closed`](Self::closed) does.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.sender.poll_closed(cx)
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}
