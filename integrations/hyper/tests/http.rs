//! A real server and client over loopback, on every runtime.

use backstay::net::{Net, TcpListener, TcpStream};
use backstay::{AnyOwner, Backend, BlockOn, Config, Runtime};
use backstay_hyper::{HyperExecutor, HyperIo, HyperTimer};
use bytes::Bytes;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use http_body_util::{BodyExt, Full};
use hyper::rt::{Executor, Timer};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, client, server};
use std::net::SocketAddr;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

fn on_every_backend(test: impl AsyncFn(backstay::AnyRuntime)) {
    for backend in Backend::ALL {
        let owner: AnyOwner = backend.start(Config::new()).expect("a good configuration");
        let rt = owner.runtime().clone();
        owner.block_on(rt.timeout(SOON, test(rt.clone()))).expect("the test hangs");
    }
}

async fn echo(request: Request<hyper::body::Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    let status = if path == "/echo" { StatusCode::OK } else { StatusCode::NOT_FOUND };
    Ok(Response::builder().status(status).body(Full::new(body)).expect("a response"))
}

/// A server whose connections may wait so long for a header: also for that of the next request.
async fn serve<R: Runtime + Net>(rt: &R, header_read_timeout: Duration) -> SocketAddr {
    let listener = rt.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let accepting = rt.clone();
    drop(rt.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let timer = HyperTimer::new(accepting.clone());
            let connection = server::conn::http1::Builder::new()
                .timer(timer)
                .header_read_timeout(header_read_timeout)
                .serve_connection(HyperIo::new(stream), service_fn(echo));
            drop(accepting.spawn(connection));
        }
    }));
    addr
}

#[test]
fn requests_of_every_size_come_back_whole() {
    on_every_backend(async |rt| {
        let addr = serve(&rt, SOON).await;
        let stream = rt.connect(addr).await.expect("a connection");
        let (mut client, connection) =
            client::conn::http1::handshake(HyperIo::new(stream)).await.expect("a handshake");
        HyperExecutor::new(rt.clone()).execute(async {
            let _ = connection.await;
        });
        let buffer = HyperIo::<()>::BUFFER;
        for size in [0, 1, buffer - 1, buffer, buffer + 1, 3 << 20] {
            let body: Bytes = (0..size).map(|i| i as u8).collect();
            let request = Request::post("/echo").header("host", "localhost").body(Full::new(body.clone()));
            client.ready().await.expect("an open connection");
            let response = client.send_request(request.expect("a request")).await.expect("a response");
            assert_eq!(response.status(), StatusCode::OK);
            let echoed = response.into_body().collect().await.expect("a body").to_bytes();
            assert!(echoed == body, "{size} bytes came back as {}", echoed.len());
        }
        let request = Request::get("/nothing").header("host", "localhost").body(Full::default());
        client.ready().await.expect("an open connection");
        let response = client.send_request(request.expect("a request")).await.expect("a response");
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    });
}

#[test]
fn the_timer_ends_a_connection_that_sends_no_header() {
    on_every_backend(async |rt| {
        let addr = serve(&rt, Duration::from_millis(100)).await;
        let mut stream = rt.connect(addr).await.expect("a connection");
        stream.write_all(b"GET /echo HTT").await.expect("it is sent");
        let mut rest = Vec::new();
        // Whether by an answer or at once: the server ends it.
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{:?}", String::from_utf8_lossy(&rest));
    });
}

#[test]
fn the_timer_keeps_the_runtimes_time() {
    on_every_backend(async |rt| {
        let timer = HyperTimer::new(rt.clone());
        let start = Timer::now(&timer);
        assert!(rt.from_std(start) <= rt.now());
        timer.sleep(Duration::from_millis(2)).await;
        assert!(Timer::now(&timer) - start >= Duration::from_millis(2));

        let mut sleep = timer.sleep_until(start + Duration::from_secs(3600));
        let at = Timer::now(&timer) + Duration::from_millis(2);
        timer.reset(&mut sleep, at);
        sleep.await;
        assert!(Timer::now(&timer) >= at);

        timer.sleep_until(start).await; // has passed
        timer.sleep(Duration::ZERO).await;
    });
}

#[test]
fn a_stream_comes_back_out() {
    on_every_backend(async |rt| {
        let addr = serve(&rt, SOON).await;
        let io = HyperIo::new(rt.connect(addr).await.expect("a connection"));
        assert_eq!(io.get_ref().peer_addr().expect("an address"), addr);
        assert_eq!(io.into_inner().peer_addr().expect("an address"), addr);
    });
}
