//! Two that are connected, and one that speaks by hand.

use backstay::net::{Net, TcpListener};
use backstay_core::Runtime;
use backstay_sources::websocket::{self, Config, ConfigBuilder, WebSocket, WebSocketError};
use futures::StreamExt;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use std::net::SocketAddr;
use std::time::Duration;
use tungstenite::handshake::derive_accept_key;

pub(crate) type Socket<R> = WebSocket<R, <R as Net>::TcpStream>;

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn config(change: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Config {
    change(Config::builder()).build().expect("a good configuration")
}

pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A client and its server.
pub(crate) async fn pair<R: Runtime + Net>(rt: &R) -> (Socket<R>, Socket<R>) {
    pair_with(rt, Config::new(), Config::new()).await
}

pub(crate) async fn pair_with<R: Runtime + Net>(
    rt: &R,
    client: Config,
    server: Config,
) -> (Socket<R>, Socket<R>) {
    let mut listener = websocket::listen(rt, loopback(), server).await.expect("a port");
    let url = format!("ws://{}/chat", listener.local_addr());
    let (client, server) = futures::join!(websocket::connect(rt, &url, client), listener.next());
    (client.expect("it connects"), server.expect("it goes on").expect("it is accepted"))
}

/// A server, and a client that writes its bytes by hand.
pub(crate) async fn raw_client<R: Runtime + Net>(rt: &R, server: Config) -> (R::TcpStream, Socket<R>) {
    let mut listener = websocket::listen(rt, loopback(), server).await.expect("a port");
    let addr = listener.local_addr();
    let client = async {
        let mut stream = rt.connect(addr).await.expect("it connects");
        stream.write_all(REQUEST).await.expect("it is written");
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 101 "));
        stream
    };
    let (client, server) = futures::join!(client, listener.next());
    (client, server.expect("it goes on").expect("it is accepted"))
}

/// A client, and a server that writes its bytes by hand.
pub(crate) async fn raw_server<R: Runtime + Net>(rt: &R, client: Config) -> (Socket<R>, R::TcpStream) {
    let listener = rt.bind(loopback()).await.expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let server = async {
        let (mut stream, _peer) = listener.accept().await.expect("a connection");
        let head = head(&mut stream).await;
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
        let key = derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {key}\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.expect("it is written");
        stream
    };
    let (client, server) = futures::join!(websocket::connect(rt, &url, client), server);
    (client.expect("it connects"), server)
}

pub(crate) const REQUEST: &[u8] = b"GET /by-hand HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

/// An HTTP head, with its empty line.
pub(crate) async fn head<S: AsyncReadExt + Unpin>(stream: &mut S) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.expect("a head");
        head.extend(byte);
    }
    String::from_utf8(head).expect("text")
}

/// A client's frame with a short payload; the mask is one that changes nothing.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | u8::try_from(payload.len()).expect("it is short"), 0, 0, 0, 0];
    frame.extend(payload);
    frame
}

/// A server's frame with a short payload.
pub(crate) fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, u8::try_from(payload.len()).expect("it is short")];
    frame.extend(payload);
    frame
}

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// A frame with a short payload: its first byte, and the payload without its mask.
pub(crate) async fn read_frame<S: AsyncReadExt + Unpin>(stream: &mut S) -> (u8, Vec<u8>) {
    let mut header = [0; 2];
    stream.read_exact(&mut header).await.expect("a header");
    let mut mask = [0; 4];
    if header[1] & 0x80 != 0 {
        stream.read_exact(&mut mask).await.expect("a mask");
    }
    let mut payload = vec![0; usize::from(header[1] & 0x7f)];
    stream.read_exact(&mut payload).await.expect("a payload");
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    (header[0], payload)
}

/// The error that the stream ends with; what comes before it is dropped.
pub(crate) async fn error_of<R: Runtime + Net>(socket: &mut Socket<R>) -> WebSocketError {
    loop {
        match socket.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                assert!(socket.next().await.is_none(), "it ends after an error");
                return error;
            }
            None => panic!("it ended without an error"),
        }
    }
}
