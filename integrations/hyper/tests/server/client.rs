//! The client: its pool, its limits, its errors.

use crate::kit::*;
use crate::service::service;
use backstay::Runtime;
use backstay::net::{Net, TcpListener};
use backstay::testing::*;
use backstay_hyper::{Client, ClientBuilder, ConnectError};
use bytes::Bytes;
use futures::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use std::error::Error;

test_on_every_runtime! {
    connections_are_used_again
    http2_requests_share_a_connection
    who_is_idle_for_too_long_is_let_go
    a_client_that_is_dropped_leaves_nothing
    errors_have_a_type
    nothing_but_its_header_is_sent_of_an_answer_to_head
}

/// The pool takes a connection back a moment after its response was read.
async fn settle<R: Runtime>(rt: &R) {
    rt.sleep(ms(20)).await;
}

async fn connections_are_used_again<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    let client = server.client();
    for _ in 0..3 {
        assert_eq!(read(client.get(server.url("/now")).await.expect("a response")).await.1, "now");
        settle(&rt).await;
    }
    let served = server.stats.report();
    assert_eq!((served.connections.accepted, served.requests.begun), (1, 3), "{served}");
    server.stop().await;
}

async fn http2_requests_share_a_connection<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    let client = http2_client(&rt);
    let asks = (0..20).map(|_| client.get(server.url("/slow")));
    for response in join_all(asks).await {
        assert_eq!(read(response.expect("a response")).await.1, "slow");
    }
    let served = server.stop().await;
    assert_eq!((served.connections.accepted, served.requests.answered), (1, 20), "{served}");
}

async fn who_is_idle_for_too_long_is_let_go<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    let client: Client<R, Full<Bytes>> =
        ClientBuilder::new(&rt).idle_timeout(ms(50)).build().expect("settings");
    assert_eq!(read(client.get(server.url("/now")).await.expect("a response")).await.1, "now");
    server.until("the client closes it", |report| report.connections.closed == 1).await;
    assert_eq!(read(client.get(server.url("/now")).await.expect("a response")).await.1, "now");
    let served = server.stop().await;
    assert_eq!(served.connections.accepted, 2, "{served}");
}

async fn a_client_that_is_dropped_leaves_nothing<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    for client in [server.client(), http2_client(&rt)] {
        let response = client.get(server.url("/drip")).await.expect("a response");
        // What has begun may still be read.
        drop(client);
        assert_eq!(read(response).await.1, "drip drip drip drip ");
    }
    server.until("both are closed", |report| report.connections.closed == 2).await;
    server.stop().await;
}

async fn nothing_but_its_header_is_sent_of_an_answer_to_head<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    for client in [client(&rt), http2_client(&rt)] {
        for path in ["/now", "/drip"] {
            let request = Request::head(server.url(path)).body(Full::default()).expect("a request");
            let response = client.request(request).await.expect("a response");
            let length = response.headers().get("content-length").cloned();
            assert_eq!(
                length.as_ref().map(|length| length.as_bytes()),
                (path == "/now").then_some(&b"3"[..])
            );
            assert_eq!(read(response).await.1, "", "{path}");
        }
        assert_eq!(read(client.get(server.url("/now")).await.expect("a response")).await.1, "now");
    }
    let served = server.stop().await;
    assert_eq!((served.requests.begun, served.requests.answered), (6, 6), "{served}");
}

async fn errors_have_a_type<R: Runtime + Net>(rt: R) {
    fn connect_error<'a>(error: &'a (dyn Error + 'static)) -> &'a ConnectError {
        error.source().and_then(|source| source.downcast_ref()).expect("a connect error")
    }
    let listener = rt.bind(loopback()).await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    drop(listener);
    let client = client(&rt);
    let error = client.get(format!("http://{addr}/").parse().expect("an address")).await.unwrap_err();
    assert!(error.is_connect());
    let refused = connect_error(&error);
    assert!(matches!(refused, ConnectError::Connect { .. }), "{refused:?}");
    assert_eq!(refused.to_string(), format!("could not connect to {addr}"));
    assert!(refused.source().is_some());

    let error = client.get("https://somewhere/".parse().expect("an address")).await.unwrap_err();
    let no_tls = connect_error(&error);
    assert_eq!(no_tls.to_string(), "can't connect to https://somewhere/: expected http://");
}

#[test]
fn a_connection_that_takes_too_long() {
    let run = Sim::builder().seed(1).run(|rt: Sim| async move {
        let (near, far) = (rt.host("near"), rt.host("far"));
        let _listener = far.bind("0.0.0.0:80".parse().expect("an address")).await.expect("a port");
        rt.net().partition("near", "far").expect("both are there");
        let client: Client<Sim, Full<Bytes>> =
            ClientBuilder::new(&near).connect_timeout(secs(3)).build().expect("good settings");
        let start = near.now();
        let error = client.get("http://far/".parse().expect("an address")).await.unwrap_err();
        assert_eq!(near.now() - start, secs(3));
        let late = error.source().and_then(|source| source.downcast_ref()).expect("a connect error");
        assert!(matches!(late, ConnectError::Timeout { .. }), "{late:?}");
        assert_eq!(late.to_string(), "no connection to far:80 within 3s");
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

/// A server that vanishes while it is awaited, and the requests that come after that one, on the same connection.
#[test]
fn an_http2_server_that_vanishes_is_noticed() {
    let run = Sim::builder().seed(1).run(|rt: Sim| async move {
        let (near, far) = (rt.host("near"), rt.host("far"));
        let shutdown = backstay::task::Shutdown::new(&rt);
        let listener = far.bind("0.0.0.0:80".parse().expect("an address")).await.expect("a port");
        start_on(&far, listener, |b| b, service(&far), &shutdown);
        let builder = ClientBuilder::new(&near).http2().http2_keep_alive(secs(2), secs(1));
        let client: Client<Sim, Full<Bytes>> = builder.build().expect("good settings");
        let get = |path: &str| client.get(format!("http://far{path}").parse().expect("an address"));
        // As long as it answers pings, it may take its time.
        assert!(near.timeout(secs(50), get("/forever")).await.is_err());
        rt.net().partition("near", "far").expect("both are there");
        let start = near.now();
        assert!(get("/now").await.is_err());
        let took = near.now() - start;
        // The system would take much longer.
        assert!(took >= secs(1) && took <= secs(4), "{took:?}");
        rt.net().heal("near", "far").expect("both are there");
        assert_eq!(read(get("/now").await.expect("a response")).await.1, "now");
        drop(client);
        shutdown.run(futures::stream::iter(["SIGTERM"])).await;
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

/// A request cut off before each of its polls: nothing is left, and the client goes on.
#[test]
fn a_request_may_be_dropped_at_any_moment() {
    for http2 in [false, true] {
        let swept = cancel_sweep(
            async |rt: Sim, subject: Subject| {
                let server = Running::start(&rt, |b| b, service(&rt)).await;
                let client = if http2 { http2_client(&rt) } else { client(&rt) };
                subject
                    .run(async {
                        let response = client.get(server.url("/drip")).await.expect("a response");
                        response.into_body().collect().await.expect("a body");
                    })
                    .await;
                (server, client)
            },
            async |_, (server, client)| {
                assert_eq!(read(client.get(server.url("/now")).await.expect("a response")).await.1, "now");
                drop(client);
                server.stop().await;
            },
        );
        assert!(swept.is_ok(), "{}", swept.unwrap_err());
    }
}

/// A client for each host: those of one are closed in an order that hyper's pool doesn't tell.
#[test]
fn one_seed_twice_is_the_same_with_many_hosts() {
    let run = Sim::builder().seed(1).run_twice(|rt: Sim| async move {
        let shutdown = backstay::task::Shutdown::new(&rt);
        let mut clients = Vec::new();
        for n in 0..8 {
            let host = rt.host(&format!("host{n}"));
            let listener = host.bind("0.0.0.0:80".parse().expect("an address")).await.expect("a port");
            start_on(&rt, listener, |b| b.idle_timeout(secs(600)), service(&rt), &shutdown);
            clients.push(client(&rt));
        }
        for (n, client) in clients.iter().enumerate() {
            let url = format!("http://host{n}/now").parse().expect("an address");
            assert_eq!(read(client.get(url).await.expect("a response")).await.1, "now");
        }
        rt.sleep(secs(300)).await;
        shutdown.run(futures::stream::iter(["SIGTERM"])).await;
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

/// In the runtime's time.
#[test]
fn a_connection_that_was_idle_for_too_long_is_not_used_again() {
    let run = Sim::builder().seed(1).run(|rt: Sim| async move {
        let server = Running::start(&rt, |b| b.idle_timeout(secs(3600)), service(&rt)).await;
        let client = server.client();
        for (wait, connections) in [(0, 1), (50, 1), (61, 2), (59, 2), (1000, 3)] {
            rt.sleep(secs(wait)).await;
            assert_eq!(read(client.get(server.url("/now")).await.expect("a response")).await.1, "now");
            assert_eq!(server.stats.report().connections.accepted, connections, "after {wait} s");
        }
        server.stop().await;
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}
