//! Request and response between tasks (recipe S.1): a task that owns something, and others that ask it.

mod call;
mod error;
mod inbox;
mod reply;

pub use call::{CallFuture, CallTimeoutFuture};
pub use error::CallError;
pub use inbox::Inbox;
pub use reply::Reply;

use crate::channel::mpsc::{self, TrySendError};
use crate::channel::oneshot;
use crate::instant::Instant;
use crate::limit::Limit;
use crate::runtime::Runtime;
use std::fmt;
use std::time::Duration;

/// A mailbox with places for so many messages, and the inbox from which one task, the *actor*, takes them.
///
/// # Cost
///
/// Two allocations, as of an [mpsc channel](mpsc::channel); its queue grows with what is in it.
///
/// # Examples
///
/// ```
/// use backstay::task::{Reply, mailbox};
/// use backstay::{Limit, Runtime, testing::Sim};
///
/// enum Message {
///     Add(u64),
///     Total(Reply<u64>),
/// }
///
/// Sim::builder().run(|rt| async move {
///     let (sum, mut inbox) = mailbox(Limit::new(16).unwrap());
///     let actor = rt.spawn(async move {
///         let mut total = 0;
///         while let Some(message) = inbox.recv().await {
///             match message {
///                 Message::Add(number) => total += number,
///                 Message::Total(reply) => drop(reply.send(total)), // whoever asked may be gone
///             }
///         }
///     });
///
///     sum.cast(Message::Add(20)).await.unwrap();
///     sum.cast(Message::Add(22)).await.unwrap();
///     assert_eq!(sum.call(Message::Total).await.unwrap(), 42);
///     drop(sum); // the last one: the actor's loop ends
///     actor.await.unwrap();
/// })?;
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
#[doc(alias = "actor")]
#[doc(alias = "GenServer")]
pub fn mailbox<M>(capacity: impl Into<Limit>) -> (Mailbox<M>, Inbox<M>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Mailbox { sender }, Inbox::new(receiver))
}

/// The address of a task that owns something, an *actor*: calls it and waits for its reply, or tells it something.
///
/// A message is a type of yours, an enum most of the time; one that is a call carries a [`Reply`] of its own type, and
/// so each kind of call has its type of answer. Clones have the same actor; when the last of them is gone, and what was
/// sent has been taken, the inbox ends.
///
/// For state with one owner, asked by many, whose answers take an await or must not be held up by a lock; a number or
/// a map that is only read and written is simpler behind a mutex.
///
/// # Order and fairness
///
/// Messages are taken in the order in which they were sent; those who wait for a place get theirs in the order in which
/// they came, calls and casts alike.
///
/// # No call hangs
///
/// A call ends with an error when its actor can't answer it any more: the inbox is dropped, with the message in it or
/// not, as it is when the actor's task panics, is aborted or returns; or the [`Reply`] is dropped without an answer.
/// What is left is an actor that keeps the reply and doesn't answer, and one that calls itself, which it never will
/// answer: for those there is [`call_timeout`](Self::call_timeout).
///
/// # Cost
///
/// A call is one allocation, for the way back; a cast is none.
pub struct Mailbox<M> {
    sender: mpsc::Sender<M>,
}

impl<M> Mailbox<M> {
    /// Sends the message that `message` makes of a [`Reply`], and waits for the answer.
    ///
    /// A variant with nothing else in it is such a function by itself: `call(Message::Total)`. The message is made at
    /// once. It waits in line for a place if the mailbox is full: that is how a busy actor slows its callers down.
    ///
    /// # Errors
    ///
    /// [`CallError::Closed`] with the message, if the actor had ended or closed its inbox before;
    /// [`CallError::NoReply`] if it took the message, or had it in its inbox, and ended or dropped the reply.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its message was sent, it has sent nothing, and the message is dropped with it, unless it is taken
    /// [out](CallFuture::into_message). Dropped later, the message stays where it is, the answer is lost, and the actor
    /// can know: [`Reply::is_closed`], [`Reply::closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::task::{CallError, Reply, mailbox};
    /// use futures::executor::block_on;
    ///
    /// struct Lookup { id: u32, reply: Reply<Option<String>> }
    ///
    /// let (directory, mut inbox) = mailbox(Limit::ONE);
    /// let name = block_on(async {
    ///     let actor = async {
    ///         let Lookup { id, reply } = inbox.recv().await.unwrap();
    ///         reply.send((id == 7).then(|| "seven".to_owned())).unwrap();
    ///     };
    ///     futures::join!(directory.call(|reply| Lookup { id: 7, reply }), actor).0
    /// });
    /// assert_eq!(name.unwrap().as_deref(), Some("seven"));
    ///
    /// drop(inbox); // as the end of the actor does
    /// match block_on(directory.call(|reply| Lookup { id: 8, reply })) {
    ///     Err(CallError::Closed(Lookup { id, .. })) => assert_eq!(id, 8), // not lost
    ///     other => panic!("{other:?}"),
    /// }
    /// ```
    #[doc(alias = "ask")]
    #[doc(alias = "request")]
    pub fn call<T>(&self, message: impl FnOnce(Reply<T>) -> M) -> CallFuture<'_, M, T> {
        let (reply, answer) = oneshot::channel();
        CallFuture::new(self.sender.send(message(Reply::new(reply))), answer)
    }

    /// [`call`](Self::call), with a limit on the time that sending and answering take together, counted from the first
    /// poll that is pending.
    ///
    /// # Errors
    ///
    /// As `call`; and [`CallError::TimedOut`], with the message if it was not sent by then. If it was, the actor may be
    /// at it: it can know that nobody waits.
    ///
    /// # Cancel safety
    ///
    /// As `call`.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::task::{CallError, Reply, mailbox};
    /// use backstay::{Limit, Runtime, testing::Sim};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let (actor, mut inbox) = mailbox::<Reply<u32>>(Limit::ONE);
    ///     let error = actor.call_timeout(&rt, Duration::from_secs(1), |reply| reply).await.unwrap_err();
    ///     assert!(matches!(error, CallError::TimedOut { undelivered: None }));
    ///     let late = inbox.recv().await.unwrap();
    ///     assert!(late.is_closed());
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    pub fn call_timeout<R: Runtime, T>(
        &self,
        rt: &R,
        limit: Duration,
        message: impl FnOnce(Reply<T>) -> M,
    ) -> CallTimeoutFuture<'_, M, T, R> {
        CallTimeoutFuture::new(rt.timeout(limit, self.call(message)))
    }

    /// [`call_timeout`](Self::call_timeout), until a point in time.
    ///
    /// # Errors
    ///
    /// As `call_timeout`.
    ///
    /// # Cancel safety
    ///
    /// As `call`.
    pub fn call_timeout_at<R: Runtime, T>(
        &self,
        rt: &R,
        at: Instant,
        message: impl FnOnce(Reply<T>) -> M,
    ) -> CallTimeoutFuture<'_, M, T, R> {
        CallTimeoutFuture::new(rt.timeout_at(at, self.call(message)))
    }

    /// Sends a message that needs no answer, and waits for a place if there is none.
    ///
    /// When it is ready the message is in the inbox, which doesn't mean that the actor will take it: to know that, call.
    ///
    /// # Errors
    ///
    /// [`SendError`](mpsc::SendError) with the message, if the actor has ended or closed its inbox.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has sent nothing; the message can be taken [out](mpsc::SendFuture::into_inner).
    #[doc(alias = "tell")]
    #[doc(alias = "notify")]
    pub fn cast(&self, message: M) -> mpsc::SendFuture<'_, M> {
        self.sender.send(message)
    }

    /// Sends a message that needs no answer, if there is a place.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the message: the mailbox is full, or the actor has ended or closed its inbox.
    pub fn try_cast(&self, message: M) -> Result<(), TrySendError<M>> {
        self.sender.try_send(message)
    }

    /// Waits until the actor has ended, or has closed its inbox.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    pub fn closed(&self) -> mpsc::ClosedFuture<'_, M> {
        self.sender.closed()
    }

    /// Whether the actor has ended, or has closed its inbox.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// How many messages the actor has not taken yet.
    pub fn len(&self) -> usize {
        self.sender.len()
    }

    /// Whether the actor has taken all messages.
    pub fn is_empty(&self) -> bool {
        self.sender.is_empty()
    }

    /// How many places there are.
    pub fn capacity(&self) -> usize {
        self.sender.capacity()
    }

    /// Whether both have the same actor.
    pub fn same_actor(&self, other: &Self) -> bool {
        self.sender.same_channel(&other.sender)
    }

    /// An address that doesn't keep the actor going: what an actor keeps of its own, and what it gives to a timer.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::{Limit, task::mailbox};
    ///
    /// let (actor, inbox) = mailbox::<&str>(Limit::ONE);
    /// let own = actor.downgrade();
    /// own.upgrade().unwrap().try_cast("to myself").unwrap();
    /// drop(actor);
    /// assert!(own.upgrade().is_none());
    /// # drop(inbox);
    /// ```
    pub fn downgrade(&self) -> WeakMailbox<M> {
        WeakMailbox { sender: self.sender.downgrade() }
    }
}

impl<M> Clone for Mailbox<M> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

impl<M> fmt::Debug for Mailbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// A [`Mailbox`] that doesn't keep its actor going; made by [`Mailbox::downgrade`].
pub struct WeakMailbox<M> {
    sender: mpsc::WeakSender<M>,
}

impl<M> WeakMailbox<M> {
    /// The mailbox, unless the last of its clones is gone already.
    pub fn upgrade(&self) -> Option<Mailbox<M>> {
        self.sender.upgrade().map(|sender| Mailbox { sender })
    }
}

impl<M> Clone for WeakMailbox<M> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

impl<M> fmt::Debug for WeakMailbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakMailbox").finish_non_exhaustive()
    }
}
