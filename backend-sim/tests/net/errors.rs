//! Errors: their kinds, and that each names what was attempted and where.

use crate::kit::{addr, assert_error, ms, pair, run_each};
use backstay_core::Runtime;
use backstay_core::net::{Net, TcpListener};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use std::io::ErrorKind;

#[test]
fn binding() {
    run_each(|rt| async move {
        let listener = rt.bind(addr("127.0.0.1:0")).await.expect("a free port");
        assert_eq!(listener.local_addr().expect("an address"), addr("127.0.0.1:49152"));
        assert_error(rt.bind(addr("0.0.0.0:49152")).await, ErrorKind::AddrInUse, "bind", "0.0.0.0:49152");
        let foreign = rt.bind(addr("10.9.9.9:80")).await;
        assert_error(foreign, ErrorKind::AddrNotAvailable, "bind", "10.9.9.9:80");
    });
}

#[test]
fn resolving() {
    run_each(|rt| async move {
        assert_error(rt.resolve("nobody:80").await, ErrorKind::NotFound, "resolve", "nobody:80");
        assert_error(rt.connect_to("server").await, ErrorKind::InvalidInput, "resolve", "server");
        let error = rt.resolve("nobody:80").await.expect_err("nobody").to_string();
        assert_eq!(error, "resolve nobody:80: no host is called \"nobody\"");
        // The second address of localhost is tried when the first refuses.
        let listener = rt.bind(addr("[::1]:80")).await.expect("a free port");
        let (client, accepted) = futures::join!(rt.connect_to("localhost:80"), listener.accept());
        assert!(client.is_ok() && accepted.is_ok());
    });
}

#[test]
fn connecting() {
    run_each(|rt| async move {
        let refused = rt.connect(addr("127.0.0.1:9")).await;
        assert_error(refused, ErrorKind::ConnectionRefused, "connect", "127.0.0.1:9");
        let unreachable = rt.connect(addr("[2001:db8::1]:9")).await;
        assert_error(unreachable, ErrorKind::NetworkUnreachable, "connect", "[2001:db8::1]:9");
        let nobody = rt.connect(addr("192.168.7.7:9")).await;
        assert_error(nobody, ErrorKind::TimedOut, "connect", "192.168.7.7:9");
    });
}

#[test]
fn writing_after_the_end() {
    run_each(|rt| async move {
        let (mut client, server, _listener) = pair(&rt).await;
        client.close().await.expect("it is closed");
        assert_error(client.write(b"x").await, ErrorKind::BrokenPipe, "write", "10.0.0.2:80");
        drop(server);
        assert_eq!(client.read(&mut [0]).await.expect("the end"), 0);
        rt.sleep(ms(100)).await;
    });
}
