//! What goes wrong, and stays where it went wrong.

use crate::kit::*;
use crate::service::service;
use backstay::Runtime;
use backstay::net::{Net, TcpListener};
use backstay::task::Shutdown;
use backstay::testing::*;
use backstay_hyper::BodyError;
use bytes::Bytes;
use futures::io::AsyncWriteExt;
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::{Request, StatusCode};
use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

test_on_every_runtime! {
    a_panic_ends_its_connection_alone
    an_error_of_the_service_ends_its_connection_alone
    clients_that_vanish
    accept_errors_are_counted_and_it_goes_on
    what_is_no_http
    who_ends_what_it_sends_is_gone
}

async fn a_panic_ends_its_connection_alone<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    let ask = b"GET /now HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut other = rt.connect(server.addr).await.expect("a connection");
    other.write_all(ask).await.expect("it is written");
    head(&mut other).await;

    for path in ["/panic", "/panic/call"] {
        let ask = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        assert_eq!(by_hand(&rt, server.addr, ask.as_bytes()).await, "", "{path}");
    }
    let torn = by_hand(&rt, server.addr, b"GET /panic/body HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(torn.starts_with("HTTP/1.1 200 ") && !torn.ends_with("0\r\n\r\n"), "{torn:?}");
    server.until("they are counted", |report| report.connections.panicked == 3).await;

    // Of HTTP/2 its stream alone.
    let two = http2_client(&rt);
    for path in ["/panic", "/panic/call"] {
        let slow = two.get(server.url("/slow"));
        let (slow, panics) = futures::join!(slow, two.get(server.url(path)));
        assert_eq!(read(slow.expect("a response")).await.1, "slow", "beside {path}");
        assert!(panics.is_err());
    }
    let torn = two.get(server.url("/panic/body")).await.expect("a response").into_body().collect().await;
    assert!(torn.is_err());

    // The others don't notice.
    other.write_all(ask).await.expect("it is written");
    assert!(head(&mut other).await.starts_with("nowHTTP/1.1 200 "));
    let (_, served) = server.stop_in(secs(20), secs(1)).await;
    let (connections, requests) = (served.connections, served.requests);
    assert_eq!((connections.panicked, connections.aborted, connections.failed), (3, 0, 0), "{served}");
    assert_eq!((requests.panicked, requests.cut, requests.failed), (6, 0, 0), "{served}");
    assert_eq!(server.shutdown.counts().panicked, 6);
}

async fn read_now<R: Runtime + Net>(server: &Running<R>) -> bool {
    read(server.client().get(server.url("/now")).await.expect("a response")).await.0 == StatusCode::OK
}

async fn an_error_of_the_service_ends_its_connection_alone<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    for client in [client(&rt), http2_client(&rt)] {
        assert!(client.get(server.url("/error")).await.is_err());
        let torn =
            client.get(server.url("/error/body")).await.expect("a response").into_body().collect().await;
        assert!(torn.is_err());
        assert_eq!(read(client.get(server.url("/now")).await.expect("a response")).await.1, "now");
    }
    let served = server.stop().await;
    assert_eq!((served.requests.failed, served.requests.answered), (4, 2), "{served}");
    assert_eq!(served.connections.failed, 2, "{served}");
}

async fn clients_that_vanish<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    // In the middle of a header; of a body; while it is answered; while it waits.
    for bytes in [
        "GET /now HTTP/1.1\r\nho",
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nfive.",
        "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfiv",
        "GET /endless HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /forever HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        let mut stream = rt.connect(server.addr).await.expect("a connection");
        stream.write_all(bytes.as_bytes()).await.expect("it is written");
        rt.sleep(ms(2)).await;
    }
    let streaming = backstay_hyper::ClientBuilder::new(&rt).http2().build().expect("good settings");
    let body = stream::iter([Ok::<_, io::Error>(Frame::data(Bytes::from("some")))]).chain(stream::pending());
    let upload = Request::post(server.url("/echo")).body(StreamBody::new(body)).expect("a request");
    assert!(rt.timeout(ms(20), streaming.request(upload)).await.is_err());
    drop(streaming);

    server
        .until("they are gone", |report| report.connections.open == 0 && report.requests.in_flight == 0)
        .await;
    let served = server.stop().await;
    assert_eq!(served.requests.answered, 0, "{served}");
    assert_eq!(served.connections.drained, 0, "{served}");
}

/// Gives errors before it accepts.
struct Flaky<L> {
    listener: L,
    errors: Mutex<VecDeque<ErrorKind>>,
}

impl<L: TcpListener> TcpListener for Flaky<L> {
    type Stream = L::Stream;

    async fn accept(&self) -> io::Result<(L::Stream, SocketAddr)> {
        let error = self.errors.lock().expect("no panic").pop_front();
        match error {
            Some(kind) => Err(kind.into()),
            None => self.listener.accept().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn accept_errors_are_counted_and_it_goes_on<R: Runtime + Net>(rt: R) {
    let listener = rt.bind(loopback()).await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    // Those about one connection are no reason to wait; files that have run out are.
    let errors =
        [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset, ErrorKind::Other, ErrorKind::OutOfMemory];
    let flaky = Flaky { listener, errors: Mutex::new(errors.into()) };
    let shutdown = Shutdown::new(&rt);
    let start = rt.now();
    let stats = start_on(&rt, flaky, |b| b, service(&rt), &shutdown);
    let server = Running { rt: rt.clone(), addr, shutdown, stats };
    assert!(read_now(&server).await);
    assert!(rt.now() - start >= 2 * ms(50));
    assert_eq!(server.stop().await.accept_errors, 4);
}

async fn what_is_no_http<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    for bytes in ["hello?\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nand then something else", "\0\0\0"] {
        drop(by_hand(&rt, server.addr, bytes.as_bytes()).await);
    }
    let served = server.stop().await;
    assert_eq!((served.connections.failed, served.requests.begun), (3, 0), "{served}");
}

/// Half-closed: nobody can tell it from a client that has vanished.
async fn who_ends_what_it_sends_is_gone<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    let mut stream = rt.connect(server.addr).await.expect("a connection");
    stream.write_all(b"GET /forever HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is written");
    server.until("it is asked", |report| report.requests.in_flight == 1).await;
    stream.close().await.expect("it is closed");
    assert_eq!(rest(&mut stream).await, "");
    let served = server.stop().await;
    assert_eq!((served.requests.cut, served.connections.failed), (1, 1), "{served}");
}

#[test]
fn errors_say_what_and_why() {
    let late = BodyError::Timeout { limit: Duration::from_secs(3) };
    assert_eq!(late.to_string(), "nothing of the body came for 3s");
    assert_eq!(BodyError::TooLarge { max: 10 }.to_string(), "the body has more than 10 bytes");
    assert!(late.source().is_none());
}
