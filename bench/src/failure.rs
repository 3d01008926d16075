//! How a workload fails.

use std::error::Error;
use std::fmt;
use std::io;

/// Why a run of a workload is void.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// A socket's error.
    Io(io::Error),
    /// hyper's error.
    Http(hyper::Error),
    /// A runtime could not be started as asked.
    Start(Box<dyn Error + Send + Sync>),
    /// Something did not arrive: a task's value, a message, an answer.
    Lost(&'static str),
    /// A sleep ended before its deadline.
    Early,
    /// The work was done, and wrongly.
    Wrong {
        /// What was checked.
        what: &'static str,
        /// What it should have been.
        expected: u64,
        /// What it was.
        found: u64,
    },
}

/// Checks a result.
pub(crate) fn check(what: &'static str, expected: u64, found: u64) -> Result<(), Failure> {
    if expected == found { Ok(()) } else { Err(Failure::Wrong { what, expected, found }) }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "socket: {error}"),
            Self::Http(error) => write!(f, "http: {error}"),
            Self::Start(error) => write!(f, "start: {error}"),
            Self::Lost(what) => write!(f, "{what} was lost"),
            Self::Early => f.write_str("a sleep ended before its deadline"),
            Self::Wrong { what, expected, found } => write!(f, "{what}: expected {expected}, found {found}"),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Http(error) => Some(error),
            Self::Start(error) => Some(&**error),
            Self::Lost(_) | Self::Early | Self::Wrong { .. } => None,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Self {
        Self::Http(error)
    }
}

impl From<backstay::ConfigError> for Failure {
    fn from(error: backstay::ConfigError) -> Self {
        Self::Start(Box::new(error))
    }
}

impl From<backstay::JoinError> for Failure {
    fn from(_: backstay::JoinError) -> Self {
        Self::Lost("a task")
    }
}

impl From<tokio::task::JoinError> for Failure {
    fn from(_: tokio::task::JoinError) -> Self {
        Self::Lost("a task")
    }
}
