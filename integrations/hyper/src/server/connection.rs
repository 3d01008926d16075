//! A connection, from its first byte to its end.

use super::activity::Standing;
use super::builder::Settings;
use super::config::Versions;
use super::executor::StreamExecutor;
use super::open::OpenGuard;
use super::report::ConnectionEnd;
use super::service::{BoxError, Counted};
use super::shared::Shared;
use super::socket::Socket;
use crate::HyperIo;
use backstay_core::net::TcpStream;
use backstay_core::select::{OneOf2, select2};
use backstay_core::sync::OwnedPermit;
use backstay_core::task::{CancelToken, Shutdown};
use backstay_core::{Runtime, Sleep};
use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::HttpService;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

/// What HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection that was accepted.
pub(super) struct Accepted<R: Runtime, T> {
    pub(super) stream: T,
    pub(super) peer: SocketAddr,
    pub(super) place: Option<OwnedPermit>,
    pub(super) shutdown: Shutdown<R>,
    pub(super) drain: CancelToken,
    pub(super) settings: Arc<Settings<R>>,
    pub(super) open: OpenGuard,
}

impl<R: Runtime, T: TcpStream> Accepted<R, T> {
    /// Serves it to its end.
    pub(super) async fn serve<S, B>(self, service: S)
    where
        S: hyper::service::Service<
                Request<super::RequestBody>,
                Response = hyper::Response<B>,
                Error: Into<BoxError>,
                Future: Send + 'static,
            > + Send
            + 'static,
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let Self { stream, peer, place, shutdown, drain, settings, mut open } = self;
        open.begin();
        let shared = Arc::new(Shared::new(peer, &settings, &open));
        // Where it can't be, the connection is gone, and reading says so.
        let _best_effort = stream.set_nodelay(true);
        let mut socket = Socket::new(stream, Arc::clone(&shared), place);
        let is_http2 = match settings.config.versions {
            Versions::Http1 => false,
            // Of HTTP/2 alone too: until it has begun hyper does not end it.
            versions => match speaks_http2(&mut socket, &shared, &drain).await {
                Ok(is_http2) => is_http2 || versions == Versions::Http2,
                Err(end) => return open.end(end),
            },
        };
        let counted = Counted { service, shared: Arc::clone(&shared) };
        let io = HyperIo::new(socket);
        open.end(if is_http2 {
            shared.activity().http2(shared.rt.now());
            let connection = settings.http2(StreamExecutor(shutdown)).serve_connection(io, counted);
            drive(connection, &shared, &drain).await
        } else {
            drop(shutdown);
            let connection = settings.http1().serve_connection(io, counted).with_upgrades();
            drive(connection, &shared, &drain).await
        });
    }
}

/// Reads until it can be told.
async fn speaks_http2<R: Runtime, T: TcpStream>(
    socket: &mut Socket<R, T>,
    shared: &Shared<R>,
    drain: &CancelToken,
) -> Result<bool, ConnectionEnd> {
    let rt = &shared.rt;
    loop {
        let read = socket.prefix();
        let common = read.len().min(PREFACE.len());
        if read.get(..common) != PREFACE.get(..common) {
            return Ok(false);
        }
        if common == PREFACE.len() {
            return Ok(true);
        }
        let Standing::Until(late) = shared.activity().standing(rt.now()) else {
            return Err(ConnectionEnd::TimedOut);
        };
        // Once something has come, it is a request that is under way.
        let may_leave = read.is_empty();
        let leave = async {
            match may_leave {
                true => drop(drain.cancelled().await),
                false => std::future::pending().await,
            }
        };
        match select2(leave, rt.timeout_at(late, socket.peek())).await {
            OneOf2::First(()) => return Err(ConnectionEnd::Drained),
            OneOf2::Second(Err(_late)) => return Err(ConnectionEnd::TimedOut),
            OneOf2::Second(Ok(Err(_gone))) => return Err(ConnectionEnd::Failed),
            OneOf2::Second(Ok(Ok(0))) if may_leave => return Err(ConnectionEnd::Closed),
            OneOf2::Second(Ok(Ok(0))) => return Err(ConnectionEnd::Failed),
            OneOf2::Second(Ok(Ok(_))) => {}
        }
    }
}

/// Drives it to its end: by itself, because it is told to end, or because its time is over.
async fn drive<R: Runtime>(
    connection: impl Connection,
    shared: &Shared<R>,
    drain: &CancelToken,
) -> ConnectionEnd {
    let rt = &shared.rt;
    let (mut connection, mut drained) = (pin!(connection), pin!(drain.cancelled()));
    // A deadline that moves away costs nothing: the timer fires early, and is set again then.
    let mut fires_at = shared.activity().until();
    let mut timer = pin!(rt.sleep_until(fires_at));
    let (mut is_draining, mut is_told) = (false, false);
    let ended = poll_fn(|cx| {
        loop {
            // First: what has come before it is told to end is worked on.
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(Some(ended));
            }
            if !is_draining && drained.as_mut().poll(cx).is_ready() {
                (is_draining, is_told) = (true, true);
                connection.as_mut().graceful_shutdown();
                shared.tell();
                continue;
            }
            let until = shared.activity().until();
            if until < fires_at {
                fires_at = until;
                timer.as_mut().reset(fires_at);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let now = rt.now();
            let standing = shared.activity().standing(now);
            fires_at = match standing {
                Standing::Until(at) => at,
                Standing::Idle if !is_told => {
                    is_told = true;
                    connection.as_mut().graceful_shutdown();
                    shared.tell();
                    shared.activity().until()
                }
                Standing::Idle | Standing::Late => return Poll::Ready(None),
            };
            timer.as_mut().reset(fires_at);
        }
    })
    .await;
    match ended {
        Some(Ok(())) if is_draining => ConnectionEnd::Drained,
        Some(Ok(())) => ConnectionEnd::Closed,
        Some(Err(_)) if shared.has_timed_out() => ConnectionEnd::TimedOut,
        Some(Err(_)) => ConnectionEnd::Failed,
        None => ConnectionEnd::TimedOut,
    }
}

/// hyper's connections.
trait Connection: Future<Output = hyper::Result<()>> {
    fn graceful_shutdown(self: Pin<&mut Self>);
}

impl<I, S> Connection for http1::UpgradeableConnection<I, S>
where
    S: HttpService<Incoming, Error: Into<BoxError>>,
    S::ResBody: 'static,
    <S::ResBody as Body>::Error: Into<BoxError>,
    I: Read + Write + Unpin + Send + 'static,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, E> Connection for http2::Connection<I, S, E>
where
    S: HttpService<Incoming, Error: Into<BoxError>>,
    S::ResBody: 'static,
    <S::ResBody as Body>::Error: Into<BoxError>,
    I: Read + Write + Unpin,
    E: hyper::rt::bounds::Http2ServerConnExec<S::Future, S::ResBody>,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}
