//! Why there was no permit.

use std::error::Error;
use std::fmt;

/// Why waiting for permits came to nothing.
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use backstay_core::sync::{AcquireError, Semaphore};
/// use futures::executor::block_on;
///
/// let semaphore = Semaphore::new(Limit::new(5)?);
/// let error = block_on(semaphore.acquire_many(Limit::new(6)?)).unwrap_err();
/// assert_eq!(error, AcquireError::TooLarge { requested: 6, capacity: 5 });
/// assert_eq!(error.to_string(), "6 permits were asked for, but there are only 5");
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcquireError {
    /// The semaphore was closed.
    Closed,
    /// More was asked for than there is: it would have waited for ever.
    TooLarge {
        /// How many were asked for.
        requested: usize,
        /// How many there are, free and taken.
        capacity: usize,
    },
}

/// Why there were no permits at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryAcquireError {
    /// Not enough are free, or somebody waits for them already.
    NoPermits,
    /// The semaphore was closed.
    Closed,
    /// More was asked for than there is.
    TooLarge {
        /// How many were asked for.
        requested: usize,
        /// How many there are, free and taken.
        capacity: usize,
    },
}

impl From<AcquireError> for TryAcquireError {
    fn from(error: AcquireError) -> Self {
        match error {
            AcquireError::Closed => Self::Closed,
            AcquireError::TooLarge { requested, capacity } => Self::TooLarge { requested, capacity },
        }
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the semaphore is closed"),
            Self::TooLarge { requested, capacity } => {
                write!(f, "{requested} permits were asked for, but there are only {capacity}")
            }
        }
    }
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoPermits => f.write_str("not enough permits are free"),
            Self::Closed => AcquireError::Closed.fmt(f),
            Self::TooLarge { requested, capacity } => AcquireError::TooLarge { requested, capacity }.fmt(f),
        }
    }
}

impl Error for AcquireError {}

impl Error for TryAcquireError {}
