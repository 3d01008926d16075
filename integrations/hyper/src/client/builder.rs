//! What a client keeps.

use super::{Client, HyperConnector};
use crate::{HyperExecutor, HyperTimer};
use backstay_core::net::Net;
use backstay_core::settings::{Rule, Setting};
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
///     assert_eq!(refused.unwrap_err().field(), Some("idle_timeout"));
/// })?;
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
#[must_use = "does nothing until `build`"]
#[derive(Clone, Debug)]
pub struct ClientBuilder<R> {
    rt: R,
    connect: Duration,
    idle: Duration,
    max_idle: usize,
    http2: bool,
}

impl<R: Runtime + Net> ClientBuilder<R> {
    /// With the defaults.
    pub fn new(rt: &R) -> Self {
        Self {
            rt: rt.clone(),
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            max_idle: usize::MAX,
            http2: false,
        }
    }

    /// How long look-up and connection may take together; 10 s.
    pub const fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect = limit;
        self
    }

    /// How long a connection is kept that nobody uses; 60 s. A server closes them too: a little less than it keeps them
    /// saves requests that meet a connection as it is closed.
    pub const fn idle_timeout(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// How many connections are kept for each host that nobody uses; no limit. With 0 each request has its own.
    pub const fn max_idle_per_host(mut self, connections: usize) -> Self {
        self.max_idle = connections;
        self
    }

    /// Speaks HTTP/2 from the first byte ("prior knowledge"): all requests to a host share one connection.
    pub const fn http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    /// The client; `B` is the body of its requests.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] with the name of a setting that is zero.
    pub fn build<B: Body<Data: Send> + Send>(self) -> Result<Client<R, B>, ConfigError> {
        for (field, limit) in [("connect_timeout", self.connect), ("idle_timeout", self.idle)] {
            limit.check(field, &Rule::<Duration>::NOT_ZERO)?;
        }
        Ok(self.finish())
    }

    /// Of good settings.
    pub(super) fn finish<B: Body<Data: Send> + Send>(self) -> Client<R, B> {
        let timer = HyperTimer::new(self.rt.clone());
        let mut builder = legacy::Client::builder(HyperExecutor::new(self.rt.clone()));
        builder
            .timer(timer.clone())
            .pool_timer(timer)
            .pool_idle_timeout((self.idle < FOREVER).then_some(self.idle))
            .pool_max_idle_per_host(self.max_idle)
            .http2_only(self.http2);
        builder.build(HyperConnector::new(self.rt).connect_timeout(self.connect))
    }
}

/// Beyond it hyper's instants panic.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
