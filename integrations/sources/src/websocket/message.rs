//! What is sent and received.

use bytes::Bytes;
use std::borrow::Borrow;
use std::error::Error;
use std::fmt;
use std::ops::Deref;
use tungstenite::Utf8Bytes;
use tungstenite::protocol::CloseFrame as Frame;

/// A message, whole: the parts that it may have come in are put together.
///
/// Pings and pongs are no messages, and neither is a close: see [`WebSocket`](super::WebSocket).
///
/// # Examples
///
/// ```
/// use backstay_sources::websocket::{Bytes, Message};
///
/// let text = Message::from("hello");
/// assert_eq!((text.as_text(), text.len()), (Some("hello"), 5));
/// assert_eq!(text.into_bytes(), Bytes::from("hello"));
///
/// let bytes = Message::from(vec![1, 2]);
/// assert_eq!(bytes.as_text(), None);
/// assert!(matches!(bytes, Message::Binary(bytes) if bytes[..] == [1, 2]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// Text.
    Text(Text),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// How many bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text; `None` of bytes.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// The bytes, also of a text. Nothing is copied.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.0.into(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl From<Message> for tungstenite::Message {
    fn from(message: Message) -> Self {
        match message {
            Message::Text(text) => Self::Text(text.0),
            Message::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Text> for Message {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

/// A text: a `str`, as it came, without a copy. A clone shares it.
///
/// # Examples
///
/// ```
/// use backstay_sources::websocket::{Message, Text};
///
/// const HELLO: Text = Text::from_static("hello");
/// assert_eq!(HELLO, "hello");
/// assert!(HELLO.starts_with("he")); // as a `str`
/// assert_eq!(Message::from(HELLO), Message::from("hello"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Text(pub(super) Utf8Bytes);

impl Text {
    /// Of a literal: allocates nothing.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Utf8Bytes::from_static(text))
    }

    /// As a `str`, which it also derefs to.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.as_str().to_owned()
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// Why a connection is closed (RFC 6455, section 7.4).
///
/// # Examples
///
/// ```
/// use backstay_sources::websocket::CloseCode;
///
/// assert_eq!(CloseCode::NORMAL.get(), 1000);
/// assert_eq!(CloseCode::new(4001)?.get(), 4001); // an application's own
///
/// let error = CloseCode::new(1006).unwrap_err();
/// assert_eq!(error.to_string(), "close code 1006 must not be sent");
/// # Ok::<(), backstay_sources::websocket::CloseCodeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: all has been said.
    pub const NORMAL: Self = Self(1000);
    /// 1001: this end goes away: a server that stops, a page that is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the other end has broken the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: text where bytes are expected, or the other way round.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1005: the other end has said none. Never sent.
    pub const NO_STATUS: Self = Self(1005);
    /// 1007: a text that is no UTF-8, or other data that are not what they say.
    pub const INVALID_DATA: Self = Self(1007);
    /// 1008: against the rules of this end.
    pub const POLICY: Self = Self(1008);
    /// 1009: a message is too large.
    pub const TOO_LARGE: Self = Self(1009);
    /// 1011: this end is in trouble.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the server starts again.
    pub const RESTART: Self = Self(1012);
    /// 1013: the server has too much to do.
    pub const TRY_AGAIN: Self = Self(1013);

    /// A code that may be sent: 1000 to 1003, 1007 to 1014, 3000 to 4999.
    ///
    /// # Errors
    ///
    /// [`CloseCodeError`] for every other.
    pub const fn new(code: u16) -> Result<Self, CloseCodeError> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(Self(code)),
            _ => Err(CloseCodeError(code)),
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an end says when it closes.
///
/// # Examples
///
/// See [`WebSocket::close`](super::WebSocket::close).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CloseFrame {
    /// Why; [`CloseCode::NO_STATUS`] where it said nothing.
    pub code: CloseCode,
    /// The same for people, at most 123 bytes; may be empty.
    pub reason: Text,
}

/// A control frame has room for so many bytes beside the code.
const MAX_REASON: usize = 123;

pub(super) fn close_frame(code: CloseCode, reason: &str) -> Option<Frame> {
    let reason = &reason[..reason.floor_char_boundary(MAX_REASON)];
    // What must not be sent says that nothing is said.
    (code != CloseCode::NO_STATUS).then(|| Frame { code: code.0.into(), reason: reason.into() })
}

impl From<Option<Frame>> for CloseFrame {
    fn from(frame: Option<Frame>) -> Self {
        match frame {
            Some(Frame { code, reason }) => Self { code: CloseCode(code.into()), reason: Text(reason) },
            None => Self { code: CloseCode::NO_STATUS, reason: Text::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_where_a_character_ends() {
        let long = "é".repeat(100);
        let frame = close_frame(CloseCode::NORMAL, &long).expect("a frame");
        assert_eq!(frame.reason.len(), 122);
        assert_eq!(close_frame(CloseCode::NO_STATUS, "x"), None);
        let said = CloseFrame::from(Some(frame));
        assert_eq!((said.code, said.reason.len()), (CloseCode::NORMAL, 122));
        assert_eq!(CloseFrame::from(None).code, CloseCode::NO_STATUS);
    }

    #[test]
    fn codes_that_must_not_be_sent_are_refused() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
            assert!(CloseCode::new(code).is_err(), "{code}");
        }
        for code in [1000, 1003, 1007, 1014, 3000, 4999] {
            assert_eq!(CloseCode::new(code).map(CloseCode::get).ok(), Some(code));
        }
    }
}

/// A close code that must not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCodeError(u16);

impl CloseCodeError {
    /// The code.
    pub const fn code(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "close code {} must not be sent", self.0)
    }
}

impl Error for CloseCodeError {}
