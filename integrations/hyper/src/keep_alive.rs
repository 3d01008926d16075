//! Whether somebody is there.

use backstay_core::ConfigError;
use backstay_core::settings::Rule;
use std::time::Duration;

/// How an HTTP/2 connection finds out that the other end has vanished: by a ping that isn't answered.
///
/// `Duration::MAX` is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2KeepAlive {
    /// How often it is asked.
    pub interval: Duration,
    /// How long it has to answer.
    pub timeout: Duration,
}

backstay_core::settings! {
    Http2KeepAlive requires [interval, timeout] from Self { interval: Duration::ZERO, timeout: Duration::ZERO };
    interval: Rule::<Duration>::NOT_ZERO,
    timeout: Rule::<Duration>::NOT_ZERO,
}

backstay_core::settings_of_its_own!(Http2KeepAlive);

impl Http2KeepAlive {
    /// Whether it makes sense, as a field of that name.
    pub(crate) fn check(self, field: &'static str) -> Result<(), ConfigError> {
        let reason = "both its times must be longer than zero";
        self.validate().map_err(|_| ConfigError::invalid_value(field, Duration::ZERO.into(), reason))
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()
    }
}

/// The longest that hyper's instants, which panic beyond, are given.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
