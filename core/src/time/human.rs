//! Durations in configuration files as people write them, for fields of your own: `250ms`, `2s`, `1m 30s`.
//!
//! The units are `ns`, `us`, `ms`, `s`, `m`, `h`, `d` and `w`; a number without one is refused. Every duration is
//! written so that it is read back exactly.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//!
//! #[derive(serde::Deserialize, serde::Serialize)]
//! struct Settings {
//!     #[serde(with = "backstay_core::time::human")]
//!     every: Duration,
//!     #[serde(default, with = "backstay_core::time::human::option", skip_serializing_if = "Option::is_none")]
//!     at_most: Option<Duration>,
//! }
//!
//! let settings: Settings = toml::from_str("every = '1m 30s'")?;
//! assert_eq!((settings.every, settings.at_most), (Duration::from_secs(90), None));
//! assert_eq!(toml::to_string(&settings)?, "every = \"1m 30s\"\n");
//!
//! let error = toml::from_str::<Settings>("every = 90").err().expect("there is no unit");
//! assert!(error.to_string().contains("line 1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::human::Human;
use crate::settings::Time;
use serde::{Deserializer, Serializer};
use std::time::Duration;

/// Reads one.
///
/// # Errors
///
/// The file's, or what a duration may be.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(Time(None))
}

/// Writes one.
///
/// # Errors
///
/// The file's.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Human(*duration))
}

/// The same for a duration that may be absent.
pub mod option {
    use crate::settings::{InFile, Rule};
    use serde::{Deserializer, Serializer};
    use std::time::Duration;

    /// Reads one.
    ///
    /// # Errors
    ///
    /// The file's, or what a duration may be.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        InFile::read(deserializer, "", &Rule::ANY)
    }

    /// Writes one.
    ///
    /// # Errors
    ///
    /// The file's.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.write(serializer)
    }
}
