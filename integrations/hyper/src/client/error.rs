//! Why there is no connection.

use hyper::Uri;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// Why a [`HyperConnector`](super::HyperConnector) has not connected. The client's error has it as its
/// [`source`](Error::source).
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address can't be connected to.
    Uri {
        /// The address.
        uri: Uri,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The look-up or the connection failed.
    Connect {
        /// `host:port`.
        host: String,
        /// The network's error.
        source: io::Error,
    },
    /// It took too long.
    Timeout {
        /// `host:port`.
        host: String,
        /// How long it may take.
        limit: Duration,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri { uri, reason } => write!(f, "can't connect to {uri}: {reason}"),
            Self::Connect { host, .. } => write!(f, "could not connect to {host}"),
            Self::Timeout { host, limit } => write!(f, "no connection to {host} within {limit:?}"),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connect { source, .. } => Some(source),
            Self::Uri { .. } | Self::Timeout { .. } => None,
        }
    }
}
