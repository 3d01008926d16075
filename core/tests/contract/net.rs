//! Sockets: real ones, over loopback.

use crate::kit::{SOON, drop_after};
use backstay::test_on_every_runtime;
use backstay_core::Runtime;
use backstay_core::net::{Net, NetError, TcpListener, TcpStream};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

test_on_every_runtime! {
    bytes_go_both_ways_and_the_end_is_seen
    a_refused_connection_names_its_address
    a_port_in_use_names_its_address
    a_peer_that_vanishes_is_an_error_with_its_address
    names_are_resolved_and_connected_to
    an_accept_loses_no_connection_at_any_poll
    a_connect_and_a_bind_may_be_dropped_at_any_poll
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn names(error: &io::Error, operation: &str, address: &str) {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<NetError>()).expect("a NetError");
    assert_eq!((inner.operation(), inner.address()), (operation, address));
    assert!(error.to_string().contains(address), "{error}");
}

async fn bytes_go_both_ways_and_the_end_is_seen<R: Runtime + Net>(rt: R) {
    const SIZE: usize = 1 << 20;

    let listener = rt.bind(loopback()).await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let server = rt.spawn(async move {
        let (stream, peer) = listener.accept().await?;
        assert_eq!((stream.peer_addr()?, stream.local_addr()?), (peer, addr));
        let (mut reader, mut writer) = stream.split();
        let copied = futures::io::copy(&mut reader, &mut writer).await?;
        writer.close().await?;
        io::Result::Ok(copied)
    });

    let stream = rt.connect(addr).await.expect("a connection");
    stream.set_nodelay(true).expect("an option");
    assert_eq!(stream.peer_addr().expect("an address"), addr);
    let (mut reader, mut writer) = stream.split();
    let sent = std::array::from_fn::<_, 256, _>(|i| i as u8).repeat(SIZE / 256);
    let send = async {
        // From several buffers at once, as far as the socket takes them.
        let (head, tail) = sent.split_at(SIZE / 2);
        let wrote = writer.write_vectored(&[io::IoSlice::new(head), io::IoSlice::new(tail)]).await?;
        writer.write_all(&sent[wrote..]).await?;
        writer.flush().await?;
        writer.close().await
    };
    let mut received = Vec::new();
    let (sending, receiving) = futures::join!(send, reader.read_to_end(&mut received));
    sending.expect("it is sent");
    receiving.expect("it is received");
    assert!(received == sent);
    let copied = server.await.expect("it ends").expect("it copies");
    assert_eq!(copied, SIZE as u64);
}

async fn a_refused_connection_names_its_address<R: Runtime + Net>(rt: R) {
    // A port that was free a moment ago, and nobody listens on.
    let addr = rt.bind(loopback()).await.expect("a free port").local_addr().expect("an address");
    let error = rt.connect(addr).await.err().expect("refused");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    names(&error, "connect", &addr.to_string());
}

async fn a_port_in_use_names_its_address<R: Runtime + Net>(rt: R) {
    let listener = rt.bind(loopback()).await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let error = rt.bind(addr).await.err().expect("in use");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    names(&error, "bind", &addr.to_string());
}

async fn a_peer_that_vanishes_is_an_error_with_its_address<R: Runtime + Net>(rt: R) {
    let listener = rt.bind(loopback()).await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let mut client = rt.connect(addr).await.expect("a connection");
    let (server, _) = listener.accept().await.expect("a connection");
    // Closed with bytes unread, a socket resets its connection.
    client.write_all(&[0; 64]).await.expect("it is sent");
    drop(server);
    let error = rt
        .timeout(SOON, async {
            loop {
                if let Err(error) = client.write_all(&[0; 1024]).await {
                    return error;
                }
                rt.yield_now().await;
            }
        })
        .await
        .expect("the reset arrives");
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    names(&error, "write", &addr.to_string());
    // There is nothing left to close, and that is no error.
    client.close().await.expect("closed");
}

async fn names_are_resolved_and_connected_to<R: Runtime + Net>(rt: R) {
    let listener = rt.bind(loopback()).await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let found = rt.resolve(&format!("localhost:{}", addr.port())).await.expect("localhost is known");
    assert!(found.contains(&addr), "{found:?}");
    let stream = rt.connect_to(&format!("localhost:{}", addr.port())).await.expect("a connection");
    assert_eq!(stream.peer_addr().expect("an address"), addr);

    let error = rt.connect_to("no port").await.err().expect("not an address");
    names(&error, "resolve", "no port");
}

async fn an_accept_loses_no_connection_at_any_poll<R: Runtime + Net>(rt: R) {
    let listener = rt.bind(loopback()).await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    for polls in 0..5 {
        // Nobody has connected yet: the accept is dropped while it waits.
        assert!(drop_after(&rt, polls, listener.accept()).await.is_none());
        let client = rt.connect(addr).await.expect("a connection");
        let (_, peer) = rt.timeout(SOON, listener.accept()).await.expect("not lost").expect("a connection");
        assert_eq!(peer, client.local_addr().expect("an address"), "after {polls} polls");
    }
}

async fn a_connect_and_a_bind_may_be_dropped_at_any_poll<R: Runtime + Net>(rt: R) {
    let listener = rt.bind(loopback()).await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    for polls in 0..4 {
        drop(drop_after(&rt, polls, rt.connect(addr)).await);
        drop(drop_after(&rt, polls, rt.bind(loopback())).await);
        drop(drop_after(&rt, polls, rt.resolve("localhost:80")).await);
        // Whether or not the dropped one came through: the next one does.
        let mut client = rt.connect(addr).await.expect("a connection");
        let here = client.local_addr().expect("an address");
        client.write_all(b"hello").await.expect("it is sent");
        let mut server = loop {
            let accepted = rt.timeout(SOON, listener.accept()).await.expect("in time");
            let (stream, peer) = accepted.expect("a connection");
            if peer == here {
                break stream;
            }
        };
        let mut bytes = [0; 5];
        server.read_exact(&mut bytes).await.expect("it is received");
        assert_eq!(&bytes, b"hello", "after {polls} polls");
    }
}
