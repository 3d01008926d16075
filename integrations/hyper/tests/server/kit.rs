//! A server under a shutdown, and who asks it.

use backstay::net::{Net, TcpListener};
use backstay::task::{Shutdown, ShutdownReport};
use backstay::{JoinHandle, Runtime};
use backstay_hyper::{Client, ClientBuilder, RequestBody, ServeReport, ServeStats, Server, ServerBuilder};
use bytes::Bytes;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures::stream;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::service::Service;
use hyper::{Request, Response, StatusCode};
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A time for real clocks, or for the simulated one, which may jump by 10 s.
pub(crate) fn time<R: Runtime>(rt: &R, real: Duration, simulated: Duration) -> Duration {
    if rt.name() == "sim" { simulated } else { real }
}

pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A server that runs as a task of its shutdown.
pub(crate) struct Running<R: Runtime> {
    pub(crate) rt: R,
    pub(crate) addr: SocketAddr,
    pub(crate) shutdown: Shutdown<R>,
    pub(crate) stats: ServeStats,
}

impl<R: Runtime + Net> Running<R> {
    pub(crate) async fn start<S, B>(
        rt: &R,
        settings: impl FnOnce(ServerBuilder<R>) -> ServerBuilder<R>,
        service: S,
    ) -> Self
    where
        S: Service<
                Request<RequestBody>,
                Response = Response<B>,
                Error: Into<BoxError>,
                Future: Send + 'static,
            > + Clone
            + Send
            + 'static,
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let listener = rt.bind(loopback()).await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let shutdown = Shutdown::new(rt);
        let stats = start_on(rt, listener, settings, service, &shutdown);
        Self { rt: rt.clone(), addr, shutdown, stats }
    }

    pub(crate) fn url(&self, path: &str) -> hyper::Uri {
        format!("http://{}{path}", self.addr).parse().expect("an address")
    }

    pub(crate) fn client(&self) -> Client<R, Full<Bytes>> {
        client(&self.rt)
    }

    /// Shuts down; everybody has so long to end.
    pub(crate) async fn stop_in(&self, drain: Duration, grace: Duration) -> (ShutdownReport, ServeReport) {
        let signals = stream::iter(["SIGTERM"]);
        // It doesn't take so long; a simulated clock may jump.
        let report = self.shutdown.run(signals).drain(drain).grace(grace).abort_wait(secs(20)).await;
        let served = self.stats.report();
        assert_adds_up(&served);
        assert_eq!((served.connections.open, served.requests.in_flight), (0, 0), "{served}");
        (report, served)
    }

    /// Shuts down, and nothing has to be cut.
    pub(crate) async fn stop(&self) -> ServeReport {
        let (report, served) = self.stop_in(secs(20), secs(1)).await;
        assert!(report.is_clean() && served.is_clean(), "{report}: {served}");
        served
    }

    /// Waits for something that comes soon.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&ServeReport) -> bool) {
        for _ in 0..4_000 {
            let report = self.stats.report();
            assert_adds_up(&report);
            if is_so(&report) {
                return;
            }
            self.rt.sleep(ms(5)).await;
        }
        panic!("{what}: {}", self.stats.report());
    }
}

/// Serves on a listener that is there.
pub(crate) fn start_on<R, L, S, B>(
    rt: &R,
    listener: L,
    settings: impl FnOnce(ServerBuilder<R>) -> ServerBuilder<R>,
    service: S,
    shutdown: &Shutdown<R>,
) -> ServeStats
where
    R: Runtime,
    L: TcpListener,
    S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let server = settings(Server::builder(rt).date_header(false)).build().expect("good settings");
    let stats = server.stats();
    let own = shutdown.clone();
    let serve = async move {
        server.serve(listener, service, &own).await;
    };
    shutdown.named("http").spawn(serve).expect("it has not begun");
    stats
}

pub(crate) fn assert_adds_up(report: &ServeReport) {
    let (c, r) = (&report.connections, &report.requests);
    let ended = c.closed + c.drained + c.failed + c.timed_out + c.panicked + c.aborted + c.refused;
    assert_eq!(c.accepted, c.open + ended, "{report:?}");
    assert_eq!(r.begun, r.in_flight + r.answered + r.failed + r.panicked + r.cut, "{report:?}");
}

pub(crate) fn client<R: Runtime + Net>(rt: &R) -> Client<R, Full<Bytes>> {
    ClientBuilder::new(rt).build().expect("good settings")
}

pub(crate) fn http2_client<R: Runtime + Net>(rt: &R) -> Client<R, Full<Bytes>> {
    ClientBuilder::new(rt).http2().build().expect("good settings")
}

/// Status and text.
pub(crate) async fn read<B>(response: Response<B>) -> (StatusCode, String)
where
    B: Body<Data: Send, Error: std::fmt::Debug>,
{
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

/// What a server answers to bytes that are written by hand, until it closes the connection.
pub(crate) async fn by_hand<R: Runtime + Net>(rt: &R, addr: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = rt.connect(addr).await.expect("a connection");
    stream.write_all(bytes).await.expect("it is written");
    rest(&mut stream).await
}

/// What still comes, until it is closed, in order or not.
pub(crate) async fn rest<S: AsyncReadExt + Unpin>(stream: &mut S) -> String {
    let mut all = Vec::new();
    // Closed or reset.
    let _how = stream.read_to_end(&mut all).await;
    String::from_utf8_lossy(&all).into_owned()
}

/// An HTTP head, with its empty line.
pub(crate) async fn head<S: AsyncReadExt + Unpin>(stream: &mut S) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.expect("a head");
        head.extend(byte);
    }
    String::from_utf8(head).expect("text")
}

/// Spawns, and gives the value.
pub(crate) async fn joined<H: JoinHandle<T>, T>(handle: H) -> T {
    handle.await.expect("it does not panic")
}
