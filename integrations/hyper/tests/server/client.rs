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
use std::error::Error;

test_on_every_runtime! {
    connections_are_used_again
    http2_requests_share_a_connection
    who_is_idle_for_too_long_is_let_go
    a_client_that_is_dropped_leaves_nothing
    errors_have_a_type
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
