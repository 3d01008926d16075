//! What a builder says when a configuration can't be used.

use crate::human::Human;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// Why a configuration was refused; nothing was started.
///
/// Every variant that is about one field names it, in [`field`](ConfigError::field) too; where the field's own value is
/// what is wrong, it has that, and the reason says which are allowed.
///
/// # Examples
///
/// ```
/// use backstay_core::ConfigError;
///
/// let error = ConfigError::invalid("quota", "must be given");
/// assert_eq!(error.field(), Some("quota"));
/// assert_eq!(error.to_string(), "invalid `quota`: must be given");
///
/// let error = ConfigError::invalid_value("rate", 1.5.into(), "must be within 0..=1");
/// assert_eq!(error.value(), Some(1.5.into()));
/// assert_eq!(error.to_string(), "invalid `rate` = 1.5: must be within 0..=1");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The value makes no sense.
    Invalid {
        /// The field.
        field: &'static str,
        /// Its value, where that alone is what is wrong, and it is a number or a duration.
        value: Option<ConfigValue>,
        /// What is wrong with it: which values are allowed.
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

/// A value that was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConfigValue {
    /// A whole number.
    Integer(u64),
    /// A number.
    Float(f64),
    /// A duration.
    Time(Duration),
}

impl ConfigError {
    /// [`ConfigError::Invalid`] in one word, without the value.
    pub const fn invalid(field: &'static str, reason: &'static str) -> Self {
        Self::Invalid { field, value: None, reason }
    }

    /// [`ConfigError::Invalid`] in one word.
    pub const fn invalid_value(field: &'static str, value: ConfigValue, reason: &'static str) -> Self {
        Self::Invalid { field, value: Some(value), reason }
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

    /// The value that was refused, if it is known.
    pub const fn value(&self) -> Option<ConfigValue> {
        match self {
            Self::Invalid { value, .. } => *value,
            Self::Unsupported { .. } | Self::Start { .. } => None,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { field, value: None, reason } => write!(f, "invalid `{field}`: {reason}"),
            Self::Invalid { field, value: Some(value), reason } => {
                write!(f, "invalid `{field}` = {value}: {reason}")
            }
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

/// As in a file, but for the quotation marks: `7`, `0.5`, `1m 30s`.
impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Time(duration) => Human(*duration).fmt(f),
        }
    }
}

impl From<u32> for ConfigValue {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u64> for ConfigValue {
    fn from(number: u64) -> Self {
        Self::Integer(number)
    }
}

impl From<usize> for ConfigValue {
    fn from(number: usize) -> Self {
        Self::Integer(number as u64)
    }
}

impl From<u8> for ConfigValue {
    fn from(number: u8) -> Self {
        Self::Integer(number.into())
    }
}

impl From<f64> for ConfigValue {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<Duration> for ConfigValue {
    fn from(duration: Duration) -> Self {
        Self::Time(duration)
    }
}
