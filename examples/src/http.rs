//! A real HTTP server and client over the runtime's own sockets, as small as they get.

use backstay::net::{Net, TcpListener};
use backstay::task::borrow_scope;
use backstay::{JoinHandle, Runtime};
use backstay_hyper::{HyperIo, rate_limit};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, client, server};
use serde_json::Value;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// What a handler answers.
pub type Reply = Response<Full<Bytes>>;

/// A reply with a status and a body.
pub fn reply(status: StatusCode, body: impl Into<String>) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body.into())));
    *reply.status_mut() = status;
    reply
}

/// A server on a port of its own. One task accepts and serves: its connections are children of a scope in it.
#[derive(Debug)]
pub struct Server<R: Runtime> {
    addr: SocketAddr,
    task: R::JoinHandle<io::Result<()>>,
}

impl<R: Runtime + Net> Server<R> {
    /// Starts it; `handler` is called with the path of each request.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub async fn start<H, F>(rt: &R, handler: H) -> io::Result<Self>
    where
        H: Fn(String) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let listener = rt.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let addr = listener.local_addr()?;
        let task = rt.spawn_named("server", async move {
            borrow_scope(|scope| async move {
                loop {
                    let (stream, _peer) = listener.accept().await?;
                    scope.spawn(connection(HyperIo::new(stream), handler.clone())).detach();
                }
            })
            .await
        });
        Ok(Self { addr, task })
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops it, connections and all; it has ended when this returns.
    pub async fn stop(self) {
        self.task.abort();
        let _aborted = self.task.await;
    }
}

async fn connection<S, H, F>(stream: S, handler: H)
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin,
    H: Fn(String) -> F,
    F: Future<Output = Reply>,
{
    let service = service_fn(|request: Request<Incoming>| {
        let reply = handler(request.uri().path().to_owned());
        async { Ok::<_, Infallible>(reply.await) }
    });
    // A client that goes away in the middle is its own matter. The date would be the real one, also where time is
    // virtual.
    let _ended = server::conn::http1::Builder::new()
        .auto_date_header(false)
        .keep_alive(false)
        .serve_connection(stream, service)
        .await;
}

/// Gets JSON.
///
/// # Errors
///
/// [`FetchError`], which tells apart what a caller may want to treat differently.
pub async fn get<N: Net>(net: &N, addr: SocketAddr, path: &str) -> Result<Value, FetchError> {
    let response = fetch(net, addr, path).await?;
    let status = response.status();
    if !status.is_success() {
        let retry_after = rate_limit::read(response.headers(), None).told.retry_after;
        return Err(FetchError::Status { status, retry_after });
    }
    Ok(serde_json::from_slice(response.body())?)
}

/// Gets whatever the server answers. Everything happens in the caller's task: dropping the future closes the connection.
///
/// # Errors
///
/// [`FetchError`], if it doesn't answer.
pub async fn fetch<N: Net>(net: &N, addr: SocketAddr, path: &str) -> Result<Response<Bytes>, FetchError> {
    let stream = HyperIo::new(net.connect(addr).await?);
    let (mut sender, connection) = client::conn::http1::handshake(stream).await?;
    let request = Request::get(path).header(HOST, "localhost").body(Full::<Bytes>::default())?;
    let exchange = async move {
        let (head, body) = sender.send_request(request).await?.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    };
    // The connection ends when the exchange has dropped its sender.
    let (answer, _closed) = futures::join!(exchange, connection);
    answer
}

/// Why there is no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum FetchError {
    /// There is no connection.
    Connect(io::Error),
    /// The connection broke, or the other side speaks no HTTP.
    Protocol(hyper::Error),
    /// The request can't be made.
    Request(hyper::http::Error),
    /// The server answered with something else than success.
    Status {
        /// What it answered.
        status: StatusCode,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The answer is not JSON.
    Decode(serde_json::Error),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(_) => f.write_str("no connection"),
            Self::Protocol(_) => f.write_str("the connection broke"),
            Self::Request(_) => f.write_str("invalid request"),
            Self::Status { status, retry_after: None } => write!(f, "the server answered {status}"),
            Self::Status { status, retry_after: Some(after) } => {
                write!(f, "the server answered {status}, and to come back in {after:?}")
            }
            Self::Decode(_) => f.write_str("the answer is not JSON"),
        }
    }
}

impl Error for FetchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connect(source) => Some(source),
            Self::Protocol(source) => Some(source),
            Self::Request(source) => Some(source),
            Self::Decode(source) => Some(source),
            Self::Status { .. } => None,
        }
    }
}

impl From<io::Error> for FetchError {
    fn from(source: io::Error) -> Self {
        Self::Connect(source)
    }
}

impl From<hyper::Error> for FetchError {
    fn from(source: hyper::Error) -> Self {
        Self::Protocol(source)
    }
}

impl From<hyper::http::Error> for FetchError {
    fn from(source: hyper::http::Error) -> Self {
        Self::Request(source)
    }
}

impl From<serde_json::Error> for FetchError {
    fn from(source: serde_json::Error) -> Self {
        Self::Decode(source)
    }
}
