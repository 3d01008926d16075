//! What a builder says when a configuration can't be used.

use std::error::Error;
use std::fmt;
use std::io;

/// Why a configuration was refused; nothing was started.
///
/// Every variant that is about one field names it, in [`field`](ConfigError::field) too.
///
/// # Examples
///
/// ```
/// use backstay_core::ConfigError;
///
/// let error = ConfigError::invalid("period", "must not be zero");
/// assert_eq!(error.field(), Some("period"));
/// assert_eq!(error.to_string(), "invalid `period`: must not be zero");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The value makes no sense.
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with its value.
        reason: &'static str,
    },
    /// The value makes sense, but this backend can't honour it.
    Unsupported {
        /// The backend's name.
        backend: &'static str,
        /// The field.
        field: &'static str,
        /// Why, and what to do instead.
        reason: &'static str,
    },
    /// The configuration is good, but the operating system refused to start the threads.
    Start {
        /// The backend's name.
        backend: &'static str,
        /// What it answered.
        source: io::Error,
    },
}

impl ConfigError {
    /// [`ConfigError::Invalid`] in one word.
    pub const fn invalid(field: &'static str, reason: &'static str) -> Self {
        Self::Invalid { field, reason }
    }

    /// [`ConfigError::Unsupported`] in one word.
    pub const fn unsupported(backend: &'static str, field: &'static str, reason: &'static str) -> Self {
        Self::Unsupported { backend, field, reason }
    }

    /// The field it is about, if it is about one.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid { field, .. } | Self::Unsupported { field, .. } => Some(field),
            Self::Start { .. } => None,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { field, reason } => write!(f, "invalid `{field}`: {reason}"),
            Self::Unsupported { backend, field, reason } => {
                write!(f, "{backend} does not support `{field}`: {reason}")
            }
            Self::Start { backend, .. } => write!(f, "{backend} could not start its threads"),
        }
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Start { source, .. } => Some(source),
            Self::Invalid { .. } | Self::Unsupported { .. } => None,
        }
    }
}
