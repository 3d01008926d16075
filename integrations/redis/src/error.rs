//! What can go wrong.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// Why Redis gave no decision. No text of it contains a password.
#[derive(Debug)]
#[non_exhaustive]
pub enum RedisError {
    /// There is no connection: the address is wrong, or nobody listens there.
    Connect(io::Error),
    /// To connect has taken too long.
    ConnectTimeout(Duration),
    /// The connection broke.
    Io(io::Error),
    /// The server did not let us in, with this code: `WRONGPASS`, `NOAUTH`, `ERR`.
    Auth {
        /// The first word of its answer.
        code: String,
    },
    /// The server said no: `READONLY`, `OOM`, `LOADING`, `MOVED`, or what else it may be.
    Server {
        /// The first word of its answer.
        code: String,
        /// The rest.
        message: String,
    },
    /// What came is no answer that makes sense.
    Protocol(&'static str),
}

impl RedisError {
    pub(crate) fn server(text: &str) -> Self {
        let (code, message) = text.split_once(' ').unwrap_or((text, ""));
        Self::Server { code: code.to_owned(), message: message.to_owned() }
    }

    /// The first word of a server's answer, if that is what it is.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Auth { code } | Self::Server { code, .. } => Some(code),
            _ => None,
        }
    }
}

impl fmt::Display for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(_) => f.write_str("could not connect"),
            Self::ConnectTimeout(limit) => write!(f, "could not connect within {limit:?}"),
            Self::Io(_) => f.write_str("the connection broke"),
            Self::Auth { code } => write!(f, "the server did not accept user and password: {code}"),
            Self::Server { code, message } => write!(f, "the server refused: {code} {message}"),
            Self::Protocol(what) => f.write_str(what),
        }
    }
}

impl Error for RedisError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connect(error) | Self::Io(error) => Some(error),
            _ => None,
        }
    }
}
