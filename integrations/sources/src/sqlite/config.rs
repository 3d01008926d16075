//! How a database is used.

use backstay_core::Limit;
use std::num::NonZeroUsize;
use std::time::Duration;

/// The options of a [`Database`](super::Database), as plain data: what can be in a file. [`Open`](super::Open) says what
/// each means.
///
/// | field | default |
/// |---|---|
/// | `busy_timeout` | 5 s |
/// | `read_ahead` | 4,096 rows |
///
/// # Examples
///
/// ```
/// use backstay_sources::sqlite::rusqlite::Connection;
/// use backstay_sources::sqlite::{Database, DatabaseConfig};
/// use std::time::Duration;
///
/// let mut config = DatabaseConfig::default();
/// config.busy_timeout = Duration::from_secs(1);
/// let open = Database::from_connection(Connection::open_in_memory()?).config(config);
/// assert_eq!(open.as_config(), &config);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseConfig {
    /// How long a statement waits for a lock that another connection holds.
    pub busy_timeout: Duration,
    /// How many rows of a query wait to be read.
    pub read_ahead: Limit,
}

/// Said in the docs of `Open` too.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const READ_AHEAD: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();

impl DatabaseConfig {
    /// Everything at its default.
    pub fn new() -> Self {
        Self { busy_timeout: BUSY_TIMEOUT, read_ahead: READ_AHEAD.into() }
    }
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "serde")]
backstay_core::settings! {
    DatabaseConfig from Self::new();
    busy_timeout,
    read_ahead,
}

#[cfg(feature = "serde")]
impl DatabaseConfig {
    /// There is nothing that concerns two.
    fn validate(&self) -> Result<(), backstay_core::ConfigError> {
        self.check_fields()
    }
}
