//! How a workload fails.

use backstay_sources::websocket::{SendError, WebSocketError};
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
    /// A WebSocket's error.
    WebSocket(Box<dyn Error + Send + Sync>),
    /// A runtime could not be started as asked.
    Start(Box<dyn Error + Send + Sync>),
    /// Something did not arrive: a task's value, a message, an answer.
    Lost(&'static str),
    /// Something arrived, and was not what it should have been.
    Unexpected(&'static str),
    /// It took less than the time that it takes at least: a sleep ended before its deadline.
    Early,
    /// Nothing was done.
    Nothing,
    /// This workload isn't written by hand.
    NotByHand,
    /// It can't be done on this system, though nothing is wrong: there is no such file, too little memory, too few
    /// descriptors. The comparison goes on without it, and says so.
    NotHere(Box<dyn Error + Send + Sync>),
    /// Whatever else a workload may say.
    Other(Box<dyn Error + Send + Sync>),
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

impl Failure {
    /// A workload's own error.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }

    /// Whether it may be no more than what is seen of a failure at the other end of a connection. Who got a wrong
    /// answer has seen the cause itself.
    pub(crate) fn may_follow(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Http(_) | Self::WebSocket(_) | Self::Lost(_))
    }

    /// It can't be done on this system: why.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_bench::failure::Failure;
    /// use std::fs;
    ///
    /// fn resident() -> Result<String, Failure> {
    ///     fs::read_to_string("/proc/self/smaps_rollup").map_err(Failure::not_here)
    /// }
    /// # let _ = resident();
    /// assert_eq!(Failure::not_here("no /proc").to_string(), "not on this system: no /proc");
    /// ```
    pub fn not_here(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::NotHere(why.into())
    }
}

/// Checks a result; `what` names it.
///
/// # Errors
///
/// [`Failure::Wrong`] unless it is as expected.
///
/// # Examples
///
/// ```
/// use backstay_bench::failure::check;
///
/// assert!(check("the answers", 3, 3).is_ok());
/// assert_eq!(check("the answers", 3, 2).unwrap_err().to_string(), "the answers: expected 3, found 2");
/// ```
pub fn check(what: &'static str, expected: u64, found: u64) -> Result<(), Failure> {
    if expected == found { Ok(()) } else { Err(Failure::Wrong { what, expected, found }) }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "socket: {error}"),
            Self::Http(error) => write!(f, "http: {error}"),
            Self::WebSocket(error) => write!(f, "websocket: {error}"),
            Self::Start(error) => {
                write!(f, "start: {error}")?;
                // A runtime's error leaves the system's to its source.
                let mut source = error.source();
                while let Some(cause) = source {
                    write!(f, ": {cause}")?;
                    source = cause.source();
                }
                Ok(())
            }
            Self::Lost(what) => write!(f, "{what} was lost"),
            Self::Unexpected(what) => write!(f, "{what} is not as expected"),
            Self::Early => f.write_str("a sleep ended before its deadline"),
            Self::Nothing => f.write_str("nothing was done"),
            Self::NotByHand => f.write_str("it isn't written by hand"),
            Self::NotHere(why) => write!(f, "not on this system: {why}"),
            Self::Other(error) => error.fmt(f),
            Self::Wrong { what, expected, found } => write!(f, "{what}: expected {expected}, found {found}"),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Http(error) => Some(error),
            Self::WebSocket(error) | Self::Start(error) | Self::NotHere(error) => Some(&**error),
            // Its text is this one's, so the next is its source.
            Self::Other(error) => error.source(),
            Self::Lost(_)
            | Self::Unexpected(_)
            | Self::Early
            | Self::Nothing
            | Self::NotByHand
            | Self::Wrong { .. } => None,
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

impl From<WebSocketError> for Failure {
    fn from(error: WebSocketError) -> Self {
        Self::WebSocket(Box::new(error))
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        WebSocketError::from(error).into()
    }
}

impl From<async_tungstenite::tungstenite::Error> for Failure {
    fn from(error: async_tungstenite::tungstenite::Error) -> Self {
        Self::WebSocket(Box::new(error))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Refused(io::Error);

    impl fmt::Display for Refused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("it could not start its threads")
        }
    }

    impl Error for Refused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn why_nothing_starts_is_said_to_the_end() {
        let error = Failure::Start(Box::new(Refused(io::Error::other("no more of them"))));
        assert_eq!(error.to_string(), "start: it could not start its threads: no more of them");
    }
}
