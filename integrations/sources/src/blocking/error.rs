//! What a source that blocks can say beside its items.

use backstay_core::runtime::Panic;
use std::error::Error;
use std::fmt;
use std::io;
use std::string::FromUtf8Error;

/// Why there is no item.
#[derive(Debug)]
#[non_exhaustive]
pub enum BlockingError {
    /// The system refused a thread. The last item.
    Thread {
        /// Why.
        source: io::Error,
    },
    /// The iterator or the reader panicked. The last item.
    Panicked {
        /// The panic.
        panic: Panic,
    },
    /// The reader failed. The last item.
    Read {
        /// How many bytes it had given before.
        at: u64,
        /// Its error.
        source: io::Error,
    },
    /// A line is longer than was allowed. It is left out, and the next one follows.
    LineTooLong {
        /// Which line; the first is 1.
        line: u64,
        /// How many bytes were allowed.
        limit: usize,
    },
    /// A line is not text. The next one follows.
    NotUtf8 {
        /// Which line; the first is 1.
        line: u64,
        /// Where in it, and the line itself.
        source: FromUtf8Error,
    },
}

impl fmt::Display for BlockingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thread { .. } => f.write_str("the system refused a thread for a blocking source"),
            Self::Panicked { panic } => {
                f.write_str("the blocking source panicked")?;
                panic.message().map_or(Ok(()), |message| write!(f, ": {message}"))
            }
            Self::Read { at, .. } => write!(f, "could not read on after {at} bytes"),
            Self::LineTooLong { line, limit } => write!(f, "line {line} is longer than {limit} bytes"),
            Self::NotUtf8 { line, .. } => write!(f, "line {line} is not UTF-8"),
        }
    }
}

impl Error for BlockingError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Thread { source } | Self::Read { source, .. } => Some(source),
            Self::NotUtf8 { source, .. } => Some(source),
            Self::Panicked { .. } | Self::LineTooLong { .. } => None,
        }
    }
}
