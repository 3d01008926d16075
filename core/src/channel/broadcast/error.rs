//! What a receiver gets where it gets no value.

use crate::channel::error::Closed;
use std::error::Error;
use std::fmt;

/// So many values were missed, because the receiver did not keep up; as an item of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged(pub u64);

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values were missed", self.0)
    }
}

impl Error for Lagged {}

/// Why [`recv`](super::Receiver::recv) gave no value.
// Exhaustive: values were missed, or none will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvError {
    /// So many values were missed, because the receiver did not keep up.
    Lagged(u64),
    /// All values were read and all senders are gone, or the receiver has lagged where that is its end.
    Closed,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lagged(missed) => Lagged(*missed).fmt(f),
            Self::Closed => Closed.fmt(f),
        }
    }
}

impl Error for RecvError {}

/// Why [`try_recv`](super::Receiver::try_recv) gave no value.
// Exhaustive: as above, or there is none now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// All values that were sent were read.
    Empty,
    /// So many values were missed, because the receiver did not keep up.
    Lagged(u64),
    /// All values were read and all senders are gone, or the receiver has lagged where that is its end.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the channel is empty"),
            Self::Lagged(missed) => Lagged(*missed).fmt(f),
            Self::Closed => Closed.fmt(f),
        }
    }
}

impl Error for TryRecvError {}
