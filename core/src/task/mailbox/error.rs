//! Why a call has no answer.

use std::error::Error;
use std::fmt;

/// Why a [call](super::Mailbox::call) has no answer; the message comes back where it was not sent.
///
/// # Examples
///
/// ```
/// use backstay_core::task::{CallError, Reply, mailbox};
/// use backstay_core::Limit;
///
/// let (actor, inbox) = mailbox::<Reply<()>>(Limit::ONE);
/// drop(inbox);
/// let error = futures::executor::block_on(actor.call(|reply| reply)).unwrap_err();
/// assert_eq!(error.to_string(), "the actor has ended, the call was not sent");
/// assert!(error.into_undelivered().is_some());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError<M> {
    /// The actor had ended, or closed its inbox; here is the message.
    Closed(M),
    /// The actor has ended, or has dropped its [`Reply`](super::Reply), without an answer. It may have begun to do what
    /// it was asked for.
    NoReply,
    /// The time was over first.
    TimedOut {
        /// The message, if there was no place for it in time.
        undelivered: Option<M>,
    },
}

impl<M> CallError<M> {
    /// The message, if the actor has not got it.
    pub fn into_undelivered(self) -> Option<M> {
        match self {
            Self::Closed(message) => Some(message),
            Self::TimedOut { undelivered } => undelivered,
            Self::NoReply => None,
        }
    }

    /// Whether the time was over.
    pub const fn is_timed_out(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }
}

// Also of messages that have no `Debug`: a result must be unwrappable.
impl<M> fmt::Debug for CallError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(_) => "Closed(..)",
            Self::NoReply => "NoReply",
            Self::TimedOut { undelivered: Some(_) } => "TimedOut { undelivered: Some(..) }",
            Self::TimedOut { undelivered: None } => "TimedOut { undelivered: None }",
        })
    }
}

impl<M> fmt::Display for CallError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(_) => "the actor has ended, the call was not sent",
            Self::NoReply => "the actor has ended or dropped the call without an answer",
            Self::TimedOut { undelivered: Some(_) } => "the call was not sent in time",
            Self::TimedOut { undelivered: None } => "the call was not answered in time",
        })
    }
}

impl<M> Error for CallError<M> {}
