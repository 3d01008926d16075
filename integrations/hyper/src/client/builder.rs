//! What a client keeps.

use super::{Client, ClientConfig, HyperConnector};
use crate::keep_alive::LONGEST;
use crate::{Http2KeepAlive, HyperExecutor, HyperTimer};
use backstay_core::net::Net;
use backstay_core::{ConfigError, Runtime};
use hyper::body::Body;
use hyper_util::client::legacy;
use std::time::Duration;

/// Makes a [`Client`].
///
/// | setting | default | is |
/// |---|---|---|
/// | [`connect_timeout`](Self::connect_timeout) | 10 s | for a look-up and a connection |
/// | [`idle_timeout`](Self::idle_timeout) | 60 s | how long a connection is kept that nobody uses |
/// | [`max_idle_per_host`](Self::max_idle_per_host) | no limit | how many of those |
/// | [`http2`](Self::http2) | no | whether HTTP/2 is spoken instead of HTTP/1 |
/// | [`http2_keep_alive`](Self::http2_keep_alive) | none | whether an HTTP/2 server is asked if it is there |
///
/// All of it is a [`ClientConfig`].
///
/// A client has no limit for the time of a request: that is for who asks, with [`Runtime::timeout`] or a
/// [`Pipeline`](backstay_core::resilience::Pipeline).
///
/// # Examples
///
/// ```
/// use backstay::{Runtime, testing::Sim};
/// use backstay_hyper::{Client, ClientBuilder};
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use std::time::Duration;
///
/// Sim::builder().run(|rt| async move {
///     let client: Client<_, Full<Bytes>> =
///         ClientBuilder::new(&rt).idle_timeout(Duration::from_secs(5)).http2().build().unwrap();
///     assert!(client.get("http://nobody/".parse().unwrap()).await.unwrap_err().is_connect());
///
///     let refused = ClientBuilder::new(&rt).idle_timeout(Duration::ZERO).build::<Full<Bytes>>();
///     let refused = refused.unwrap_err().to_string();
///     assert_eq!(refused, "invalid `idle_timeout` = 0s: must be longer than zero");
/// })?;
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
#[must_use = "does nothing until `build`"]
#[derive(Clone, Debug)]
pub struct ClientBuilder<R> {
    rt: R,
    config: ClientConfig,
}

impl<R: Runtime + Net> ClientBuilder<R> {
    /// With the defaults.
    pub fn new(rt: &R) -> Self {
        Self { rt: rt.clone(), config: ClientConfig::new() }
    }

    /// All settings, in place of those there were: those of a file, for instance.
    pub const fn config(mut self, config: ClientConfig) -> Self {
        self.config = config;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &ClientConfig {
        &self.config
    }

    /// How long look-up and connection may take together; 10 s.
    pub const fn connect_timeout(mut self, limit: Duration) -> Self {
        self.config.connect_timeout = limit;
        self
    }

    /// How long a connection is kept that nobody uses; 60 s. A server closes them too: a little less than it keeps them
    /// saves requests that meet a connection as it is closed.
    pub const fn idle_timeout(mut self, limit: Duration) -> Self {
        self.config.idle_timeout = limit;
        self
    }

    /// How many connections are kept for each host that nobody uses; no limit. With 0 each request has its own.
    pub const fn max_idle_per_host(mut self, connections: usize) -> Self {
        self.config.max_idle_per_host = connections;
        self
    }

    /// Speaks HTTP/2 from the first byte ("prior knowledge"): all requests to a host share one connection.
    pub const fn http2(mut self) -> Self {
        self.config.http2 = true;
        self
    }

    /// Asks an HTTP/2 server with a ping whether it is there, every `interval` while a response is awaited, and gives
    /// the connection up when it doesn't answer within `timeout`; nobody is asked.
    ///
    /// All requests to a host share a connection: without it, they go on to wait on one whose other end has vanished, as
    /// long as the system takes to notice.
    pub const fn http2_keep_alive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.config.http2_keep_alive = Some(Http2KeepAlive { interval, timeout });
        self
    }

    /// The client; `B` is the body of its requests.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] with the name of a setting that is zero.
    pub fn build<B: Body<Data: Send> + Send>(self) -> Result<Client<R, B>, ConfigError> {
        self.config.validate().map(|()| self.finish())
    }

    /// Of good settings.
    pub(super) fn finish<B: Body<Data: Send> + Send>(self) -> Client<R, B> {
        let Self { rt, config } = self;
        let timer = HyperTimer::new(rt.clone());
        let mut builder = legacy::Client::builder(HyperExecutor::new(rt.clone()));
        builder
            .timer(timer.clone())
            .pool_timer(timer)
            .pool_idle_timeout((config.idle_timeout < LONGEST).then_some(config.idle_timeout))
            .pool_max_idle_per_host(config.max_idle_per_host)
            .http2_only(config.http2);
        if let Some(Http2KeepAlive { interval, timeout }) = config.http2_keep_alive {
            builder
                .http2_keep_alive_interval(interval.min(LONGEST))
                .http2_keep_alive_timeout(timeout.min(LONGEST));
        }
        builder.build(HyperConnector::new(rt).connect_timeout(config.connect_timeout))
    }
}
