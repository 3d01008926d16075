//! Why a token was cancelled.

use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Why a [`CancelToken`](super::CancelToken) was cancelled; the first reason is the one that counts.
///
/// A token that is cancelled with its parent has its parent's reason.
///
/// # Cost
///
/// A clone copies a few words; of a message that was made at run time it is an `Arc`'s clone.
///
/// # Examples
///
/// ```
/// use backstay_core::task::{CancelReason, CancelToken};
///
/// let token = CancelToken::new();
/// token.cancel_with("a new configuration");
/// token.cancel(); // too late
/// match token.reason() {
///     Some(CancelReason::Message(why)) => assert_eq!(why.as_str(), "a new configuration"),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelReason {
    /// Somebody called [`cancel`](super::CancelToken::cancel).
    Explicit,
    /// Its deadline has passed.
    Deadline,
    /// Its [guard](super::DropGuard) was dropped: whoever held it has returned, was dropped, or has panicked.
    GuardDropped,
    /// Somebody called [`cancel_with`](super::CancelToken::cancel_with) and said why.
    Message(CancelMessage),
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit => f.write_str("on request"),
            Self::Deadline => f.write_str("the deadline has passed"),
            Self::GuardDropped => f.write_str("its guard was dropped"),
            Self::Message(message) => message.fmt(f),
        }
    }
}

impl From<&'static str> for CancelReason {
    fn from(message: &'static str) -> Self {
        Self::Message(CancelMessage(Text::Static(message)))
    }
}

impl From<String> for CancelReason {
    fn from(message: String) -> Self {
        Self::from(Arc::from(message))
    }
}

impl From<Arc<str>> for CancelReason {
    fn from(message: Arc<str>) -> Self {
        Self::Message(CancelMessage(Text::Shared(message)))
    }
}

/// What somebody said as they cancelled: a text, cheap to clone. Two are equal if their texts are.
///
/// A [`CancelReason`] is made from the text: a `&'static str`, a `String` or an `Arc<str>`.
#[derive(Clone)]
pub struct CancelMessage(Text);

#[derive(Clone)]
enum Text {
    Static(&'static str),
    Shared(Arc<str>),
}

impl CancelMessage {
    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Static(text) => text,
            Text::Shared(text) => text,
        }
    }
}

impl PartialEq for CancelMessage {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for CancelMessage {}

impl Hash for CancelMessage {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for CancelMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for CancelMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error of what was not done, or not to its end, because its token was cancelled.
///
/// # Examples
///
/// ```
/// use backstay_core::task::{CancelReason, CancelToken};
///
/// let token = CancelToken::new();
/// assert!(token.check().is_ok());
/// token.cancel_with(String::from("the client is gone"));
/// let error = token.check().unwrap_err();
/// assert_eq!(error.to_string(), "cancelled: the client is gone");
/// assert_eq!(*error.reason(), CancelReason::from("the client is gone"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    reason: CancelReason,
}

impl Cancelled {
    pub(in crate::task) const fn new(reason: CancelReason) -> Self {
        Self { reason }
    }

    /// Why.
    pub const fn reason(&self) -> &CancelReason {
        &self.reason
    }

    /// Why, without a clone.
    pub fn into_reason(self) -> CancelReason {
        self.reason
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            CancelReason::Explicit => f.write_str("cancelled"),
            reason => write!(f, "cancelled: {reason}"),
        }
    }
}

impl Error for Cancelled {}
