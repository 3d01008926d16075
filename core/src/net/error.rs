//! Errors that name their address.

use std::error::Error;
use std::fmt;
use std::io;

/// What is inside an [`io::Error`] of [`Net`](super::Net): what was attempted, on which address, and the
/// operating system's own error as the source.
///
/// # Examples
///
/// ```
/// use backstay_core::net::NetError;
/// use std::io;
///
/// let error = NetError::wrap("connect", "10.0.0.1:80", io::ErrorKind::ConnectionRefused.into());
/// assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
/// assert_eq!(error.to_string(), "connect 10.0.0.1:80: connection refused");
/// let inner = error.get_ref().unwrap().downcast_ref::<NetError>().unwrap();
/// assert_eq!((inner.operation(), inner.address()), ("connect", "10.0.0.1:80"));
/// ```
#[derive(Debug)]
pub struct NetError {
    operation: &'static str,
    address: String,
    source: io::Error,
}

impl NetError {
    /// Gives `source` an operation and an address, and keeps its kind.
    pub fn wrap(operation: &'static str, address: impl fmt::Display, source: io::Error) -> io::Error {
        let address = address.to_string();
        io::Error::new(source.kind(), Self { operation, address, source })
    }

    /// What was attempted: `connect`, `bind`, `accept`, `resolve`, `read`, `write`, …
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The address, as it was given.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.operation, self.address, self.source)
    }
}

impl Error for NetError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
