//! What is known of a service.

use std::fmt;

/// What a health check knows of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Health {
    /// Nobody has probed it yet, or nobody does any more.
    #[default]
    Unknown,
    /// It works.
    Healthy,
    /// It does not work.
    Unhealthy,
}

impl Health {
    /// Its name for logs and metrics, the same in all versions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
