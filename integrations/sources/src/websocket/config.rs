//! Limits.

use backstay_core::settings::Rule;
use backstay_core::{ConfigError, Limit};
use std::time::Duration;
use tungstenite::protocol::WebSocketConfig;

/// The limits of a connection.
///
/// | field | default | is |
/// |---|---|---|
/// | `max_message_size` | 1 MiB, 1 GiB at most | what one message may have at most, in bytes: received ones, all parts together, and sent ones |
/// | `max_frame_size` | as `max_message_size` | what one frame of a received message may have at most |
/// | `keep_alive` | none | after how long a silence the peer is asked whether it is there, and how long it has to answer |
/// | `handshake_timeout` | 10 s | for the handshake, and for who connects the look-up and the connection too |
/// | `close_timeout` | 5 s | for the answer to a close |
/// | `read_buffer` | 16 KiB, 16 MiB at most | what is read ahead at most, in bytes |
/// | `write_buffer` | 16 KiB, 16 MiB at most | what [`feed`](super::WebSocket::feed) gathers before it writes |
/// | `max_handshakes` | 64 | how many a [`Listener`](super::Listener) has under way at once |
///
/// # Examples
///
/// ```
/// use backstay_sources::websocket::Config;
/// use std::time::Duration;
///
/// let config = Config::builder()
///     .max_message_size(64 * 1024)
///     .keep_alive(Duration::from_secs(30), Duration::from_secs(10))
///     .build()?;
/// assert_eq!(config.max_message_size(), 64 * 1024);
///
/// let refused = Config::builder().max_message_size(0).build().unwrap_err();
/// assert_eq!(refused.field(), Some("max_message_size"));
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    max_message_size: usize,
    max_frame_size: Option<usize>,
    keep_alive: Option<KeepAlive>,
    handshake_timeout: Duration,
    close_timeout: Duration,
    read_buffer: usize,
    write_buffer: usize,
    max_handshakes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeepAlive {
    interval: Duration,
    timeout: Duration,
}

// A header alone makes room for its frame.
const MESSAGE: Rule<usize> = Rule {
    reason: "must be at least 1 and at most 1 GiB (1073741824)",
    holds: |bytes| (1..=MAX_MESSAGE).contains(bytes),
};

const BUFFER: Rule<usize> = Rule {
    reason: "must be at least 1 and at most 16 MiB (16777216)",
    holds: |bytes| (1..=MAX_BUFFER).contains(bytes),
};

backstay_core::settings! {
    Config from Self::new();
    max_message_size: MESSAGE,
    max_frame_size: Rule::<usize>::NOT_ZERO,
    keep_alive,
    handshake_timeout: Rule::<Duration>::NOT_ZERO,
    close_timeout: Rule::<Duration>::NOT_ZERO,
    read_buffer: BUFFER,
    write_buffer: BUFFER,
    max_handshakes: Rule::<usize>::NOT_ZERO,
}

backstay_core::settings! {
    KeepAlive requires [interval, timeout] from Self { interval: Duration::ZERO, timeout: Duration::ZERO };
    interval: Rule::<Duration>::NOT_ZERO,
    timeout: Rule::<Duration>::NOT_ZERO,
}

backstay_core::settings_of_its_own!(KeepAlive);

impl KeepAlive {
    fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()
    }
}

impl Config {
    /// What building one checks.
    fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        self.keep_alive.as_ref().map_or(Ok(()), KeepAlive::validate)
    }

    /// The defaults.
    pub const fn new() -> Self {
        Self {
            max_message_size: 1 << 20,
            max_frame_size: None,
            keep_alive: None,
            handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            read_buffer: 16 << 10,
            write_buffer: 16 << 10,
            max_handshakes: 64,
        }
    }

    /// To change some.
    pub const fn builder() -> ConfigBuilder {
        ConfigBuilder { config: Self::new() }
    }

    /// What one message may have at most, in bytes.
    pub const fn max_message_size(&self) -> usize {
        self.max_message_size
    }

    /// What one frame of a received message may have at most, in bytes.
    pub fn max_frame_size(&self) -> usize {
        self.max_frame_size.map_or(self.max_message_size, |max| max.min(self.max_message_size))
    }

    /// The silence after which the peer is asked, and how long it has to answer.
    pub const fn keep_alive(&self) -> Option<(Duration, Duration)> {
        match self.keep_alive {
            Some(KeepAlive { interval, timeout }) => Some((interval, timeout)),
            None => None,
        }
    }

    /// The limit for the handshake.
    pub const fn handshake_timeout(&self) -> Duration {
        self.handshake_timeout
    }

    /// The limit for the answer to a close.
    pub const fn close_timeout(&self) -> Duration {
        self.close_timeout
    }

    /// What is read ahead at most, in bytes.
    pub const fn read_buffer(&self) -> usize {
        self.read_buffer
    }

    /// What is gathered before it is written, in bytes.
    pub const fn write_buffer(&self) -> usize {
        self.write_buffer
    }

    /// How many handshakes a listener has under way at once.
    pub fn max_handshakes(&self) -> Limit {
        Limit::new(self.max_handshakes).unwrap_or(Limit::ONE)
    }

    /// What may wait to be written before a ping is no longer answered at once.
    pub(super) const fn max_unsent(&self) -> usize {
        self.write_buffer + PONGS
    }

    pub(super) fn protocol(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(self.read_buffer)
            .write_buffer_size(self.write_buffer)
            .max_write_buffer_size(self.max_unsent())
            .max_message_size(Some(self.max_message_size))
            .max_frame_size(Some(self.max_frame_size().max(CONTROL)))
    }
}

/// As much as a ping or a close may have (RFC 6455, section 5.5). They are no messages, and to the decoder one limit is for
/// all frames.
const CONTROL: usize = 125;

/// Room for answers to pings that the peer does not read. When it is full, only the last ping is answered, as RFC
/// 6455 allows in section 5.5.3: a peer that asks and doesn't listen costs no memory.
const PONGS: usize = 4 << 10;

const MAX_MESSAGE: usize = 1 << 30;

const MAX_BUFFER: usize = 16 << 20;

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes a [`Config`].
#[derive(Clone, Debug)]
#[must_use = "does nothing until `build`"]
pub struct ConfigBuilder {
    config: Config,
}

impl ConfigBuilder {
    /// What one message may have at most, in bytes; 1 MiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::Sim;
    /// use backstay_sources::websocket::{self, CloseCode, Config, WebSocketError};
    /// use futures::StreamExt;
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let small = Config::builder().max_message_size(10).build()?;
    ///     let mut listener = websocket::listen(&rt, "0.0.0.0:80".parse()?, small).await?;
    ///     let connect = websocket::connect(&rt, "ws://main/", Config::new());
    ///     let (client, server) = futures::join!(connect, listener.next());
    ///     let (mut client, mut server) = (client?, server.expect("it goes on")?);
    ///     client.send("this is longer than that").await?;
    ///     let error = server.next().await.expect("an item").unwrap_err();
    ///     assert!(matches!(error, WebSocketError::TooLarge { size: 24, max: 10, .. }));
    ///     assert!(client.next().await.is_none()); // it was told so
    ///     assert_eq!(client.close_frame().map(|said| said.code), Some(CloseCode::TOO_LARGE));
    ///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    /// })?.value.unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn max_message_size(mut self, bytes: usize) -> Self {
        self.config.max_message_size = bytes;
        self
    }

    /// What one frame of a received message may have at most, in bytes; as much as a message, and no more. One of up to
    /// 125 bytes, which pings and closes may have too, is never too large as a frame: for its message there is
    /// [`max_message_size`](Self::max_message_size).
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::websocket::Config;
    ///
    /// let config = Config::builder().max_message_size(1_000_000).max_frame_size(64_000).build()?;
    /// assert_eq!(config.max_frame_size(), 64_000);
    /// let config = Config::builder().max_message_size(1_000).max_frame_size(64_000).build()?;
    /// assert_eq!(config.max_frame_size(), 1_000);
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub const fn max_frame_size(mut self, bytes: usize) -> Self {
        self.config.max_frame_size = Some(bytes);
        self
    }

    /// Asks the peer with a ping when nothing has come from it for `interval`, and gives it up when then nothing comes
    /// for `timeout`. Off unless it is asked for.
    ///
    /// It runs while the stream is polled. `Duration::MAX` is never.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::Sim;
    /// use backstay::Runtime;
    /// use backstay_sources::websocket::{self, Config, WaitedFor, WebSocketError};
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let (interval, timeout) = (Duration::from_secs(30), Duration::from_secs(10));
    ///     let alive = Config::builder().keep_alive(interval, timeout).build()?;
    ///     let mut listener = websocket::listen(&rt, "0.0.0.0:80".parse()?, alive).await?;
    ///     let connect = websocket::connect(&rt, "ws://main/", Config::new());
    ///     let (client, server) = futures::join!(connect, listener.next());
    ///     let (client, mut server) = (client?, server.expect("it goes on")?);
    ///     let start = rt.now();
    ///     // Nobody polls the client, so nobody answers.
    ///     let error = server.next().await.expect("an item").unwrap_err();
    ///     assert!(matches!(error, WebSocketError::Timeout { waited_for: WaitedFor::Pong, .. }));
    ///     assert!(rt.now() - start <= Duration::from_secs(30 + 10));
    ///     drop(client);
    ///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    /// })?.value.unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "heartbeat")]
    #[doc(alias = "ping_interval")]
    pub const fn keep_alive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.config.keep_alive = Some(KeepAlive { interval, timeout });
        self
    }

    /// The limit for the handshake, and for who connects the look-up and the connection too; 10 s.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::Runtime;
    /// use backstay::net::Net;
    /// use backstay::testing::Sim;
    /// use backstay_sources::websocket::{self, Config, WaitedFor, WebSocketError};
    /// use std::time::Duration;
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let limit = Duration::from_secs(3);
    ///     let config = Config::builder().handshake_timeout(limit).build()?;
    ///     let _silent = rt.bind("0.0.0.0:80".parse()?).await?; // connects, and says nothing
    ///     let start = rt.now();
    ///     let error = websocket::connect(&rt, "ws://main/", config).await.unwrap_err();
    ///     assert!(matches!(error, WebSocketError::Timeout { waited_for: WaitedFor::Handshake, .. }));
    ///     assert_eq!(rt.now() - start, limit);
    ///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    /// })?.value.unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn handshake_timeout(mut self, limit: Duration) -> Self {
        self.config.handshake_timeout = limit;
        self
    }

    /// The limit for the answer to a close; 5 s.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::Sim;
    /// use backstay::Runtime;
    /// use backstay_sources::websocket::{self, CloseCode, Config, WaitedFor, WebSocketError};
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let limit = Duration::from_secs(2);
    ///     let config = Config::builder().close_timeout(limit).build()?;
    ///     let mut listener = websocket::listen(&rt, "0.0.0.0:80".parse()?, Config::new()).await?;
    ///     let connect = websocket::connect(&rt, "ws://main/", config);
    ///     let (client, server) = futures::join!(connect, listener.next());
    ///     let (mut client, server) = (client?, server.expect("it goes on")?);
    ///     let start = rt.now();
    ///     // Nobody polls the server, so nobody answers.
    ///     let error = client.close(CloseCode::NORMAL, "").await.unwrap_err();
    ///     assert!(matches!(error, WebSocketError::Timeout { waited_for: WaitedFor::Close, .. }));
    ///     assert_eq!(rt.now() - start, limit);
    ///     drop(server);
    ///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    /// })?.value.unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn close_timeout(mut self, limit: Duration) -> Self {
        self.config.close_timeout = limit;
        self
    }

    /// What is read ahead at most, in bytes; 16 KiB. More is faster where much comes at once.
    pub const fn read_buffer(mut self, bytes: usize) -> Self {
        self.config.read_buffer = bytes;
        self
    }

    /// What [`feed`](super::WebSocket::feed) gathers before it writes, in bytes; 16 KiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::Sim;
    /// use backstay::Runtime;
    /// use backstay_sources::websocket::{self, Config, Message};
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let config = Config::builder().write_buffer(20).build()?;
    ///     let mut listener = websocket::listen(&rt, "0.0.0.0:80".parse()?, Config::new()).await?;
    ///     let connect = websocket::connect(&rt, "ws://main/", config);
    ///     let (client, server) = futures::join!(connect, listener.next());
    ///     let (mut client, mut server) = (client?, server.expect("it goes on")?);
    ///     client.feed("short").await?;
    ///     assert!(rt.timeout(Duration::from_secs(1), server.next()).await.is_err()); // gathered
    ///     client.feed("long enough to be written").await?;
    ///     assert_eq!(server.next().await.transpose()?, Some(Message::from("short")));
    ///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    /// })?.value.unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn write_buffer(mut self, bytes: usize) -> Self {
        self.config.write_buffer = bytes;
        self
    }

    /// How many handshakes a [`Listener`](super::Listener) has under way at once; 64.
    pub const fn max_handshakes(mut self, handshakes: usize) -> Self {
        self.config.max_handshakes = handshakes;
        self
    }

    /// The configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] with the name of a field that is zero, or beyond what it may be.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::websocket::Config;
    ///
    /// assert!(Config::builder().read_buffer(64 * 1024).max_handshakes(10).build().is_ok());
    /// let error = Config::builder().max_handshakes(0).build().unwrap_err();
    /// assert_eq!(error.field(), Some("max_handshakes"));
    /// let error = Config::builder().read_buffer(usize::MAX).build().unwrap_err();
    /// assert_eq!(error.field(), Some("read_buffer"));
    /// ```
    pub fn build(self) -> Result<Config, ConfigError> {
        self.config.validate().map(|()| self.config)
    }
}
