//! How a client connects.

use super::error::ConnectError;
use crate::HyperIo;
use backstay_core::Runtime;
use backstay_core::future::BoundedSet;
use backstay_core::net::{Net, NetError, TcpStream};
use futures_core::Stream;
use hyper::Uri;
use hyper::http::uri::Scheme;
use hyper_util::client::legacy::connect::{Connected, Connection};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

/// How long a connection may take, if nothing else is said.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an address is waited for before the next one is tried too (RFC 8305, section 5).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// Connects to the host and port of an `http://` address, over [`Net`]; a `tower` service, as hyper-util's client
/// wants it.
///
/// Where a host has several addresses they are tried in the order of the look-up, the next one when one has failed or
/// has been silent for 250 ms, and the first that answers is taken: an address that is not there costs a moment, and not
/// all the time there is.
///
/// Look-up and connection have 10 seconds together, if nothing else is said, and small writes are sent at once
/// (`TCP_NODELAY`).
///
/// # Examples
///
/// ```
/// use backstay::{Runtime, net::Net, testing::Sim};
/// use backstay_hyper::{ConnectError, HyperConnector};
/// use std::time::Duration;
/// use tower_service::Service;
///
/// Sim::builder().run(|rt| async move {
///     let mut connector = HyperConnector::new(rt.clone()).connect_timeout(Duration::from_secs(1));
///     let _listener = rt.bind("0.0.0.0:8080".parse().unwrap()).await.unwrap();
///     assert!(connector.call("http://main:8080/".parse().unwrap()).await.is_ok());
///     let error = connector.call("http://main/".parse().unwrap()).await.unwrap_err();
///     assert!(matches!(error, ConnectError::Connect { .. })); // nobody listens on port 80
///     let error = connector.call("https://main/".parse().unwrap()).await.unwrap_err();
///     assert_eq!(error.to_string(), "can't connect to https://main/: expected http://");
/// })?;
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
#[doc(alias = "happy eyeballs")]
#[derive(Clone, Debug)]
pub struct HyperConnector<R> {
    rt: R,
    timeout: Duration,
    nodelay: bool,
}

impl<R> HyperConnector<R> {
    /// A connector on `rt`.
    pub const fn new(rt: R) -> Self {
        Self { rt, timeout: CONNECT_TIMEOUT, nodelay: true }
    }

    /// How long look-up and connection may take together; 10 s. `Duration::MAX` is forever.
    pub const fn connect_timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Whether small writes are sent at once; they are.
    pub const fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }
}

impl<R: Runtime + Net> Service<Uri> for HyperConnector<R> {
    type Response = HyperIo<R::TcpStream>;
    type Error = ConnectError;
    type Future = Connecting<R>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Connecting<R> {
        let Self { rt, timeout, nodelay } = self.clone();
        Connecting(Box::pin(async move {
            let host = host_of(&uri)?;
            let connect = async {
                let stream = first_to_answer(&rt, &host).await?;
                stream.set_nodelay(nodelay)?;
                Ok(stream)
            };
            match rt.timeout(timeout, connect).await {
                Ok(Ok(stream)) => Ok(HyperIo::new(stream)),
                Ok(Err(source)) => Err(ConnectError::Connect { host, source }),
                Err(_elapsed) => Err(ConnectError::Timeout { host, limit: timeout }),
            }
        }))
    }
}

/// Connects to the addresses of a host in turn, the next one when one has failed or is silent: all of those that were
/// begun go on, until one of them answers.
async fn first_to_answer<R: Runtime + Net>(rt: &R, host: &str) -> io::Result<R::TcpStream> {
    let mut addrs = rt.resolve(host).await?.into_iter();
    let mut connecting = BoundedSet::new(NonZeroUsize::MAX);
    let mut error = NetError::wrap("resolve", host, io::ErrorKind::NotFound.into());
    loop {
        if let Some(addr) = addrs.next() {
            drop(connecting.try_push(rt.connect(addr))); // it is never full
        }
        let patience = if addrs.len() == 0 { Duration::MAX } else { NEXT_ADDRESS };
        let first = poll_fn(|cx| Pin::new(&mut connecting).poll_next(cx));
        match rt.timeout(patience, first).await {
            Ok(Some(Ok(stream))) => return Ok(stream),
            Ok(Some(Err(failed))) => error = failed,
            Ok(None) => return Err(error),
            Err(_silent) => {}
        }
    }
}

fn host_of(uri: &Uri) -> Result<String, ConnectError> {
    let reason = match (uri.scheme(), uri.host()) {
        (Some(scheme), Some(host)) if *scheme == Scheme::HTTP && !host.is_empty() => {
            return Ok(format!("{host}:{}", uri.port_u16().unwrap_or(80)));
        }
        (Some(scheme), _) if *scheme == Scheme::HTTP => "it names no host",
        _ => "expected http://",
    };
    Err(ConnectError::Uri { uri: uri.clone(), reason })
}

/// The future of [`HyperConnector`].
///
/// # Cancel safety
///
/// Dropping it closes what it has opened.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Connecting<R: Net>(Connect<R::TcpStream>);

type Connect<S> = Pin<Box<dyn Future<Output = Result<HyperIo<S>, ConnectError>> + Send>>;

impl<R: Net> Future for Connecting<R> {
    type Output = Result<HyperIo<R::TcpStream>, ConnectError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<R: Net> fmt::Debug for Connecting<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connecting").finish_non_exhaustive()
    }
}

/// For hyper-util's pool: a plain connection.
impl<S: TcpStream> Connection for HyperIo<S> {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
