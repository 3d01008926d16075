//! Setting up a server.

use super::Server;
use super::config::{ServerConfig, Versions};
use super::executor::StreamExecutor;
use super::report::Counters;
use crate::HyperTimer;
use crate::keep_alive::{Http2KeepAlive, LONGEST};
use backstay_core::{ConfigError, Runtime};
use hyper::rt::Timer;
use hyper::server::conn::{http1, http2};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Makes a [`Server`].
///
/// | setting | default | is |
/// |---|---|---|
/// | [`versions`](Self::versions) | both | the versions of HTTP that are spoken |
/// | [`max_connections`](Self::max_connections) | no limit | how many connections are open at once |
/// | [`header_read_timeout`](Self::header_read_timeout) | 10 s | how long a client has for a header |
/// | [`idle_timeout`](Self::idle_timeout) | 60 s | how long a connection is kept that nobody uses |
/// | [`body_read_timeout`](Self::body_read_timeout) | 30 s | how long a body may pause while it is read |
/// | [`write_timeout`](Self::write_timeout) | 30 s | how long a client may take nothing of its response |
/// | [`max_body`](Self::max_body) | no limit | how large the body of a request may be, in bytes |
/// | [`max_header_size`](Self::max_header_size) | 32 KiB | how large a header may be, in bytes |
/// | [`date_header`](Self::date_header) | yes | whether responses have a `date` |
/// | [`http2_max_streams`](Self::http2_max_streams) | 200 | how many requests an HTTP/2 connection has in flight |
/// | [`http2_keep_alive`](Self::http2_keep_alive) | none | whether an HTTP/2 client is asked if it is there |
///
/// All of it is a [`ServerConfig`].
///
/// # Examples
///
/// ```
/// use backstay::{Runtime, testing::Sim};
/// use backstay_hyper::Server;
/// use std::time::Duration;
///
/// Sim::builder().run(|rt| async move {
///     let server = Server::builder(&rt).idle_timeout(Duration::from_secs(5)).max_body(1 << 20).build();
///     assert!(server.is_ok());
///     let refused = Server::builder(&rt).idle_timeout(Duration::ZERO).build().unwrap_err();
///     assert_eq!(refused.to_string(), "invalid `idle_timeout` = 0s: must be longer than zero");
/// })?;
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
#[must_use = "does nothing until `build`"]
#[derive(Clone)]
pub struct ServerBuilder<R> {
    rt: R,
    config: ServerConfig,
}

/// What a connection is made with.
pub(super) struct Settings<R> {
    pub(super) rt: R,
    pub(super) timer: Arc<dyn Timer + Send + Sync>,
    pub(super) config: Arc<ServerConfig>,
}

impl<R: Runtime> ServerBuilder<R> {
    pub(super) fn new(rt: &R) -> Self {
        Self { rt: rt.clone(), config: ServerConfig::new() }
    }

    /// All settings, in place of those there were: those of a file, for instance.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::Sim;
    /// use backstay_hyper::{Server, ServerConfig};
    ///
    /// let mut config = ServerConfig::default();
    /// config.max_body = Some(1 << 20);
    /// Sim::builder().run(move |rt: Sim| async move {
    ///     let server = Server::builder(&rt).config(config).max_connections(100).build();
    ///     assert!(server.is_ok());
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    pub const fn config(mut self, config: ServerConfig) -> Self {
        self.config = config;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &ServerConfig {
        &self.config
    }

    /// The versions of HTTP that are spoken: both, told apart by what a client begins with.
    pub const fn versions(mut self, versions: Versions) -> Self {
        self.config.versions = versions;
        self
    }

    /// How many connections of a listener are open at once; no limit. Beyond it nothing is accepted: who connects waits
    /// in the system's queue. A connection that was upgraded counts until its socket is dropped.
    pub const fn max_connections(mut self, connections: usize) -> Self {
        self.config.max_connections = Some(connections);
        self
    }

    /// How long a client has for the header of a request; 10 s. The first one is timed from when it is accepted, those
    /// that follow from their first byte. Who takes longer is cut.
    ///
    /// `Duration::MAX`, here and below, is never.
    #[doc(alias = "slowloris")]
    pub const fn header_read_timeout(mut self, limit: Duration) -> Self {
        self.config.header_read_timeout = limit;
        self
    }

    /// How long a connection is kept open after its last response, or the last of a body that somebody reads for longer;
    /// 60 s.
    #[doc(alias = "keep_alive_timeout")]
    pub const fn idle_timeout(mut self, limit: Duration) -> Self {
        self.config.idle_timeout = limit;
        self
    }

    /// How long the body of a request may pause while the service reads it; 30 s. Then reading gives
    /// [`BodyError::Timeout`](super::BodyError::Timeout), and the request is answered with the status 408.
    ///
    /// It bounds pauses, not the whole: a service that wants a bound for all of a request has a timeout of its own.
    pub const fn body_read_timeout(mut self, limit: Duration) -> Self {
        self.config.body_read_timeout = limit;
        self
    }

    /// How long a client may take nothing of what is written to it; 30 s. Then it is cut.
    pub const fn write_timeout(mut self, limit: Duration) -> Self {
        self.config.write_timeout = limit;
        self
    }

    /// How many bytes the body of a request may have; no limit.
    ///
    /// A request that declares more is answered with the status 413, and the service not asked. One that turns out to
    /// have more, sent in chunks, ends with [`BodyError::TooLarge`](super::BodyError::TooLarge) for the service, and
    /// is answered in the same way whatever the service makes of it.
    pub const fn max_body(mut self, bytes: u64) -> Self {
        self.config.max_body = Some(bytes);
        self
    }

    /// How large the header of a request may be, in bytes; 32 KiB. A larger one is answered with the status 431.
    pub const fn max_header_size(mut self, bytes: u32) -> Self {
        self.config.max_header_size = bytes;
        self
    }

    /// Whether responses have a `date` header; they have. It is the system's clock: turn it off on the simulated
    /// runtime, where a run is to be the same as the one before.
    pub const fn date_header(mut self, is_sent: bool) -> Self {
        self.config.date_header = is_sent;
        self
    }

    /// How many requests an HTTP/2 connection may have in flight; 200.
    pub const fn http2_max_streams(mut self, streams: u32) -> Self {
        self.config.http2_max_streams = streams;
        self
    }

    /// Asks an HTTP/2 client with a ping whether it is there, every `interval`, and gives it up when it doesn't answer
    /// within `timeout`; nobody is asked. It finds clients that have vanished while a response is awaited.
    pub const fn http2_keep_alive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.config.http2_keep_alive = Some(Http2KeepAlive { interval, timeout });
        self
    }

    /// The server.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] with the name of a setting that is zero.
    pub fn build(self) -> Result<Server<R>, ConfigError> {
        self.config.validate().map(|()| self.finish())
    }

    /// Of good settings.
    pub(super) fn finish(self) -> Server<R> {
        let settings = Settings {
            timer: Arc::new(HyperTimer::new(self.rt.clone())),
            rt: self.rt,
            config: Arc::new(self.config),
        };
        Server { settings: Arc::new(settings), counters: Arc::<Counters>::default() }
    }
}

/// What hyper has read of a header, unless it is told otherwise.
const BUFFER: usize = 400 << 10;

impl<R: Runtime> Settings<R> {
    pub(super) fn http1(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        // The time for a header is ours: hyper's is for idle connections too.
        builder.header_read_timeout(None).auto_date_header(self.config.date_header);
        let max_header_size = usize::try_from(self.config.max_header_size).unwrap_or(usize::MAX);
        builder.max_header_size(max_header_size);
        if max_header_size > BUFFER {
            builder.max_buf_size(max_header_size);
        }
        builder
    }

    pub(super) fn http2(&self, executor: StreamExecutor<R>) -> http2::Builder<StreamExecutor<R>> {
        let mut builder = http2::Builder::new(executor);
        builder
            .timer(HyperTimer::new(self.rt.clone()))
            .auto_date_header(self.config.date_header)
            .max_header_list_size(self.config.max_header_size)
            .max_concurrent_streams(self.config.http2_max_streams);
        if let Some(Http2KeepAlive { interval, timeout }) = self.config.http2_keep_alive {
            builder.keep_alive_interval(interval.min(LONGEST)).keep_alive_timeout(timeout.min(LONGEST));
        }
        builder
    }
}

impl<R> fmt::Debug for ServerBuilder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}
