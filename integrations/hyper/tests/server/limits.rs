//! Clients that are slow, large or many.

use crate::kit::*;
use crate::service::service;
use backstay::net::Net;
use backstay::testing::*;
use backstay::{JoinHandle, Runtime};
use backstay_hyper::{ClientBuilder, RequestBody, Versions};
use bytes::Bytes;
use futures::io::AsyncWriteExt;
use futures::{StreamExt, stream};
use http_body_util::{Full, StreamBody};
use hyper::body::Frame;
use hyper::{Request, Response, StatusCode};
use std::convert::Infallible;

test_on_every_runtime! {
    who_is_slow_with_a_header_is_cut
    a_connection_that_nobody_uses_is_closed
    an_upload_that_stalls_is_answered_408
    a_declared_body_beyond_the_limit_is_answered_413
    a_chunked_body_beyond_the_limit_is_answered_413
    a_body_up_to_the_limit_passes
    http2_bodies_have_the_same_limits
    a_header_beyond_the_limit_is_answered_431
    who_does_not_read_is_cut
    one_version_alone
}

async fn who_is_slow_with_a_header_is_cut<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b.header_read_timeout(ms(30)), service(&rt)).await;
    // Nothing; what may become either version; in the middle of a line; the rest is sent too late.
    for begin in ["", "P", "PRI * HTTP/2.0\r\n", "GET /now HT", "GET /now HTTP/1.1\r\nhost: x\r\n"] {
        let start = rt.now();
        assert_eq!(by_hand(&rt, server.addr, begin.as_bytes()).await, "", "{begin:?}");
        assert!(rt.now() - start >= ms(30), "{begin:?} was cut early");
    }
    // The second one on a connection has its own time.
    let mut stream = rt.connect(server.addr).await.expect("a connection");
    stream.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is written");
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "));
    stream.write_all(b"GET /no").await.expect("it is written");
    assert_eq!(rest(&mut stream).await, "slow");
    let served = server.stop().await;
    assert_eq!((served.connections.timed_out, served.connections.accepted), (6, 6), "{served}");
    assert_eq!((served.requests.begun, served.requests.answered), (1, 1), "{served}");
}

async fn a_connection_that_nobody_uses_is_closed<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b.idle_timeout(ms(30)), service(&rt)).await;
    let start = rt.now();
    let answer = by_hand(&rt, server.addr, b"GET /now HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nnow"), "{answer:?}");
    assert!(rt.now() - start >= ms(30));

    let client = http2_client(&rt);
    assert_eq!(read(client.get(server.url("/now")).await.expect("a response")).await.1, "now");
    server.until("both are closed", |report| report.connections.closed == 2).await;
    server.stop().await;
}

async fn an_upload_that_stalls_is_answered_408<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b.body_read_timeout(ms(30)), service(&rt)).await;
    for (path, body) in [
        ("/echo", "content-length: 10\r\n\r\nfive."),
        ("/swallow", "transfer-encoding: chunked\r\n\r\n5\r\nfive."),
    ] {
        let mut stream = rt.connect(server.addr).await.expect("a connection");
        let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{body}");
        stream.write_all(request.as_bytes()).await.expect("it is written");
        let answer = head(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
        assert!(answer.contains("connection: close\r\n"), "{answer:?}");
        drop(stream);
    }
    let served = server.stop().await;
    assert_eq!((served.requests.begun, served.requests.answered), (2, 2), "{served}");
}

const LARGE: usize = 200_000;

async fn a_declared_body_beyond_the_limit_is_answered_413<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b.max_body(1000), service(&rt)).await;
    let mut stream = rt.connect(server.addr).await.expect("a connection");
    let request = format!("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: {LARGE}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is written");
    // Sent though it is not wanted: the answer must not be lost by that.
    stream.write_all(&vec![b'x'; LARGE]).await.expect("it is written");
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 413 "));
    drop(stream);

    // Who asks first is not told to go on.
    let asks = "POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1001\r\n\r\n";
    let mut stream = rt.connect(server.addr).await.expect("a connection");
    stream.write_all(asks.as_bytes()).await.expect("it is written");
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 413 "));
    drop(stream);
    let served = server.stop().await;
    assert_eq!((served.requests.begun, served.requests.answered), (2, 2), "{served}");
}

async fn a_chunked_body_beyond_the_limit_is_answered_413<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b.max_body(1000), service(&rt)).await;
    // Whatever the service makes of it.
    for path in ["/echo", "/swallow"] {
        let mut stream = rt.connect(server.addr).await.expect("a connection");
        let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it is written");
        for _ in 0..LARGE / 2000 {
            stream
                .write_all(format!("7d0\r\n{}\r\n", "x".repeat(2000)).as_bytes())
                .await
                .expect("it is written");
        }
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 413 "), "{path}");
    }
    // Who doesn't read it doesn't know.
    let small =
        b"POST /ignore HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfive.\r\n0\r\n\r\n";
    let mut stream = rt.connect(server.addr).await.expect("a connection");
    stream.write_all(small).await.expect("it is written");
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "));
    drop(stream);
    server.stop().await;
}

async fn a_body_up_to_the_limit_passes<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b.max_body(1000), service(&rt)).await;
    let client = server.client();
    let exact = "x".repeat(1000);
    let declared = Request::post(server.url("/echo")).body(Full::from(exact.clone())).expect("a request");
    assert_eq!(
        read(client.request(declared).await.expect("a response")).await,
        (StatusCode::OK, exact.clone())
    );

    let chunked = ClientBuilder::new(&rt).build().expect("good settings");
    let chunks = stream::iter([exact[..400].to_owned(), exact[400..].to_owned()]);
    let chunks = chunks.map(|text| Ok::<_, Infallible>(Frame::data(Bytes::from(text))));
    let request = Request::post(server.url("/echo")).body(StreamBody::new(chunks)).expect("a request");
    assert_eq!(read(chunked.request(request).await.expect("a response")).await, (StatusCode::OK, exact));
    server.stop().await;
}

async fn http2_bodies_have_the_same_limits<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b.max_body(1000).body_read_timeout(ms(30)), service(&rt)).await;
    let client = http2_client(&rt);
    let post =
        |size| Request::post(server.url("/echo")).body(Full::from("x".repeat(size))).expect("a request");
    let status = async |size| client.request(post(size)).await.expect("a response").status();
    assert_eq!(status(1001).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(status(1000).await, StatusCode::OK);

    let streaming = ClientBuilder::new(&rt).http2().build().expect("good settings");
    let some = || stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b'x'; 600])))]);
    let twice = some().chain(some()).boxed();
    let stalls = some().chain(stream::pending()).boxed();
    for (body, expected) in [(twice, StatusCode::PAYLOAD_TOO_LARGE), (stalls, StatusCode::REQUEST_TIMEOUT)] {
        let request = Request::post(server.url("/echo")).body(StreamBody::new(body)).expect("a request");
        assert_eq!(streaming.request(request).await.expect("a response").status(), expected);
    }
    drop((client, streaming));
    let served = server.stop().await;
    assert_eq!((served.requests.begun, served.requests.answered), (4, 4), "{served}");
}

async fn a_header_beyond_the_limit_is_answered_431<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b.max_header_size(1000), service(&rt)).await;
    let large = format!("GET /now HTTP/1.1\r\nhost: x\r\nlarge: {}\r\n\r\n", "x".repeat(1000));
    let answer = by_hand(&rt, server.addr, large.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:?}");
    let served = server.stop().await;
    assert_eq!((served.requests.begun, served.connections.failed), (0, 1), "{served}");

    // And as large as is said.
    let server = Running::start(&rt, |b| b.max_header_size(1 << 20), service(&rt)).await;
    let large = format!(
        "GET /now HTTP/1.1\r\nhost: x\r\nconnection: close\r\nlarge: {}\r\n\r\n",
        "x".repeat(1 << 19)
    );
    let answer = by_hand(&rt, server.addr, large.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
    server.stop().await;
}

async fn who_does_not_read_is_cut<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b.write_timeout(ms(50)), service(&rt)).await;
    let mut stream = rt.connect(server.addr).await.expect("a connection");
    stream.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is written");
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "));
    server.until("it is cut", |report| report.connections.timed_out == 1).await;
    drop(stream);
    let served = server.stop().await;
    assert_eq!((served.requests.begun, served.requests.cut), (1, 1), "{served}");
}

async fn one_version_alone<R: Runtime + Net>(rt: R) {
    let ask = b"GET /now HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let one = Running::start(&rt, |b| b.versions(Versions::Http1), service(&rt)).await;
    assert!(by_hand(&rt, one.addr, ask).await.starts_with("HTTP/1.1 200 "));
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    assert!(!by_hand(&rt, one.addr, preface).await.starts_with('\0'), "it answers with no settings");
    let served = one.stop().await;
    assert_eq!((served.connections.failed, served.requests.begun), (1, 1), "{served}");

    let two = Running::start(&rt, |b| b.versions(Versions::Http2), service(&rt)).await;
    assert_eq!(read(http2_client(&rt).get(two.url("/now")).await.expect("a response")).await.1, "now");
    assert!(!by_hand(&rt, two.addr, ask).await.starts_with("HTTP/1.1 200 "));
    two.stop().await;
}

#[test]
fn times_are_exact() {
    let run = Sim::builder().seed(3).run(|rt: Sim| async move {
        let server = Running::start(&rt, |b| b, service(&rt)).await;
        let start = rt.now();
        assert_eq!(by_hand(&rt, server.addr, b"GET /no").await, "");
        let took = rt.now() - start;
        assert!(took >= secs(10) && took < secs(10) + ms(10), "{took:?}");

        let mut stream = rt.connect(server.addr).await.expect("a connection");
        stream.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is written");
        head(&mut stream).await;
        rt.sleep(secs(40)).await;
        let start = rt.now();
        stream.write_all(b"GET").await.expect("it is written");
        assert_eq!(rest(&mut stream).await, "slow");
        let took = rt.now() - start;
        assert!(took >= secs(10) && took < secs(10) + ms(10), "{took:?}");

        let start = rt.now();
        let mut stream = rt.connect(server.addr).await.expect("a connection");
        stream.write_all(b"GET /now HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is written");
        head(&mut stream).await;
        assert_eq!(rest(&mut stream).await, "now");
        let took = rt.now() - start;
        assert!(took >= secs(60) && took < secs(60) + ms(10), "{took:?}");

        // A request that takes its time is not idle.
        let start = rt.now();
        let forever =
            rt.timeout(secs(3600), by_hand(&rt, server.addr, b"GET /forever HTTP/1.1\r\nhost: x\r\n\r\n"));
        assert!(forever.await.is_err());
        assert_eq!(rt.now() - start, secs(3600));
        server.stop().await;
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

/// A client that vanishes while its answer takes its time, as one whose network is gone.
#[test]
fn an_http2_client_that_vanishes_is_noticed() {
    let run = Sim::builder().seed(1).run(|rt: Sim| async move {
        let (near, far) = (rt.host("near"), rt.host("far"));
        let shutdown = backstay::task::Shutdown::new(&rt);
        let listener = far.bind("0.0.0.0:80".parse().expect("an address")).await.expect("a port");
        let keep_alive = |b: backstay_hyper::ServerBuilder<Sim>| b.http2_keep_alive(secs(20), secs(5));
        let stats = start_on(&far, listener, keep_alive, service(&far), &shutdown);
        let client = http2_client(&near);
        let ask = near.spawn(client.get("http://far/forever".parse().expect("an address")));
        // As long as it answers pings, it is waited for.
        near.sleep(secs(200)).await;
        assert_eq!(stats.report().requests.in_flight, 1);
        rt.net().partition("near", "far").expect("both are there");
        near.sleep(secs(26)).await;
        let served = stats.report();
        assert_adds_up(&served);
        assert_eq!((served.requests.cut, served.connections.failed), (1, 1), "{served}");
        ask.abort();
        drop(client);
        rt.net().heal("near", "far").expect("both are there");
        shutdown.run(stream::iter(["SIGTERM"])).await;
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

/// It was told that it is too much.
#[test]
fn who_sends_on_for_ever_is_cut() {
    let run = Sim::builder().seed(3).run(|rt: Sim| async move {
        let server = Running::start(&rt, |b| b.max_body(10), service(&rt)).await;
        let mut stream = rt.connect(server.addr).await.expect("a connection");
        let start = rt.now();
        let head = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n";
        stream.write_all(head).await.expect("it is written");
        while stream.write_all(&[b'x'; 1000]).await.is_ok() {
            rt.sleep(ms(10)).await;
        }
        let took = rt.now() - start;
        assert!(took >= secs(2) && took < secs(2) + ms(50), "{took:?}");
        drop(stream);
        server.stop().await;
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

/// The service has answered without it.
#[test]
fn an_answer_to_a_body_that_nobody_reads_is_not_lost() {
    let run = Sim::builder().seed(3).run(|rt: Sim| async move {
        let server = Running::start(&rt, |b| b, service(&rt)).await;
        let mut stream = rt.connect(server.addr).await.expect("a connection");
        let head_of = |size| format!("POST /ignore HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n");
        stream.write_all(head_of(LARGE).as_bytes()).await.expect("it is written");
        for part in vec![b'x'; LARGE].chunks(LARGE / 10) {
            rt.sleep(ms(10)).await;
            stream.write_all(part).await.expect("it is written");
        }
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "));
        drop(stream);

        // Of one that has come whole nothing is left, and nobody waits for more.
        let mut stream = rt.connect(server.addr).await.expect("a connection");
        stream.write_all(format!("{}five.", head_of(5)).as_bytes()).await.expect("it is written");
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "));
        let start = rt.now();
        server.stop().await;
        assert!(rt.now() - start < ms(10));
        drop(stream);
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

#[test]
fn settings_that_make_no_sense() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let zero = std::time::Duration::ZERO;
        let builder = || backstay_hyper::Server::builder(&rt);
        for (builder, field) in [
            (builder().header_read_timeout(zero), "header_read_timeout"),
            (builder().idle_timeout(zero), "idle_timeout"),
            (builder().body_read_timeout(zero), "body_read_timeout"),
            (builder().write_timeout(zero), "write_timeout"),
            (builder().http2_keep_alive(secs(1), zero), "http2_keep_alive"),
            (builder().http2_keep_alive(zero, secs(1)), "http2_keep_alive"),
            (builder().max_header_size(0), "max_header_size"),
            (builder().max_connections(0), "max_connections"),
            (builder().max_body(0), "max_body"),
            (builder().http2_max_streams(0), "http2_max_streams"),
        ] {
            let error = builder.build().expect_err(field);
            assert_eq!(error.field(), Some(field));
            assert!(error.to_string().starts_with(&format!("invalid `{field}` = 0")), "{error}");
        }
        // And the other end: everything is as large as it gets.
        let never = std::time::Duration::MAX;
        let server = Running::start(
            &rt,
            |b| {
                b.header_read_timeout(never)
                    .idle_timeout(never)
                    .body_read_timeout(never)
                    .write_timeout(never)
                    .http2_keep_alive(never, never)
                    .max_header_size(u32::MAX)
                    .max_connections(usize::MAX)
                    .max_body(u64::MAX)
                    .http2_max_streams(u32::MAX)
            },
            service(&rt),
        )
        .await;
        for client in [client(&rt), http2_client(&rt)] {
            let request = Request::post(server.url("/echo")).body(Full::from("hello")).expect("a request");
            assert_eq!(read(client.request(request).await.expect("a response")).await.1, "hello");
        }
        server.stop().await;
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

#[allow(dead_code, reason = "it compiles")]
async fn a_body_is_a_body(request: Request<RequestBody>) -> Result<Response<RequestBody>, Infallible> {
    Ok(Response::new(request.into_body()))
}
