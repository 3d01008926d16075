//! How much time a shutdown has.

use std::time::Duration;

/// How much time each step of a [shutdown](super::RunShutdown) has, as plain data: what can be in a file.
///
/// | field | default | of |
/// |---|---|---|
/// | `drain` | 10 s | [`RunShutdown::drain`](super::RunShutdown::drain) |
/// | `grace` | 5 s | [`RunShutdown::grace`](super::RunShutdown::grace) |
/// | `abort_wait` | 100 ms | [`RunShutdown::abort_wait`](super::RunShutdown::abort_wait) |
///
/// Any time will do, zero too.
///
/// # Examples
///
/// ```
/// use backstay_core::task::ShutdownConfig;
/// use std::time::Duration;
///
/// assert_eq!(ShutdownConfig::default().grace, Duration::from_secs(5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownConfig {
    /// How long work in progress may take to end by itself.
    pub drain: Duration,
    /// How long it may take to end once it is cancelled.
    pub grace: Duration,
    /// How long what was aborted may take to be gone.
    pub abort_wait: Duration,
}

impl ShutdownConfig {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self {
            drain: Duration::from_secs(10),
            grace: Duration::from_secs(5),
            abort_wait: Duration::from_millis(100),
        }
    }
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "serde")]
crate::settings! {
    ShutdownConfig from Self::new();
    drain,
    grace,
    abort_wait,
}

#[cfg(feature = "serde")]
impl ShutdownConfig {
    /// There is nothing that concerns two.
    fn validate(&self) -> Result<(), crate::ConfigError> {
        self.check_fields()
    }
}
