//! A call, from its sending to its answer.

use super::error::CallError;
use crate::channel::mpsc::SendFuture;
use crate::channel::oneshot;
use crate::probe;
use crate::runtime::Runtime;
use crate::runtime::timeout::{Elapsed, Timeout};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The future of [`Mailbox::call`](super::Mailbox::call).
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct CallFuture<'a, M, T> {
    // `None` once the message has been sent.
    send: Option<SendFuture<'a, M>>,
    answer: oneshot::Receiver<T>,
}

impl<'a, M, T> CallFuture<'a, M, T> {
    pub(super) const fn new(send: SendFuture<'a, M>, answer: oneshot::Receiver<T>) -> Self {
        Self { send: Some(send), answer }
    }

    /// The message, if it has not been sent; it is not sent then. Nobody waits for the reply that is in it.
    pub fn into_message(mut self) -> Option<M> {
        self.take_message()
    }

    fn take_message(&mut self) -> Option<M> {
        self.send.take().and_then(SendFuture::into_inner)
    }
}

impl<M, T> Future for CallFuture<'_, M, T> {
    type Output = Result<T, CallError<M>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(send) = &mut self.send {
            let sent = ready!(Pin::new(send).poll(cx));
            self.send = None;
            if let Err(error) = sent {
                return Poll::Ready(Err(CallError::Closed(error.into_inner())));
            }
        }
        let poll = Pin::new(&mut self.answer).poll(cx);
        if poll.is_pending() {
            probe::waiting(|| "the answer to a call".to_owned());
        }
        poll.map_err(|oneshot::Closed| CallError::NoReply)
    }
}

impl<M, T> fmt::Debug for CallFuture<'_, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFuture").field("is_sent", &self.send.is_none()).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Mailbox::call_timeout`](super::Mailbox::call_timeout).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct CallTimeoutFuture<'a, M, T, R: Runtime> {
        #[pin]
        call: Timeout<CallFuture<'a, M, T>, R>,
    }
}

impl<'a, M, T, R: Runtime> CallTimeoutFuture<'a, M, T, R> {
    pub(super) const fn new(call: Timeout<CallFuture<'a, M, T>, R>) -> Self {
        Self { call }
    }

    /// The message, if it has not been sent; it is not sent then.
    pub fn into_message(self) -> Option<M> {
        self.call.into_inner().into_message()
    }
}

impl<M, T, R: Runtime> Future for CallTimeoutFuture<'_, M, T, R> {
    type Output = Result<T, CallError<M>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut call = self.project().call;
        Poll::Ready(match ready!(call.as_mut().poll(cx)) {
            Ok(outcome) => outcome,
            Err(Elapsed) => {
                let undelivered = call.get_pin_mut().get_mut().take_message();
                Err(CallError::TimedOut { undelivered })
            }
        })
    }
}

impl<M, T, R: Runtime> fmt::Debug for CallTimeoutFuture<'_, M, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallTimeoutFuture").finish_non_exhaustive()
    }
}
