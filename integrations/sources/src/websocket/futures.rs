//! What is awaited of a [`WebSocket`](super::WebSocket) or [`Writer`](super::Writer).

use super::error::{SendError, WebSocketError};
use super::handle::Handle;
use super::message::{CloseCode, CloseFrame, Message};
use backstay_core::Runtime;
use futures_io::{AsyncRead, AsyncWrite};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A message on its way out; from `send` and `feed`.
///
/// # Cancel safety
///
/// A message that was not started is still in here: [`into_inner`](Self::into_inner). One that was started goes out
/// whole, with whatever is sent next, with a flush, or while the stream is polled. Frames are never torn.
#[must_use = "futures do nothing unless they are awaited"]
pub struct SendFuture<'a, R: Runtime, S> {
    handle: &'a Handle<R, S>,
    message: Option<Message>,
    flush: bool,
}

impl<'a, R: Runtime, S> SendFuture<'a, R, S> {
    pub(super) const fn new(handle: &'a Handle<R, S>, message: Message, flush: bool) -> Self {
        Self { handle, message: Some(message), flush }
    }

    /// The message, where nothing of it was sent.
    pub fn into_inner(self) -> Option<Message> {
        self.message
    }
}

impl<R: Runtime, S: AsyncRead + AsyncWrite + Unpin> Future for SendFuture<'_, R, S> {
    type Output = Result<(), SendError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { handle, message, flush } = self.get_mut();
        let sent = handle.with(|connection| match ready!(connection.poll_feed(message, cx)) {
            Ok(()) if *flush => connection.poll_flush(cx),
            fed => Poll::Ready(fed),
        });
        sent.map_err(|error| SendError { error, unsent: message.take() })
    }
}

impl<R: Runtime, S> fmt::Debug for SendFuture<'_, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFuture").field("peer", &self.handle.peer).field("message", &self.message).finish()
    }
}

/// Waits until all that was fed is written; from `flush`.
///
/// # Cancel safety
///
/// Dropping it loses nothing.
#[must_use = "futures do nothing unless they are awaited"]
pub struct FlushFuture<'a, R: Runtime, S> {
    handle: &'a Handle<R, S>,
}

impl<'a, R: Runtime, S> FlushFuture<'a, R, S> {
    pub(super) const fn new(handle: &'a Handle<R, S>) -> Self {
        Self { handle }
    }
}

impl<R: Runtime, S: AsyncRead + AsyncWrite + Unpin> Future for FlushFuture<'_, R, S> {
    type Output = Result<(), WebSocketError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.handle.with(|connection| connection.poll_flush(cx))
    }
}

impl<R: Runtime, S> fmt::Debug for FlushFuture<'_, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlushFuture").field("peer", &self.handle.peer).finish()
    }
}

/// A close, and the peer's answer; from [`WebSocket::close`](super::WebSocket::close).
///
/// # Cancel safety
///
/// Once polled, the close is on its way: dropping this stops the waiting alone. The stream still gives what comes
/// until the answer, and then ends.
#[must_use = "futures do nothing unless they are awaited"]
pub struct CloseFuture<'a, R: Runtime, S> {
    pub(super) handle: &'a Handle<R, S>,
    pub(super) code: CloseCode,
    pub(super) reason: &'a str,
}

impl<R: Runtime, S: AsyncRead + AsyncWrite + Unpin> Future for CloseFuture<'_, R, S> {
    type Output = Result<CloseFrame, WebSocketError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.handle.with(|connection| {
            connection.start_close(self.code, self.reason, cx);
            loop {
                match ready!(connection.poll_message(cx)) {
                    // It was under way when we closed.
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Poll::Ready(Err(error)),
                    None => {
                        let said = connection.said().cloned();
                        return Poll::Ready(said.ok_or_else(|| connection.closed()));
                    }
                }
            }
        })
    }
}

impl<R: Runtime, S> fmt::Debug for CloseFuture<'_, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloseFuture").field("peer", &self.handle.peer).field("code", &self.code).finish()
    }
}

/// A close that is written; from [`Writer::close`](super::Writer::close).
///
/// # Cancel safety
///
/// Once polled, the close is on its way, and dropping this changes nothing.
#[must_use = "futures do nothing unless they are awaited"]
pub struct SendCloseFuture<'a, R: Runtime, S> {
    pub(super) handle: &'a Handle<R, S>,
    pub(super) code: CloseCode,
    pub(super) reason: &'a str,
}

impl<R: Runtime, S: AsyncRead + AsyncWrite + Unpin> Future for SendCloseFuture<'_, R, S> {
    type Output = Result<(), WebSocketError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.handle.with(|connection| {
            connection.start_close(self.code, self.reason, cx);
            if connection.ended() && connection.said().is_some() {
                return Poll::Ready(Ok(()));
            }
            connection.poll_flush(cx)
        })
    }
}

impl<R: Runtime, S> fmt::Debug for SendCloseFuture<'_, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendCloseFuture").field("peer", &self.handle.peer).field("code", &self.code).finish()
    }
}
