//! A server that ends in good order (recipe 7.5).

mod activity;
mod body;
mod builder;
mod config;
mod connection;
mod executor;
mod open;
mod peer;
mod piece;
mod report;
mod service;
mod shared;
mod socket;

pub use body::{BodyError, RequestBody};
pub use builder::ServerBuilder;
pub use config::{ServerConfig, Versions};
pub use hyper_util::service::TowerToHyperService;
pub use peer::PeerAddr;
pub use report::{ConnectionCounts, RequestCounts, ServeReport, ServeStats};

use backstay_core::net::TcpListener;
use backstay_core::sync::Semaphore;
use backstay_core::task::Shutdown;
use backstay_core::{Limit, Runtime};
use builder::Settings;
use connection::Accepted;
use hyper::body::Body;
use hyper::service::Service;
use hyper::{Request, Response};
use open::{Open, OpenGuard};
use report::Counters;
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

/// After an error that is not about one connection; files may have run out.
const PAUSE: Duration = Duration::from_millis(50);

/// How many connections are accepted before everybody else has a turn, where a crowd waits.
const IN_A_ROW: u64 = 64;

/// Serves HTTP/1 and HTTP/2 on what `listener` accepts, until `shutdown` begins; with the defaults of a [`Server`],
/// where the rest is told.
///
/// # Cancel safety
///
/// As [`Server::serve`].
///
/// # Examples
///
/// ```
/// use backstay::net::{Net, TcpListener};
/// use backstay::{Runtime, task::Shutdown, testing::Sim};
/// use backstay_hyper::{RequestBody, client, serve};
/// use bytes::Bytes;
/// use http_body_util::{BodyExt, Full};
/// use hyper::{Request, Response, service::service_fn};
/// use std::convert::Infallible;
///
/// async fn hello(request: Request<RequestBody>) -> Result<Response<Full<Bytes>>, Infallible> {
///     Ok(Response::new(Full::from(format!("hello from {}", request.uri().path()))))
/// }
///
/// Sim::builder().run(|rt| async move {
///     let shutdown = Shutdown::new(&rt);
///     let listener = rt.bind("0.0.0.0:80".parse().unwrap()).await.unwrap();
///     let ask = async {
///         let client = client::<_, Full<Bytes>>(&rt);
///         let response = client.get("http://main/home".parse().unwrap()).await.unwrap();
///         let body = response.into_body().collect().await.unwrap().to_bytes();
///         assert_eq!(body, "hello from /home");
///         shutdown.trigger("done");
///     };
///     let (report, (), _) = futures::join!(
///         serve(&rt, listener, service_fn(hello), &shutdown),
///         ask,
///         shutdown.run(futures::stream::empty::<&str>()),
///     );
///     assert_eq!(report.to_string(), "1 connections: 0 closed, 1 drained; 1 requests: 1 answered");
/// })?;
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
pub async fn serve<R, L, S, B>(rt: &R, listener: L, service: S, shutdown: &Shutdown<R>) -> ServeReport
where
    R: Runtime,
    L: TcpListener,
    S: Service<
            Request<RequestBody>,
            Response = Response<B>,
            Error: Into<Box<dyn Error + Send + Sync>>,
            Future: Send + 'static,
        > + Clone
        + Send
        + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    Server::new(rt).serve(listener, service, shutdown).await
}

/// An HTTP server: HTTP/1 and HTTP/2, on any runtime, under a [`Shutdown`].
///
/// # Examples
///
/// See [`serve`].
pub struct Server<R> {
    settings: Arc<Settings<R>>,
    counters: Arc<Counters>,
}

impl<R: Runtime> Server<R> {
    /// A server with the defaults.
    pub fn new(rt: &R) -> Self {
        ServerBuilder::new(rt).finish()
    }

    /// To change some.
    pub fn builder(rt: &R) -> ServerBuilder<R> {
        ServerBuilder::new(rt)
    }

    /// What it has done so far, also while it runs and when [`serve`](Self::serve) was dropped.
    pub fn stats(&self) -> ServeStats {
        ServeStats { counters: Arc::clone(&self.counters) }
    }

    /// Serves what `listener` accepts, until `shutdown` begins, and gives the report when all has ended.
    ///
    /// Each connection has a clone of `service`, and is a task of the shutdown's; so is each request of an HTTP/2
    /// connection. When the shutdown begins the port is closed, and the connections are told to end: idle ones do at
    /// once, the others with the response that is in progress. What has not ended by then is aborted with the shutdown.
    /// Where this runs as a task of the same shutdown it may be aborted too: [`stats`](Self::stats) has the report
    /// then.
    ///
    /// An error of the listener doesn't end it, but is counted. After one that isn't about a single connection, as when
    /// files have run out, it waits for 50 ms. It may be called for several listeners; the counts are of
    /// all of them, and each may have `max_connections`.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it closes the port, and its connections are told to end as they are by the shutdown, to which they
    /// belong.
    ///
    /// # Cost
    ///
    /// For a connection the cost of a task of [`Shutdown`], a timer, and its name; for a request one small allocation
    /// where it has a body, and no timer unless the body has to be waited for. A deadline that moves away, as it does
    /// with each request, moves no timer.
    pub async fn serve<L, S, B>(&self, listener: L, service: S, shutdown: &Shutdown<R>) -> ServeReport
    where
        L: TcpListener,
        S: Service<
                Request<RequestBody>,
                Response = Response<B>,
                Error: Into<Box<dyn Error + Send + Sync>>,
                Future: Send + 'static,
            > + Clone
            + Send
            + 'static,
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let Self { settings, counters } = self;
        let stop = shutdown.stop_token();
        // Told by the shutdown, or when this is dropped.
        let drain = stop.child();
        let _guard = drain.clone().drop_guard();
        let open = Arc::<Open>::default();
        let places = settings
            .config
            .max_connections
            .map(|connections| Arc::new(Semaphore::new(Limit::new(connections).unwrap_or(Limit::ONE))));
        for n in 1_u64.. {
            if n.is_multiple_of(IN_A_ROW) {
                settings.rt.yield_now().await;
            }
            let place = match &places {
                None => None,
                Some(places) => match stop.run(Arc::clone(places).acquire_owned()).await {
                    Ok(Ok(place)) => Some(place),
                    Ok(Err(_)) | Err(_) => break,
                },
            };
            let (stream, peer) = match stop.run(listener.accept()).await {
                Ok(Ok(accepted)) => accepted,
                Ok(Err(error)) => {
                    counters.accept_error();
                    if !is_about_one(&error) && stop.run(settings.rt.sleep(PAUSE)).await.is_err() {
                        break;
                    }
                    continue;
                }
                Err(_cancelled) => break,
            };
            let named = shutdown.named(format!("http connection of {peer}"));
            let accepted = Accepted {
                stream,
                peer,
                place,
                shutdown: named.clone(),
                drain: drain.clone(),
                settings: Arc::clone(settings),
                open: OpenGuard::new(&open, counters),
            };
            if named.spawn(accepted.serve(service.clone())).is_err() {
                break;
            }
        }
        drop(listener);
        open.ended().await;
        self.stats().report()
    }
}

fn is_about_one(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted)
}

impl<R> fmt::Debug for Server<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("config", &self.settings.config).finish_non_exhaustive()
    }
}
