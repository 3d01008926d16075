//! WebSockets behind an HTTP server.

use super::config::Config;
use super::connection::Connection;
use super::error::WebSocketError;
use super::io::Io;
use super::socket::WebSocket;
use backstay_core::Runtime;
use futures_io::{AsyncRead, AsyncWrite};
use std::sync::Arc;
use tungstenite::handshake::server::create_response_with_body;
use tungstenite::http::{Request, Response};
use tungstenite::protocol::{self, Role};

/// The answer to a request for a WebSocket that an HTTP server has read: the status 101 with its headers.
///
/// When it is written, the connection is the WebSocket's: take it out of the server, and give it to [`upgraded`].
/// `peer` is what errors call who asks.
///
/// # Errors
///
/// [`Handshake`](WebSocketError::Handshake) where it asks for something else, or in another way than it must: to be
/// answered with the status 400, or 426 and the header `sec-websocket-version: 13`. HTTP/2 requests are none of these.
///
/// # Examples
///
/// ```
/// use backstay_sources::websocket;
///
/// let request = tungstenite::http::Request::get("/news")
///     .header("connection", "keep-alive, upgrade")
///     .header("upgrade", "websocket")
///     .header("sec-websocket-version", "13")
///     .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
/// let response = websocket::answer_upgrade(&request.body(())?, "10.0.0.7:4711")?;
/// assert_eq!(response.status(), 101);
/// assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
///
/// let plain = tungstenite::http::Request::get("/news").body(())?;
/// let error = websocket::answer_upgrade(&plain, "10.0.0.7:4711").unwrap_err();
/// assert!(error.to_string().contains("10.0.0.7:4711"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "derive_accept_key")]
pub fn answer_upgrade<B>(request: &Request<B>, peer: &str) -> Result<Response<()>, WebSocketError> {
    create_response_with_body(request, || ())
        .map_err(|cause| WebSocketError::of_handshake(&Arc::from(peer), cause))
}

/// A server's end of a connection whose handshake was done elsewhere: see [`answer_upgrade`].
///
/// `peer` is what errors call the other end, and `path` what it has asked for. Nothing is written or read here. What the
/// HTTP server has read beyond the request has to come out of `stream` first, as it does out of hyper's.
///
/// # Examples
///
/// ```
/// use backstay::net::{Net, TcpListener};
/// use backstay::testing::Sim;
/// use backstay_sources::websocket::{self, Config, Message};
/// use futures::StreamExt;
///
/// Sim::builder().seed(1).run(|rt: Sim| async move {
///     let listener = rt.bind("0.0.0.0:80".parse()?).await?;
///     let server = async {
///         let (stream, peer) = listener.accept().await?;
///         let stream = by_hand(stream).await?; // or an HTTP server
///         Ok::<_, std::io::Error>(websocket::upgraded(&rt, stream, &peer.to_string(), "/news", Config::new()))
///     };
///     let (client, server) = futures::join!(websocket::connect(&rt, "ws://main/news", Config::new()), server);
///     let (mut client, mut server) = (client?, server?);
///     client.send("hello").await?;
///     assert_eq!(server.next().await.transpose()?, Some(Message::from("hello")));
///     assert_eq!(server.path(), "/news");
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// })?.value.unwrap();
/// # use futures::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
/// # async fn by_hand<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> std::io::Result<S> {
/// #     let mut stream = BufReader::new(stream);
/// #     let mut request = tungstenite::http::Request::get("/news");
/// #     loop {
/// #         let mut line = String::new();
/// #         stream.read_line(&mut line).await?;
/// #         if line == "\r\n" { break; }
/// #         if let Some((name, value)) = line.trim().split_once(": ") { request = request.header(name, value); }
/// #     }
/// #     let answer = websocket::answer_upgrade(&request.body(()).unwrap(), "somebody").unwrap();
/// #     let mut bytes = b"HTTP/1.1 101 Switching Protocols\r\n".to_vec();
/// #     for (name, value) in answer.headers() {
/// #         bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
/// #     }
/// #     bytes.extend(b"\r\n");
/// #     let mut stream = stream.into_inner();
/// #     stream.write_all(&bytes).await?;
/// #     Ok(stream)
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "from_raw_socket")]
pub fn upgraded<R: Runtime, S: AsyncRead + AsyncWrite + Unpin>(
    rt: &R,
    stream: S,
    peer: &str,
    path: &str,
    config: Config,
) -> WebSocket<R, S> {
    let peer = Arc::from(peer);
    let protocol =
        protocol::WebSocket::from_raw_socket(Io::upgraded(stream), Role::Server, Some(config.protocol()));
    let connection = Connection::new(rt, protocol, &peer, &config);
    WebSocket::new(peer, path.into(), connection)
}
