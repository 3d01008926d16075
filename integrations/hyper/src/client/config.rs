//! What a client keeps, as plain data.

use crate::Http2KeepAlive;
use backstay_core::ConfigError;
use backstay_core::settings::Rule;
use std::time::Duration;

/// The settings of a [`Client`](super::Client), as plain data: what can be in a file.
/// [`ClientBuilder`](super::ClientBuilder) says what each means.
///
/// | field | default | valid |
/// |---|---|---|
/// | `connect_timeout` | 10 s | longer than zero |
/// | `idle_timeout` | 60 s | longer than zero |
/// | `max_idle_per_host` | `usize::MAX`: no limit | any |
/// | `http2` | no | |
/// | `http2_keep_alive` | none: nobody is asked | both times longer than zero |
///
/// # Examples
///
/// ```
/// use backstay_hyper::ClientConfig;
/// use std::time::Duration;
///
/// let mut config = ClientConfig::default();
/// config.connect_timeout = Duration::ZERO;
/// let error = config.validate().unwrap_err();
/// assert_eq!(error.to_string(), "invalid `connect_timeout` = 0s: must be longer than zero");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientConfig {
    /// How long look-up and connection may take together.
    pub connect_timeout: Duration,
    /// How long a connection is kept that nobody uses.
    pub idle_timeout: Duration,
    /// How many of those for each host.
    pub max_idle_per_host: usize,
    /// Whether HTTP/2 is spoken instead of HTTP/1.
    pub http2: bool,
    /// Whether an HTTP/2 server is asked if it is there, while a response is awaited.
    pub http2_keep_alive: Option<Http2KeepAlive>,
}

backstay_core::settings! {
    ClientConfig from Self::new();
    connect_timeout: Rule::<Duration>::NOT_ZERO,
    idle_timeout: Rule::<Duration>::NOT_ZERO,
    max_idle_per_host,
    http2,
    http2_keep_alive,
}

impl ClientConfig {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            max_idle_per_host: usize::MAX,
            http2: false,
            http2_keep_alive: None,
        }
    }

    /// Whether it makes sense: what building a client of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        self.http2_keep_alive.map_or(Ok(()), |keep_alive| keep_alive.check("http2_keep_alive"))
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self::new()
    }
}
