//! What a server allows, as plain data.

use crate::Http2KeepAlive;
use backstay_core::ConfigError;
use backstay_core::settings::Rule;
use std::time::Duration;

/// The versions of HTTP that are spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Versions {
    /// Whichever the client begins with.
    #[default]
    Both,
    /// HTTP/1.0 and HTTP/1.1.
    Http1,
    /// HTTP/2 alone, without an upgrade ("prior knowledge").
    Http2,
}

/// The settings of a [`Server`](super::Server), as plain data: what can be in a file.
/// [`ServerBuilder`](super::ServerBuilder) says what each means.
///
/// | field | default | valid |
/// |---|---|---|
/// | `versions` | [`Versions::Both`] | |
/// | `max_connections` | none: no limit | from 1 |
/// | `header_read_timeout` | 10 s | longer than zero |
/// | `idle_timeout` | 60 s | longer than zero |
/// | `body_read_timeout` | 30 s | longer than zero |
/// | `write_timeout` | 30 s | longer than zero |
/// | `max_body` | none: no limit | from 1 |
/// | `max_header_size` | 32 KiB | from 1 |
/// | `date_header` | yes | |
/// | `http2_max_streams` | 200 | from 1 |
/// | `http2_keep_alive` | none: nobody is asked | both times longer than zero |
///
/// # Examples
///
/// ```
/// use backstay_hyper::ServerConfig;
///
/// let mut config = ServerConfig::default();
/// config.max_connections = Some(0);
/// let error = config.validate().unwrap_err();
/// assert_eq!(error.to_string(), "invalid `max_connections` = 0: must be at least 1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The versions of HTTP that are spoken.
    pub versions: Versions,
    /// How many connections of a listener are open at once.
    pub max_connections: Option<usize>,
    /// How long a client has for a header.
    pub header_read_timeout: Duration,
    /// How long a connection is kept that nobody uses.
    pub idle_timeout: Duration,
    /// How long a body may pause while it is read.
    pub body_read_timeout: Duration,
    /// How long a client may take nothing of its response.
    pub write_timeout: Duration,
    /// How large the body of a request may be, in bytes.
    pub max_body: Option<u64>,
    /// How large a header may be, in bytes.
    pub max_header_size: u32,
    /// Whether responses have a `date`.
    pub date_header: bool,
    /// How many requests an HTTP/2 connection has in flight.
    pub http2_max_streams: u32,
    /// Whether an HTTP/2 client is asked if it is there.
    pub http2_keep_alive: Option<Http2KeepAlive>,
}

backstay_core::settings_of_its_own!(Versions);

backstay_core::settings! {
    ServerConfig from Self::new();
    versions,
    max_connections: Rule::<usize>::NOT_ZERO,
    header_read_timeout: Rule::<Duration>::NOT_ZERO,
    idle_timeout: Rule::<Duration>::NOT_ZERO,
    body_read_timeout: Rule::<Duration>::NOT_ZERO,
    write_timeout: Rule::<Duration>::NOT_ZERO,
    max_body: Rule::<u64>::NOT_ZERO,
    max_header_size: Rule::<u32>::NOT_ZERO,
    date_header,
    http2_max_streams: Rule::<u32>::NOT_ZERO,
    http2_keep_alive,
}

impl ServerConfig {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self {
            versions: Versions::Both,
            max_connections: None,
            header_read_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            body_read_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            max_body: None,
            max_header_size: 32 << 10,
            date_header: true,
            http2_max_streams: 200,
            http2_keep_alive: None,
        }
    }

    /// Whether it makes sense: what building a server of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        self.http2_keep_alive.map_or(Ok(()), |keep_alive| keep_alive.check("http2_keep_alive"))
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self::new()
    }
}
