//! A connection, whole.

use super::connection::Connection;
use super::error::WebSocketError;
use super::futures::{CloseFuture, FlushFuture, SendFuture};
use super::handle::Handle;
use super::message::{CloseCode, CloseFrame, Message};
use super::split::{Reader, ReuniteError, Writer};
use backstay_core::Runtime;
use futures_core::{FusedStream, Stream};
use futures_io::{AsyncRead, AsyncWrite};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A WebSocket: a stream of what comes, and a way to send.
///
/// [`connect`](super::connect) and [`accept`](super::accept) make one. `S` is what it runs over: the runtime's own
/// connection, or whatever else reads and writes.
///
/// # What happens while it is polled, and only then
///
/// There is no task behind it. Pings are answered, the keep-alive runs, a close is answered, and what a dropped
/// [`send`](Self::send) has left is written, **while the stream is polled**. Who only sends should
/// [`split`](Self::split) it and let somebody read, if just to drop what comes: a peer whose pings are not answered,
/// or whose messages are not read, gives up one day. Time that passes while nobody polls counts, but a peer is always
/// asked before it is given up.
///
/// # Backpressure
///
/// Nothing is read ahead beyond [`Config::read_buffer`](super::Config::read_buffer) and the frame that has begun, so a
/// slow reader holds its peer back. What is sent waits in turn: for each [`send`](Self::send) until all is written, with
/// [`feed`](Self::feed) as soon as the buffer is full. At most one message is held beside what the buffer may have.
/// **Two that only send to each other, and read when they have sent, wait for ever** once both ways are full: split,
/// and read beside it.
///
/// # The end
///
/// | what | the stream | what is sent afterwards | [`close_frame`](Self::close_frame) |
/// |---|---|---|---|
/// | the peer closes | is answered and ends | [`Closed`](WebSocketError::Closed) | what it said |
/// | this end closes | gives what still comes, then ends | [`Closed`](WebSocketError::Closed) | what the peer answered |
/// | the peer vanishes, breaks the protocol, takes too long | an error, then ends | [`Closed`](WebSocketError::Closed) | `None` |
///
/// A peer that breaks the protocol is told so, with the close code for it, as far as that can be written at once.
/// **Dropping a `WebSocket` is no close**: the peer sees it vanish. Nothing is left behind.
///
/// # Fairness
///
/// After 128 messages that were ready in a row, and after 32 reads of one poll, it is pending once, so that what runs
/// beside it has its turn.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next message loses nothing. The others say it of themselves:
/// [`SendFuture`], [`FlushFuture`], [`CloseFuture`].
///
/// # Cost
///
/// One lock without contention a poll, which is what lets it be [`split`](Self::split). A message that came in one
/// frame is not copied out of the read buffer. With a keep-alive, one timer, and one look at the clock for each poll
/// that finds nothing.
///
/// # Examples
///
/// ```
/// use backstay::net::Net;
/// use backstay::testing::Sim;
/// use backstay::Runtime;
/// use backstay_sources::websocket::{self, CloseCode, Config, Message};
/// use futures::StreamExt;
///
/// Sim::builder().seed(1).run(|rt: Sim| async move {
///     let mut listener = websocket::listen(&rt, "0.0.0.0:80".parse()?, Config::new()).await?;
///     let server = rt.spawn(async move {
///         let mut socket = listener.next().await.expect("it goes on")?;
///         while let Some(message) = socket.next().await {
///             socket.send(message?).await?;
///         }
///         Ok::<_, websocket::WebSocketError>(socket.close_frame())
///     });
///
///     let mut socket = websocket::connect(&rt, "ws://main/echo", Config::new()).await?;
///     socket.send("hello").await?;
///     assert_eq!(socket.next().await.transpose()?, Some(Message::from("hello")));
///     socket.close(CloseCode::NORMAL, "done").await?;
///
///     let said = server.await??.expect("it was closed");
///     assert_eq!((said.code, said.reason.as_str()), (CloseCode::NORMAL, "done"));
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// })?.value.unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping it ends the connection"]
pub struct WebSocket<R: Runtime, S> {
    handle: Handle<R, S>,
}

impl<R: Runtime, S: AsyncRead + AsyncWrite + Unpin> WebSocket<R, S> {
    pub(super) fn new(peer: Arc<str>, path: Arc<str>, connection: Connection<R, S>) -> Self {
        Self { handle: Handle::new(peer, path, connection) }
    }

    /// Sends a message, and waits until it is written.
    ///
    /// # Errors
    ///
    /// [`SendError`](super::SendError), with the message where nothing of it was sent:
    /// [`Closed`](WebSocketError::Closed), [`TooLarge`](WebSocketError::TooLarge),
    /// [`Vanished`](WebSocketError::Vanished), [`Io`](WebSocketError::Io).
    ///
    /// # Cancel safety
    ///
    /// See [`SendFuture`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::Sim;
    /// use backstay_sources::websocket::{self, CloseCode, Config, Message};
    /// use futures::{FutureExt, StreamExt};
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let mut listener = websocket::listen(&rt, "0.0.0.0:80".parse()?, Config::new()).await?;
    ///     let connect = websocket::connect(&rt, "ws://main/", Config::new());
    ///     let (client, server) = futures::join!(connect, listener.next());
    ///     let (mut client, mut server) = (client?, server.expect("it goes on")?);
    ///     client.send("text").await?;
    ///     client.send(vec![1, 2, 3]).await?;
    ///     assert_eq!(server.next().await.transpose()?, Some(Message::from("text")));
    ///     assert_eq!(server.next().await.transpose()?, Some(Message::from(vec![1, 2, 3])));
    ///
    ///     server.close(CloseCode::NORMAL, "").now_or_never(); // it is on its way
    ///     let error = server.send("one more thing").await.unwrap_err();
    ///     assert_eq!(error.unsent, Some(Message::from("one more thing")));
    ///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    /// })?.value.unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send(&mut self, message: impl Into<Message>) -> SendFuture<'_, R, S> {
        SendFuture::new(&self.handle, message.into(), true)
    }

    /// Sends a message as soon as there is room for it; it may be written later, with others, and at the latest by
    /// [`flush`](Self::flush). For many small ones.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// See [`SendFuture`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::Sim;
    /// use backstay::Runtime;
    /// use backstay_sources::websocket::{self, Config, Message};
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let mut listener = websocket::listen(&rt, "0.0.0.0:80".parse()?, Config::new()).await?;
    ///     let connect = websocket::connect(&rt, "ws://main/", Config::new());
    ///     let (client, server) = futures::join!(connect, listener.next());
    ///     let (mut client, mut server) = (client?, server.expect("it goes on")?);
    ///     for number in 0..3 {
    ///         client.feed(number.to_string()).await?;
    ///     }
    ///     let early = rt.timeout(Duration::from_secs(1), server.next()).await;
    ///     assert!(early.is_err()); // nothing is written yet
    ///     client.flush().await?;
    ///     for number in 0..3 {
    ///         assert_eq!(server.next().await.transpose()?, Some(Message::from(number.to_string())));
    ///     }
    ///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    /// })?.value.unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn feed(&mut self, message: impl Into<Message>) -> SendFuture<'_, R, S> {
        SendFuture::new(&self.handle, message.into(), false)
    }

    /// Waits until all that was fed is written.
    ///
    /// # Errors
    ///
    /// [`Closed`](WebSocketError::Closed), [`Vanished`](WebSocketError::Vanished), [`Io`](WebSocketError::Io).
    ///
    /// # Cancel safety
    ///
    /// See [`FlushFuture`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::Sim;
    /// use backstay_sources::websocket::{self, Config, Message};
    /// use futures::{StreamExt, TryStreamExt};
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let mut listener = websocket::listen(&rt, "0.0.0.0:80".parse()?, Config::new()).await?;
    ///     let connect = websocket::connect(&rt, "ws://main/", Config::new());
    ///     let (client, server) = futures::join!(connect, listener.next());
    ///     let (mut client, mut server) = (client?, server.expect("it goes on")?);
    ///     client.feed("a").await?;
    ///     client.feed("b").await?;
    ///     client.flush().await?; // both at once
    ///     let both: Vec<_> = server.by_ref().take(2).try_collect().await?;
    ///     assert_eq!(both, [Message::from("a"), Message::from("b")]);
    ///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    /// })?.value.unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flush(&mut self) -> FlushFuture<'_, R, S> {
        FlushFuture::new(&self.handle)
    }

    /// Closes the connection: writes what was fed and a close, waits for the peer's, and gives it. A reason beyond 123
    /// bytes is cut. Messages that still come are dropped; who wants them [splits](Self::split).
    ///
    /// Where one of the two has closed already, it only waits.
    ///
    /// # Errors
    ///
    /// [`Timeout`](WebSocketError::Timeout) when the peer does not answer in time, and whatever else the stream ends
    /// with; [`Closed`](WebSocketError::Closed) when it has ended with an error before.
    ///
    /// # Cancel safety
    ///
    /// See [`CloseFuture`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::Sim;
    /// use backstay_sources::websocket::{self, CloseCode, Config};
    /// use futures::StreamExt;
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let mut listener = websocket::listen(&rt, "0.0.0.0:80".parse()?, Config::new()).await?;
    ///     let connect = websocket::connect(&rt, "ws://main/", Config::new());
    ///     let (client, server) = futures::join!(connect, listener.next());
    ///     let (mut client, mut server) = (client?, server.expect("it goes on")?);
    ///     let (answer, end) = futures::join!(client.close(CloseCode::GOING_AWAY, "a restart"), server.next());
    ///     assert!(end.is_none()); // the server has answered, as its stream was polled
    ///     assert_eq!(answer?.code, CloseCode::GOING_AWAY);
    ///     let said = server.close_frame().expect("it was closed");
    ///     assert_eq!((said.code, said.reason.as_str()), (CloseCode::GOING_AWAY, "a restart"));
    ///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    /// })?.value.unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close<'a>(&'a mut self, code: CloseCode, reason: &'a str) -> CloseFuture<'a, R, S> {
        CloseFuture { handle: &self.handle, code, reason }
    }

    /// What the peer's close said, once it has come.
    pub fn close_frame(&self) -> Option<CloseFrame> {
        self.handle.with(|connection| connection.said().cloned())
    }

    /// With whom: the URL for who has connected, the peer's address for who has accepted.
    pub fn peer(&self) -> &str {
        &self.handle.peer
    }

    /// The path that was asked for, with its query: `/news?since=7`.
    pub fn path(&self) -> &str {
        &self.handle.path
    }

    /// One half to read, one to send: for two tasks, or two arms of a select.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::Sim;
    /// use backstay_sources::websocket::{self, CloseCode, Config, WebSocketError};
    /// use futures::StreamExt;
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let mut listener = websocket::listen(&rt, "0.0.0.0:80".parse()?, Config::new()).await?;
    ///     let connect = websocket::connect(&rt, "ws://main/", Config::new());
    ///     let (client, server) = futures::join!(connect, listener.next());
    ///     let (client, mut server) = (client?, server.expect("it goes on")?);
    ///     let (mut reader, mut writer) = client.split();
    ///     let echo = async {
    ///         while let Some(message) = server.next().await {
    ///             server.send(message?).await?;
    ///         }
    ///         Ok::<(), WebSocketError>(())
    ///     };
    ///     // Sends far more than the ways between them hold, and reads beside it.
    ///     let sends = async {
    ///         for _ in 0..100 {
    ///             writer.send(vec![0; 50_000]).await?;
    ///         }
    ///         writer.close(CloseCode::NORMAL, "").await
    ///     };
    ///     let reads = async {
    ///         let mut bytes = 0;
    ///         while let Some(message) = reader.next().await {
    ///             bytes += message?.len();
    ///         }
    ///         Ok::<_, WebSocketError>(bytes)
    ///     };
    ///     let ((), (), bytes) = futures::try_join!(echo, sends, reads)?;
    ///     assert_eq!(bytes, 5_000_000);
    ///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    /// })?.value.unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn split(self) -> (Reader<R, S>, Writer<R, S>) {
        (Reader { handle: self.handle.clone() }, Writer { handle: self.handle })
    }

    /// The two halves as one again.
    ///
    /// # Errors
    ///
    /// [`ReuniteError`], with the halves, where they are not of the same connection.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::Sim;
    /// use backstay_sources::websocket::{self, Config, WebSocket};
    /// use futures::StreamExt;
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let mut listener = websocket::listen(&rt, "0.0.0.0:80".parse()?, Config::new()).await?;
    ///     let connect = websocket::connect(&rt, "ws://main/", Config::new());
    ///     let (client, server) = futures::join!(connect, listener.next());
    ///     let (client, server) = (client?, server.expect("it goes on")?);
    ///     let (reader, mut writer) = client.split();
    ///     writer.send("from a half").await?;
    ///     let (foreign, _writer) = server.split();
    ///     let refused = WebSocket::reunite(foreign, writer).expect_err("they are not of the same connection");
    ///     let mut client = WebSocket::reunite(reader, refused.writer)?;
    ///     client.send("from the whole").await?;
    ///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    /// })?.value.unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reunite(reader: Reader<R, S>, writer: Writer<R, S>) -> Result<Self, ReuniteError<R, S>> {
        if reader.handle.is_same(&writer.handle) {
            Ok(Self { handle: writer.handle })
        } else {
            Err(ReuniteError { reader, writer })
        }
    }
}

impl<R: Runtime, S: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<R, S> {
    type Item = Result<Message, WebSocketError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.handle.with(|connection| connection.poll_message(cx))
    }
}

impl<R: Runtime, S: AsyncRead + AsyncWrite + Unpin> FusedStream for WebSocket<R, S> {
    fn is_terminated(&self) -> bool {
        self.handle.with(|connection| connection.ended())
    }
}

impl<R: Runtime, S> fmt::Debug for WebSocket<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Handle { peer, path, .. } = &self.handle;
        f.debug_struct("WebSocket").field("peer", peer).field("path", path).finish_non_exhaustive()
    }
}
