//! How connections are opened, and how not.

use crate::kit::{REQUEST, config, head, loopback, ms, raw_client};
use backstay::net::{Net, TcpListener};
use backstay::test_on_every_runtime;
use backstay::testing::{Explore, Sim};
use backstay_core::Runtime;
use backstay_sources::websocket::{self, CloseCode, Config, WaitedFor, WebSocketError};
use futures::StreamExt;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use std::error::Error;

test_on_every_runtime! {
    a_slow_handshake_delays_no_other
    so_many_handshakes_at_once_and_no_more
    who_asks_for_no_websocket_is_an_error_and_the_listener_goes_on
    a_server_that_refuses_says_with_what
    a_port_in_use_is_an_error
    urls_that_can_not_be_used
    frames_right_behind_the_servers_answer_are_not_lost
    over_a_stream_of_ones_own
}

async fn a_slow_handshake_delays_no_other<R: Runtime + Net>(rt: R) {
    let limit = config(|config| config.handshake_timeout(ms(20)));
    let mut listener = websocket::listen(&rt, loopback(), limit).await.expect("a port");
    let addr = listener.local_addr();
    let mut slow = rt.connect(addr).await.expect("it connects");
    slow.write_all(&REQUEST[..20]).await.expect("it is written");
    let client = rt.spawn({
        let rt = rt.clone();
        async move { websocket::connect(&rt, &format!("ws://{addr}/quick"), Config::new()).await.is_ok() }
    });
    // In which order is the machine's: see the next test.
    let (mut quick, mut late) = (0, 0);
    for _ in 0..2 {
        match listener.next().await.expect("it goes on") {
            Ok(server) => quick += u32::from(server.path() == "/quick"),
            Err(WebSocketError::Timeout { waited_for: WaitedFor::Handshake, .. }) => late += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!((quick, late), (1, 1));
    assert!(client.await.expect("no panic"));
    assert_eq!(slow.read(&mut [0]).await.unwrap_or(0), 0, "it is closed");
}

#[test]
fn a_quick_handshake_does_not_wait_for_a_slow_one() {
    let explored = Explore::seeds(0..10).run(|rt: Sim| async move {
        let mut listener = websocket::listen(&rt, loopback(), Config::new()).await.expect("a port");
        let slow: Vec<_> =
            futures::future::join_all((0..10).map(|_| rt.connect(listener.local_addr()))).await;
        let (start, url) = (rt.now(), format!("ws://{}/", listener.local_addr()));
        let (client, server) = futures::join!(websocket::connect(&rt, &url, Config::new()), listener.next());
        assert!(client.is_ok() && server.expect("it goes on").is_ok());
        assert!(rt.now() - start < ms(1));
        for _ in &slow {
            let late = listener.next().await.expect("it goes on").expect_err("they say nothing");
            assert!(matches!(late, WebSocketError::Timeout { .. }), "{late:?}");
        }
        assert!(rt.now() - start >= ms(10_000) && rt.now() - start < ms(10_001));
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

async fn so_many_handshakes_at_once_and_no_more<R: Runtime + Net>(rt: R) {
    let limit = config(|config| config.max_handshakes(2));
    let mut listener = websocket::listen(&rt, loopback(), limit).await.expect("a port");
    let addr = listener.local_addr();
    let (mut one, _two) = (rt.connect(addr).await.expect("one"), rt.connect(addr).await.expect("two"));
    while listener.handshakes() < 2 {
        assert!(rt.timeout(ms(1), listener.next()).await.is_err(), "neither has said a word");
    }
    let third = rt.spawn({
        let rt = rt.clone();
        async move {
            let url = format!("ws://{addr}/third");
            websocket::connect(&rt, &url, Config::new()).await
        }
    });
    assert!(rt.timeout(ms(15), listener.next()).await.is_err(), "two are under way");
    assert_eq!(listener.handshakes(), 2);
    one.write_all(REQUEST).await.expect("it is written");
    assert_eq!(listener.next().await.expect("it goes on").expect("it is accepted").path(), "/by-hand");
    let server = listener.next().await.expect("it goes on").expect("it is accepted");
    assert_eq!(server.path(), "/third");
    drop(third.await.expect("no panic").expect("it is accepted"));
}

async fn who_asks_for_no_websocket_is_an_error_and_the_listener_goes_on<R: Runtime + Net>(rt: R) {
    let mut listener = websocket::listen(&rt, loopback(), Config::new()).await.expect("a port");
    let addr = listener.local_addr();
    for (request, expected) in [
        (&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], "no \"Connection: upgrade\" header"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "httparse error"),
        (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", "unsupported HTTP method"),
    ] {
        let mut client = rt.connect(addr).await.expect("it connects");
        client.write_all(request).await.expect("it is written");
        let error = listener.next().await.expect("it goes on").expect_err("that is no WebSocket");
        let WebSocketError::Handshake { peer, source } = &error else { panic!("{error:?}") };
        assert!(peer.starts_with("127.0.0.1:") && source.to_string().contains(expected), "{source}");
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("it is answered, and then closed");
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n") && answer.ends_with("\r\n\r\n"),
            "{answer}"
        );
    }
    drop(rt.connect(addr).await.expect("it connects"));
    let error = listener.next().await.expect("it goes on").expect_err("it is gone");
    assert!(matches!(error, WebSocketError::Vanished { .. }), "{error:?}");
    let url = format!("ws://{addr}/");
    let (client, server) = futures::join!(websocket::connect(&rt, &url, Config::new()), listener.next());
    assert!(client.is_ok() && server.expect("it goes on").is_ok());
}

async fn a_server_that_refuses_says_with_what<R: Runtime + Net>(rt: R) {
    let listener = rt.bind(loopback()).await.expect("a port");
    let url = format!("ws://{}/nothing", listener.local_addr().expect("an address"));
    for (answer, expected) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "refused the handshake with status 404"),
        ("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "failed"),
        ("SSH-2.0-OpenSSH\r\n", "failed"),
        ("", "vanished without a close"),
    ] {
        let serves = async {
            let (mut stream, _peer) = listener.accept().await.expect("a connection");
            head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.expect("it is written");
            stream.close().await.expect("it ends");
        };
        let (client, ()) = futures::join!(websocket::connect(&rt, &url, Config::new()), serves);
        let error = client.expect_err("that is no WebSocket");
        assert!(error.to_string().contains(expected) && error.to_string().contains(&url), "{error}");
    }
    drop(listener);
    let error = websocket::connect(&rt, &url, Config::new()).await.expect_err("nobody listens");
    assert!(matches!(error, WebSocketError::Connect { .. }), "{error:?}");
    assert!(error.source().expect("the system's").to_string().contains("onnection refused"));
}

async fn a_port_in_use_is_an_error<R: Runtime + Net>(rt: R) {
    let listener = websocket::listen(&rt, loopback(), Config::new()).await.expect("a port");
    let addr = listener.local_addr();
    let error = websocket::listen(&rt, addr, Config::new()).await.expect_err("it is in use");
    assert_eq!(error.to_string(), format!("no connection accepted on {addr}"));
    assert!(error.source().expect("the system's").to_string().contains("in use"), "{error:?}");
}

async fn urls_that_can_not_be_used<R: Runtime + Net>(rt: R) {
    for (url, expected) in [
        ("", "it is none"),
        ("ws://", "it is none"),
        ("http://localhost/", "expected ws:// or wss://"),
        ("localhost:80", "expected ws:// or wss://"),
        ("/path", "expected ws:// or wss://"),
        ("ws://local host/", "it is none"),
        ("wss://localhost/", "see `connect_over`"),
    ] {
        let error = websocket::connect(&rt, url, Config::new()).await.expect_err(url);
        let WebSocketError::Url { url: named, .. } = &error else { panic!("{error:?}") };
        assert_eq!(named, url);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

async fn frames_right_behind_the_servers_answer_are_not_lost<R: Runtime + Net>(rt: R) {
    use tungstenite::handshake::derive_accept_key;
    let listener = rt.bind(loopback()).await.expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let serves = async {
        let (mut stream, _peer) = listener.accept().await.expect("a connection");
        let head = head(&mut stream).await;
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
        let key = derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {key}\r\n\r\n\u{1}\u{2}hi"
        );
        stream.write_all(answer.as_bytes()).await.expect("it is written");
        stream.close().await.expect("it ends");
    };
    let (client, ()) = futures::join!(websocket::connect(&rt, &url, Config::new()), serves);
    let mut client = client.expect("it connects");
    let error = client.next().await.expect("open").expect_err("it has gone");
    assert!(matches!(error, WebSocketError::Vanished { mid_message: true, .. }), "{error:?}");
}

async fn over_a_stream_of_ones_own<R: Runtime + Net>(rt: R) {
    let listener = rt.bind(loopback()).await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let (one, other) = futures::join!(rt.connect(addr), listener.accept());
    let (one, (other, _)) = (one.expect("it connects"), other.expect("it is accepted"));
    let (client, server) = futures::join!(
        websocket::connect_over(&rt, one, "wss://example.org/secret", Config::new()),
        websocket::accept_over(&rt, other, "the tunnel", Config::new()),
    );
    let (mut client, mut server) = (client.expect("it connects"), server.expect("it is accepted"));
    assert_eq!((server.peer(), server.path()), ("the tunnel", "/secret"));
    assert_eq!(client.peer(), "wss://example.org/secret");
    let (closed, end) = futures::join!(client.close(CloseCode::NORMAL, ""), server.next());
    assert!(closed.is_ok() && end.is_none());
}

#[test]
fn a_connect_that_is_not_answered_takes_its_limit() {
    let explored = Explore::seeds(0..10).run(|rt: Sim| async move {
        let server = rt.host("server");
        let _listener = websocket::listen(&server, "0.0.0.0:80".parse().expect("one"), Config::new())
            .await
            .expect("a port");
        rt.net().partition("main", "server").expect("hosts");
        let start = rt.now();
        let error = websocket::connect(&rt, "ws://server/", Config::new()).await.expect_err("nobody answers");
        let WebSocketError::Timeout { waited_for, limit, .. } = error else { panic!("{error:?}") };
        assert_eq!((waited_for, limit, rt.now() - start), (WaitedFor::Handshake, limit, ms(10_000)));
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn what_a_config_may_not_be() {
    use std::time::Duration;
    let builder = Config::builder;
    for (config, field) in [
        (builder().max_message_size(0), "max_message_size"),
        (builder().max_message_size(usize::MAX), "max_message_size"),
        (builder().max_frame_size(0), "max_frame_size"),
        (builder().keep_alive(Duration::ZERO, Duration::MAX), "interval"),
        (builder().keep_alive(Duration::MAX, Duration::ZERO), "timeout"),
        (builder().handshake_timeout(Duration::ZERO), "handshake_timeout"),
        (builder().close_timeout(Duration::ZERO), "close_timeout"),
        (builder().read_buffer(0), "read_buffer"),
        (builder().read_buffer(usize::MAX), "read_buffer"),
        (builder().write_buffer(0), "write_buffer"),
        (builder().write_buffer(usize::MAX), "write_buffer"),
        (builder().max_handshakes(0), "max_handshakes"),
    ] {
        assert_eq!(config.build().expect_err(field).field(), Some(field));
    }
    let largest = builder().max_message_size(1 << 30).max_frame_size(usize::MAX).build().expect("it may");
    assert_eq!(largest.max_frame_size(), 1 << 30);
    let run = Sim::builder().run(|rt: Sim| async move {
        let (mut client, mut server) = raw_client(&rt, largest).await;
        // A header alone, of the largest there may be, and then nothing.
        client.write_all(&[0x82, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0]).await.expect("it is written");
        client.close().await.expect("it ends its half");
        let error = server.next().await.expect("open").expect_err("it has gone");
        assert!(matches!(error, WebSocketError::Vanished { mid_message: true, .. }), "{error:?}");
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}
