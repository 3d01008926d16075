//! WebSockets at a route of axum's.

use crate::kit::*;
use ::axum::Router;
use ::axum::body::Body as AxumBody;
use ::axum::extract::State;
use ::axum::http::StatusCode;
use ::axum::response::{IntoResponse, Response};
use ::axum::routing::any;
use backstay::Runtime;
use backstay::net::{Net, TcpListener};
use backstay::task::Shutdown;
use backstay::testing::*;
use backstay_hyper::{FuturesIo, PeerAddr, TowerToHyperService};
use backstay_sources::websocket::{self, CloseCode, Config, Message, WebSocketError};
use futures::StreamExt;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use hyper::Request;
use hyper::upgrade::Upgraded;

type Socket<R> = websocket::WebSocket<R, FuturesIo<Upgraded>>;

/// Sends everything back, until the client closes or the server is to stop.
async fn echo<R: Runtime>(mut socket: Socket<R>, shutdown: Shutdown<R>) -> Result<(), WebSocketError> {
    let stop = shutdown.stop_token();
    while let Ok(message) = stop.run(socket.next()).await {
        match message {
            Some(message) => socket.send(message?).await?,
            None => return Ok(()),
        }
    }
    socket.close(CloseCode::GOING_AWAY, "").await.map(drop)
}

async fn upgrade<R: Runtime>(State(own): State<Shutdown<R>>, mut request: Request<AxumBody>) -> Response {
    let peer = request.extensions().get().map(|PeerAddr(peer)| peer.to_string()).expect("a peer");
    let Ok(response) = websocket::answer_upgrade(&request, &peer) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let (path, upgrade) = (request.uri().path().to_owned(), hyper::upgrade::on(&mut request));
    let shutdown = own.clone();
    let socket = async move {
        let Ok(io) = upgrade.await else { return };
        let socket = websocket::upgraded(shutdown.runtime(), FuturesIo::new(io), &peer, &path, Config::new());
        // A client that goes away is its own matter.
        let _how = echo(socket, shutdown.clone()).await;
    };
    match own.named("websocket").spawn_part(socket) {
        Ok(()) => response.map(|()| AxumBody::empty()),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// A server whose sockets are tasks of the same shutdown.
async fn start<R: Runtime + Net>(rt: &R) -> Running<R> {
    let listener = rt.bind(loopback()).await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let shutdown = Shutdown::new(rt);
    let slow = async |state: State<Shutdown<R>>, request: Request<AxumBody>| {
        state.runtime().sleep(ms(40)).await;
        upgrade(state, request).await
    };
    let app = Router::new().route("/echo", any(upgrade::<R>)).route("/slow", any(slow));
    let app = app.with_state(shutdown.clone());
    let stats = start_on(rt, listener, |builder| builder, TowerToHyperService::new(app), &shutdown);
    Running { rt: rt.clone(), addr, shutdown, stats }
}

test_on_every_runtime! {
    a_websocket_at_a_route
    frames_right_behind_the_request_are_not_lost
    who_asks_for_no_websocket_gets_none
    an_upgrade_that_comes_too_late_is_refused
}

async fn a_websocket_at_a_route<R: Runtime + Net>(rt: R) {
    let server = start(&rt).await;
    let url = format!("ws://{}/echo", server.addr);
    let mut first = websocket::connect(&rt, &url, Config::new()).await.expect("it connects");
    let mut second = websocket::connect(&rt, &url, Config::new()).await.expect("it connects");
    for size in [0, 1, 100_000] {
        first.send(vec![7; size]).await.expect("it is sent");
        let echoed = first.next().await.expect("an item").expect("a message");
        assert_eq!(echoed, Message::from(vec![7; size]));
    }
    first.close(CloseCode::NORMAL, "").await.expect("it is answered");

    // The other is told by the shutdown.
    second.send("still here").await.expect("it is sent");
    assert_eq!(second.next().await.expect("an item").expect("a message"), Message::from("still here"));
    let (served, end) = futures::join!(server.stop(), second.next());
    assert!(end.is_none());
    assert_eq!(second.close_frame().map(|said| said.code), Some(CloseCode::GOING_AWAY));
    assert_eq!((served.connections.accepted, served.connections.closed), (2, 2), "{served}");
    assert_eq!((served.requests.begun, served.requests.answered), (2, 2), "{served}");
}

async fn frames_right_behind_the_request_are_not_lost<R: Runtime + Net>(rt: R) {
    let server = start(&rt).await;
    let mut stream = rt.connect(server.addr).await.expect("a connection");
    let mut bytes = b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        .to_vec();
    bytes.extend([0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
    stream.write_all(&bytes).await.expect("it is written");
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 101 "));
    let mut frame = [0; 4];
    stream.read_exact(&mut frame).await.expect("a frame");
    assert_eq!(&frame, b"\x81\x02hi");
    drop(stream);
    server.stop().await;
}

async fn who_asks_for_no_websocket_gets_none<R: Runtime + Net>(rt: R) {
    let server = start(&rt).await;
    for client in [client(&rt), http2_client(&rt)] {
        let response = client.get(server.url("/echo")).await.expect("a response");
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    }
    server.stop().await;
}

/// The shutdown begins before the answer: hyper would say in it that it closes the connection, and not that it upgrades
/// it.
async fn an_upgrade_that_comes_too_late_is_refused<R: Runtime + Net>(rt: R) {
    let server = start(&rt).await;
    let mut stream = rt.connect(server.addr).await.expect("a connection");
    let ask = b"GET /slow HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(ask).await.expect("it is written");
    server.until("it is asked", |report| report.requests.in_flight == 1).await;
    let (answer, served) = futures::join!(rest(&mut stream), server.stop());
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("connection: close\r\n"), "{answer:?}");
    assert_eq!((served.connections.drained, served.requests.answered), (1, 1), "{served}");
}
