//! What channels answer where a value can't go on its way.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The other side is gone or has closed the channel.
///
/// ```
/// use backstay_core::channel::{Closed, mpsc};
/// use backstay_core::Limit;
///
/// let (sender, receiver) = mpsc::channel::<u32>(Limit::ONE);
/// drop(receiver);
/// assert_eq!(futures::executor::block_on(sender.reserve()).unwrap_err(), Closed);
/// assert_eq!(Closed.to_string(), "the channel is closed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the channel is closed")
    }
}

impl Error for Closed {}

/// A value that was not sent because the channel is closed; given back.
///
/// ```
/// use backstay_core::channel::{SendError, mpsc};
/// use backstay_core::Limit;
///
/// let (sender, receiver) = mpsc::channel(Limit::ONE);
/// drop(receiver);
/// let SendError(letter) = futures::executor::block_on(sender.send("a letter")).unwrap_err();
/// assert_eq!(letter, "a letter");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

impl<T> SendError<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> SendError<Arc<T>> {
    /// The same error about the value, which was to be shared and has not been.
    pub(crate) fn unshared(self) -> SendError<T> {
        SendError(unshared(self.0))
    }
}

/// A value that was to be shared and has not been.
pub(crate) fn unshared<T>(value: Arc<T>) -> T {
    match Arc::into_inner(value) {
        Some(value) => value,
        None => unreachable!("nobody else has seen it"),
    }
}

// Also of values that have no `Debug`: a result must be unwrappable.
impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendError(..)")
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Closed.fmt(f)
    }
}

impl<T> Error for SendError<T> {}

/// A value that was not sent at once; given back.
///
/// ```
/// use backstay_core::channel::{TrySendError, mpsc};
/// use backstay_core::Limit;
///
/// let (sender, receiver) = mpsc::channel(Limit::ONE);
/// assert_eq!(sender.try_send(1), Ok(()));
/// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
/// drop(receiver);
/// assert_eq!(sender.try_send(3).unwrap_err().into_inner(), 3);
/// ```
// Exhaustive: a channel has room or has none, is open or is closed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// No place is free, or all that are free are promised to those who wait.
    Full(T),
    /// The channel is closed.
    Closed(T),
}

impl<T> TrySendError<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }

    /// Whether there was no place.
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether the channel is closed.
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    /// The same error about another value.
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> TrySendError<U> {
        match self {
            Self::Full(value) => TrySendError::Full(f(value)),
            Self::Closed(value) => TrySendError::Closed(f(value)),
        }
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the channel is full"),
            Self::Closed(_) => Closed.fmt(f),
        }
    }
}

impl<T> Error for TrySendError<T> {}

/// Why nothing was received at once.
///
/// ```
/// use backstay_core::channel::{TryRecvError, mpsc};
/// use backstay_core::Limit;
///
/// let (sender, mut receiver) = mpsc::channel::<u32>(Limit::ONE);
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
/// drop(sender);
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
/// ```
// Exhaustive: nothing is there, now or for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// Nothing is there now.
    Empty,
    /// Nothing is there, and nothing will come.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the channel is empty"),
            Self::Closed => Closed.fmt(f),
        }
    }
}

impl Error for TryRecvError {}
