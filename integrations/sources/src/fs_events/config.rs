//! How changes are told.

use super::event::Overflow;
use backstay_core::Limit;
use std::num::NonZeroUsize;
use std::time::Duration;

/// The options of [`watch`](super::watch), as plain data: what can be in a file. [`FsWatch`](super::FsWatch) says what
/// each means.
///
/// | field | default |
/// |---|---|
/// | `recursive` | no |
/// | `quiet` | 50 ms |
/// | `at_latest` | 1 s |
/// | `capacity` | 4,096 |
/// | `overflow` | [`Overflow::DropNewest`] |
///
/// # Examples
///
/// ```
/// use backstay_sources::fs_events::FsWatchConfig;
/// use std::time::Duration;
///
/// let mut config = FsWatchConfig::default();
/// config.quiet = Duration::from_millis(200);
/// assert_eq!(config.at_latest, Duration::from_secs(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FsWatchConfig {
    /// Folders in folders too.
    pub recursive: bool,
    /// How long a path must not have changed before it is told.
    pub quiet: Duration,
    /// When it is told although it changes all the time.
    pub at_latest: Duration,
    /// How many paths that have changed wait to be told.
    pub capacity: Limit,
    /// What is lost when there is no place.
    pub overflow: Overflow,
}

/// Said in the docs of `FsWatch` too.
pub(super) const QUIET: Duration = Duration::from_millis(50);
pub(super) const AT_LATEST: Duration = Duration::from_secs(1);
pub(super) const CAPACITY: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();

impl FsWatchConfig {
    /// Everything at its default.
    pub fn new() -> Self {
        Self {
            recursive: false,
            quiet: QUIET,
            at_latest: AT_LATEST,
            capacity: CAPACITY.into(),
            overflow: Overflow::DropNewest,
        }
    }
}

impl Default for FsWatchConfig {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "serde")]
backstay_core::settings_of_its_own!(Overflow);

#[cfg(feature = "serde")]
backstay_core::settings! {
    FsWatchConfig from Self::new();
    recursive,
    quiet,
    at_latest,
    capacity,
    overflow,
}

#[cfg(feature = "serde")]
impl FsWatchConfig {
    /// There is nothing that concerns two.
    fn validate(&self) -> Result<(), backstay_core::ConfigError> {
        self.check_fields()
    }
}
