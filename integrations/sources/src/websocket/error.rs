//! What can go wrong.

use super::message::Message;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tungstenite::error::{CapacityError, Error as Cause, ProtocolError as Violation};

/// Why a connection could not be opened, or has ended otherwise than by a close.
///
/// Each says with whom: `peer` is the URL for who connects, the peer's address for who accepts.
///
/// After one of them came out of a [`WebSocket`](super::WebSocket) as an item, the stream ends. What is sent then is
/// refused with [`Closed`](Self::Closed).
#[derive(Debug)]
#[non_exhaustive]
pub enum WebSocketError {
    /// The URL can't be used.
    Url {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No connection: nobody listens, no such host, no free port.
    Connect {
        /// With whom.
        peer: Arc<str>,
        /// The system's.
        source: io::Error,
    },
    /// A connection could not be accepted; the [`Listener`](super::Listener) goes on.
    Accept {
        /// Where was listened.
        listener: Arc<str>,
        /// The system's.
        source: io::Error,
    },
    /// The other side has answered the handshake, and with something else than a WebSocket.
    Refused {
        /// Who.
        peer: Arc<str>,
        /// The HTTP status.
        status: u16,
    },
    /// The other side speaks no WebSocket.
    Handshake {
        /// Who.
        peer: Arc<str>,
        /// What it did.
        source: ProtocolError,
    },
    /// A malformed frame, or one that must not come here.
    Protocol {
        /// Whose.
        peer: Arc<str>,
        /// What is wrong with it.
        source: ProtocolError,
    },
    /// A text that is no UTF-8.
    InvalidUtf8 {
        /// Whose.
        peer: Arc<str>,
    },
    /// A message or frame beyond the limit of the [`Config`](super::Config): received, or to be sent.
    TooLarge {
        /// From or for whom.
        peer: Arc<str>,
        /// Its size in bytes, as far as it is known.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// The peer has gone without a close.
    Vanished {
        /// Who.
        peer: Arc<str>,
        /// Whether a message had begun and not ended: in a frame, or between two frames of it.
        mid_message: bool,
        /// The system's, where it was not just an end.
        source: Option<io::Error>,
    },
    /// Reading or writing failed otherwise.
    Io {
        /// With whom.
        peer: Arc<str>,
        /// The system's.
        source: io::Error,
    },
    /// The peer took too long.
    Timeout {
        /// Who.
        peer: Arc<str>,
        /// For what.
        waited_for: WaitedFor,
        /// The limit.
        limit: Duration,
    },
    /// Nothing can be sent any more: one of the two has closed the connection, or it has failed.
    Closed {
        /// With whom.
        peer: Arc<str>,
    },
}

/// What took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitedFor {
    /// The handshake, and for who connects the connection before it.
    Handshake,
    /// Any sign of life after a ping.
    Pong,
    /// The answer to a close.
    Close,
}

impl fmt::Display for WaitedFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "the handshake",
            Self::Pong => "a pong",
            Self::Close => "the answer to a close",
        })
    }
}

impl WebSocketError {
    /// What a handshake came to.
    pub(super) fn of_handshake(peer: &Arc<str>, cause: Cause) -> Self {
        let peer = Arc::clone(peer);
        match cause {
            Cause::Io(source) => Self::of_io(peer, false, source),
            Cause::Protocol(Violation::HandshakeIncomplete) => {
                Self::Vanished { peer, mid_message: false, source: None }
            }
            Cause::Http(answer) => Self::Refused { peer, status: answer.status().as_u16() },
            Cause::Url(_) => Self::Url { url: peer.as_ref().to_owned(), reason: "no WebSocket has it" },
            source => Self::Handshake { peer, source: ProtocolError(source) },
        }
    }

    /// What reading and writing afterwards came to.
    pub(super) fn of_frames(peer: &Arc<str>, mid_message: bool, cause: Cause) -> Self {
        let peer = Arc::clone(peer);
        match cause {
            Cause::Io(source) => Self::of_io(peer, mid_message, source),
            Cause::Protocol(Violation::ResetWithoutClosingHandshake) => {
                Self::Vanished { peer, mid_message, source: None }
            }
            Cause::Capacity(CapacityError::MessageTooLong { size, max_size: max }) => {
                Self::TooLarge { peer, size, max }
            }
            Cause::Utf8(_) => Self::InvalidUtf8 { peer },
            Cause::ConnectionClosed | Cause::AlreadyClosed | Cause::Protocol(Violation::SendAfterClosing) => {
                Self::Closed { peer }
            }
            source => Self::Protocol { peer, source: ProtocolError(source) },
        }
    }

    fn of_io(peer: Arc<str>, mid_message: bool, source: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
        match source.kind() {
            BrokenPipe | ConnectionAborted | ConnectionReset | TimedOut | UnexpectedEof => {
                Self::Vanished { peer, mid_message, source: Some(source) }
            }
            _ => Self::Io { peer, source },
        }
    }
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { url, reason } => write!(f, "invalid URL {url:?}: {reason}"),
            Self::Connect { peer, .. } => write!(f, "no connection to {peer}"),
            Self::Accept { listener, .. } => write!(f, "no connection accepted on {listener}"),
            Self::Refused { peer, status } => write!(f, "{peer} refused the handshake with status {status}"),
            Self::Handshake { peer, .. } => write!(f, "handshake with {peer} failed"),
            Self::Protocol { peer, .. } => write!(f, "{peer} broke the protocol"),
            Self::InvalidUtf8 { peer } => write!(f, "{peer} sent a text that is not UTF-8"),
            Self::TooLarge { peer, size, max } => {
                write!(f, "message of {size} bytes from or for {peer}: the limit is {max}")
            }
            Self::Vanished { peer, mid_message: true, .. } => {
                write!(f, "{peer} vanished in the middle of a message")
            }
            Self::Vanished { peer, .. } => write!(f, "{peer} vanished without a close"),
            Self::Io { peer, .. } => write!(f, "connection with {peer} failed"),
            Self::Timeout { peer, waited_for, limit } => {
                write!(f, "waited {limit:?} for {waited_for} from {peer}")
            }
            Self::Closed { peer } => write!(f, "connection with {peer} is closed"),
        }
    }
}

impl Error for WebSocketError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connect { source, .. } | Self::Accept { source, .. } | Self::Io { source, .. } => {
                Some(source)
            }
            Self::Handshake { source, .. } | Self::Protocol { source, .. } => Some(source),
            Self::Vanished { source: Some(source), .. } => Some(source),
            Self::Url { .. }
            | Self::Refused { .. }
            | Self::InvalidUtf8 { .. }
            | Self::TooLarge { .. }
            | Self::Vanished { source: None, .. }
            | Self::Timeout { .. }
            | Self::Closed { .. } => None,
        }
    }
}

/// A message was not sent, or not to its end.
///
/// # Examples
///
/// ```
/// use backstay::testing::Sim;
/// use backstay_sources::websocket::{self, Config, Message, WebSocketError};
/// use futures::StreamExt;
///
/// Sim::builder().seed(1).run(|rt: Sim| async move {
///     let small = Config::builder().max_message_size(1_000).build()?;
///     let mut listener = websocket::listen(&rt, "0.0.0.0:80".parse()?, Config::new()).await?;
///     let connect = websocket::connect(&rt, "ws://main/", small);
///     let (client, server) = futures::join!(connect, listener.next());
///     let (mut client, mut server) = (client?, server.expect("it goes on")?);
///     let large = Message::from(vec![0; 2_000]);
///     let error = client.send(large.clone()).await.unwrap_err();
///     assert!(matches!(error.error, WebSocketError::TooLarge { size: 2_000, max: 1_000, .. }));
///     let Some(message) = error.unsent else { unreachable!("nothing of it was sent") };
///     // In two parts, and the connection is as good as before.
///     let bytes = message.into_bytes();
///     for part in bytes.chunks(1_000) {
///         client.send(part.to_vec()).await?;
///     }
///     assert_eq!(server.next().await.transpose()?.map(|message| message.len()), Some(1_000));
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// })?.value.unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SendError {
    /// Why.
    pub error: WebSocketError,
    /// The message, where nothing of it was sent.
    pub unsent: Option<Message>,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.unsent.is_some() { "message not sent" } else { "message lost on its way" })
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl From<SendError> for WebSocketError {
    fn from(send: SendError) -> Self {
        send.error
    }
}

/// What the other side did that it must not do.
pub struct ProtocolError(Cause);

impl fmt::Debug for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As the decoder words it, beginning as our messages do.
        let words = match &self.0 {
            Cause::Protocol(violation) => violation.to_string(),
            other => other.to_string(),
        };
        let first = words.chars().next().map_or(0, char::len_utf8);
        let (first, rest) = words.split_at(first);
        write!(f, "{}{rest}", first.to_lowercase())
    }
}

impl Error for ProtocolError {}
