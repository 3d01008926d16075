//! Hosts that crash, restart, pause.

use crate::kit::{addr, assert_error, ms, pair, run_each, secs};
use backstay_core::net::{Net, TcpListener, TcpStream};
use backstay_core::{JoinError, Runtime};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use std::io::ErrorKind;

#[test]
fn hosts_have_names_and_addresses_in_the_order_of_their_creation() {
    run_each(|rt| async move {
        let _listeners = [
            rt.host("a").bind(addr("0.0.0.0:80")).await.expect("a free port"),
            rt.host("b").bind(addr("0.0.0.0:80")).await.expect("a free port"),
        ];
        for (name, expected) in [("main", "10.0.0.1:80"), ("a", "10.0.0.2:80"), ("b", "10.0.0.3:80")] {
            assert_eq!(rt.resolve(&format!("{name}:80")).await.expect("it is known"), [addr(expected)]);
        }
        let from_b = rt.host("b").connect_to("a:80").await.expect("a connection");
        assert_eq!(from_b.local_addr().expect("an address"), addr("10.0.0.3:49152"));
        // Each host has a loopback of its own.
        let own = rt.connect(addr("127.0.0.1:80")).await;
        assert_error(own, ErrorKind::ConnectionRefused, "connect", "127.0.0.1:80");
        rt.host("a").connect(addr("127.0.0.1:80")).await.expect("a connection");
    });
}

#[test]
fn a_crash_leaves_the_peer_with_half_a_connection() {
    run_each(|rt| async move {
        let server = rt.host("server");
        let listener = server.bind(addr("0.0.0.0:80")).await.expect("a free port");
        let serving = server.spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let _ = stream.read(&mut [0]).await;
            unreachable!("it crashes first");
        });
        let mut client = rt.connect_to("server:80").await.expect("a connection");
        rt.sleep(ms(10)).await;
        rt.crash("server").expect("a host");
        assert!(matches!(serving.await, Err(JoinError::Aborted | JoinError::Shutdown)));

        // Nothing tells the client: a read would wait for ever.
        assert!(rt.timeout(secs(3600), client.read(&mut [0])).await.is_err());
        client.write_all(b"anybody?").await.expect("the window has room");
        assert!(rt.timeout(secs(3600), client.read(&mut [0])).await.is_err());
        rt.restart("server").expect("a host");
        assert_error(client.read(&mut [0]).await, ErrorKind::ConnectionReset, "read", "10.0.0.2:80");
    });
}

#[test]
fn a_restarted_host_serves_again() {
    run_each(|rt| async move {
        for _ in 0..3 {
            let server = rt.host("server");
            let listener = server.bind(addr("0.0.0.0:80")).await.expect("the port is free again");
            drop(server.spawn(async move {
                loop {
                    let (mut stream, _) = listener.accept().await.expect("a connection");
                    stream.write_all(b"hello").await.expect("it is sent");
                }
            }));
            let mut text = String::new();
            let mut client = rt.connect_to("server:80").await.expect("a connection");
            client.read_to_string(&mut text).await.expect("it is received");
            assert_eq!(text, "hello");
            rt.crash("server").expect("a host");
            let down = rt.connect_to("server:80").await;
            assert_error(down, ErrorKind::TimedOut, "connect", "10.0.0.2:80");
            rt.restart("server").expect("a host");
        }
    });
}

#[test]
fn sockets_of_a_crashed_host_in_other_hands_give_errors_and_can_be_dropped() {
    run_each(|rt| async move {
        let (mut client, mut server, listener) = pair(&rt).await;
        let reading = rt.spawn(async move {
            let result = server.read(&mut [0]).await;
            (server, result)
        });
        rt.sleep(ms(1)).await;
        rt.crash("server").expect("a host");
        let (mut server, result) = reading.await.expect("it is woken");
        assert_error(result, ErrorKind::NotConnected, "read", "10.0.0.1:49152");
        assert_error(server.write(b"x").await, ErrorKind::NotConnected, "write", "10.0.0.1:49152");
        server.close().await.expect("there is nothing left to close");
        assert_error(listener.accept().await, ErrorKind::NotConnected, "accept", "0.0.0.0:80");
        assert_error(
            rt.host("server").bind(addr("0.0.0.0:81")).await,
            ErrorKind::NetworkDown,
            "bind",
            "0.0.0.0:81",
        );
        for target in ["main:80", "10.0.0.1:80"] {
            let resolved = rt.host("server").resolve(target).await;
            assert_error(resolved, ErrorKind::NetworkDown, "resolve", target);
        }
        drop((server, listener));
        rt.restart("server").expect("a host");
        assert!(rt.timeout(secs(60), client.read(&mut [0])).await.is_err(), "nobody has said a word");
    });
}

#[test]
fn a_paused_host_keeps_its_connections() {
    run_each(|rt| async move {
        let server = rt.host("server");
        let listener = server.bind(addr("0.0.0.0:80")).await.expect("a free port");
        drop(server.spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut bytes = [0; 5];
            stream.read_exact(&mut bytes).await.expect("it is received");
            stream.write_all(&bytes).await.expect("it is sent");
        }));
        let mut client = rt.connect_to("server:80").await.expect("a connection");
        rt.pause("server").expect("a host");
        client.write_all(b"hello").await.expect("the window has room");
        let mut bytes = [0; 5];
        assert!(rt.timeout(secs(60), client.read_exact(&mut bytes)).await.is_err());
        rt.resume("server").expect("a host");
        client.read_exact(&mut bytes).await.expect("it is received");
        assert_eq!(&bytes, b"hello");
    });
}
