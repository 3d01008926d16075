//! The halves of a connection.

use super::error::WebSocketError;
use super::futures::{FlushFuture, SendCloseFuture, SendFuture};
use super::handle::Handle;
use super::message::{CloseCode, CloseFrame, Message};
use backstay_core::Runtime;
use futures_core::{FusedStream, Stream};
use futures_io::{AsyncRead, AsyncWrite};
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The half that reads: a stream like the [`WebSocket`](super::WebSocket) itself, and what answers pings.
///
/// The connection ends when both halves are dropped. Where this one is dropped alone, nobody answers any more.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next message loses nothing.
///
/// # Examples
///
/// See [`WebSocket::split`](super::WebSocket::split).
#[must_use = "nothing is answered unless it is polled"]
pub struct Reader<R: Runtime, S> {
    pub(super) handle: Handle<R, S>,
}

impl<R: Runtime, S: AsyncRead + AsyncWrite + Unpin> Reader<R, S> {
    /// What the peer's close said, once it has come.
    pub fn close_frame(&self) -> Option<CloseFrame> {
        self.handle.with(|connection| connection.said().cloned())
    }

    /// With whom.
    pub fn peer(&self) -> &str {
        &self.handle.peer
    }
}

impl<R: Runtime, S: AsyncRead + AsyncWrite + Unpin> Stream for Reader<R, S> {
    type Item = Result<Message, WebSocketError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.handle.with(|connection| connection.poll_message(cx))
    }
}

impl<R: Runtime, S: AsyncRead + AsyncWrite + Unpin> FusedStream for Reader<R, S> {
    fn is_terminated(&self) -> bool {
        self.handle.with(|connection| connection.ended())
    }
}

impl<R: Runtime, S> fmt::Debug for Reader<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("peer", &self.handle.peer).finish_non_exhaustive()
    }
}

/// The half that sends.
///
/// When the reading half finds the connection at its end, who waits here is told so:
/// [`Closed`](WebSocketError::Closed). Dropping it is no close.
///
/// # Examples
///
/// See [`WebSocket::split`](super::WebSocket::split).
pub struct Writer<R: Runtime, S> {
    pub(super) handle: Handle<R, S>,
}

impl<R: Runtime, S: AsyncRead + AsyncWrite + Unpin> Writer<R, S> {
    /// As [`WebSocket::send`](super::WebSocket::send).
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// # Cancel safety
    ///
    /// See [`SendFuture`].
    pub fn send(&mut self, message: impl Into<Message>) -> SendFuture<'_, R, S> {
        SendFuture::new(&self.handle, message.into(), true)
    }

    /// As [`WebSocket::feed`](super::WebSocket::feed).
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// # Cancel safety
    ///
    /// See [`SendFuture`].
    pub fn feed(&mut self, message: impl Into<Message>) -> SendFuture<'_, R, S> {
        SendFuture::new(&self.handle, message.into(), false)
    }

    /// As [`WebSocket::flush`](super::WebSocket::flush).
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// # Cancel safety
    ///
    /// See [`FlushFuture`].
    pub fn flush(&mut self) -> FlushFuture<'_, R, S> {
        FlushFuture::new(&self.handle)
    }

    /// Writes what was fed, and a close. The reading half gives what still comes, and ends with the peer's answer, or
    /// with an error where there is none in time.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush). Where one of the two has closed already there is nothing to do, and no error.
    ///
    /// # Cancel safety
    ///
    /// See [`SendCloseFuture`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::Sim;
    /// use backstay_sources::websocket::{self, CloseCode, Config, Message};
    /// use futures::StreamExt;
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let mut listener = websocket::listen(&rt, "0.0.0.0:80".parse()?, Config::new()).await?;
    ///     let connect = websocket::connect(&rt, "ws://main/", Config::new());
    ///     let (client, server) = futures::join!(connect, listener.next());
    ///     let (client, mut server) = (client?, server.expect("it goes on")?);
    ///     let (mut reader, mut writer) = client.split();
    ///     writer.close(CloseCode::NORMAL, "").await?;
    ///     server.send("before your close").await?; // it has not read it yet
    ///     let (end, message) = futures::join!(server.next(), reader.next());
    ///     assert!(end.is_none());
    ///     assert_eq!(message.transpose()?, Some(Message::from("before your close")));
    ///     assert!(reader.next().await.is_none());
    ///     assert_eq!(reader.close_frame().map(|said| said.code), Some(CloseCode::NORMAL));
    ///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    /// })?.value.unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close<'a>(&'a mut self, code: CloseCode, reason: &'a str) -> SendCloseFuture<'a, R, S> {
        SendCloseFuture { handle: &self.handle, code, reason }
    }

    /// With whom.
    pub fn peer(&self) -> &str {
        &self.handle.peer
    }
}

impl<R: Runtime, S> fmt::Debug for Writer<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("peer", &self.handle.peer).finish_non_exhaustive()
    }
}

/// Two halves that are not of the same connection, given back.
pub struct ReuniteError<R: Runtime, S> {
    /// The one.
    pub reader: Reader<R, S>,
    /// The other.
    pub writer: Writer<R, S>,
}

impl<R: Runtime, S> fmt::Debug for ReuniteError<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reader, writer } = self;
        f.debug_struct("ReuniteError").field("reader", reader).field("writer", writer).finish()
    }
}

impl<R: Runtime, S> fmt::Display for ReuniteError<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reader of {} and writer to {}", self.reader.handle.peer, self.writer.handle.peer)?;
        f.write_str(" are not of the same connection")
    }
}

impl<R: Runtime, S> Error for ReuniteError<R, S> {}
