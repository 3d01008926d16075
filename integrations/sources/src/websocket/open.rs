//! How a connection is opened.

use super::config::Config;
use super::connection::Connection;
use super::error::{WaitedFor, WebSocketError};
use super::handshake;
use super::socket::WebSocket;
use backstay_core::Runtime;
use backstay_core::net::{Net, TcpStream};
use futures_io::{AsyncRead, AsyncWrite};
use std::net::SocketAddr;
use std::sync::Arc;
use tungstenite::client::IntoClientRequest;
use tungstenite::http::Uri;

/// Connects to `ws://host:port/path`; without a port to 80.
///
/// [`Config::handshake_timeout`] is for all of it: the look-up, the connection, the handshake. `wss://` is refused
/// here: open the TLS connection with the crate of your choice, and give it to [`connect_over`].
///
/// # Errors
///
/// [`Url`](WebSocketError::Url), [`Connect`](WebSocketError::Connect), [`Refused`](WebSocketError::Refused) with the
/// status that the server has answered, [`Handshake`](WebSocketError::Handshake) where it speaks no WebSocket,
/// [`Vanished`](WebSocketError::Vanished), [`Io`](WebSocketError::Io), [`Timeout`](WebSocketError::Timeout).
///
/// # Cancel safety
///
/// Dropping it closes the connection.
///
/// # Examples
///
/// ```
/// use backstay::testing::Sim;
/// use backstay_sources::websocket::{self, Config, WebSocketError};
/// use futures::StreamExt;
///
/// Sim::builder().seed(1).run(|rt: Sim| async move {
///     let mut listener = websocket::listen(&rt, "0.0.0.0:8080".parse()?, Config::new()).await?;
///     let connect = websocket::connect(&rt, "ws://main:8080/news", Config::new());
///     let (socket, _accepted) = futures::join!(connect, listener.next());
///     assert_eq!(socket?.path(), "/news");
///
///     let error = websocket::connect(&rt, "ws://main:81/", Config::new()).await.unwrap_err();
///     assert!(matches!(error, WebSocketError::Connect { .. })); // nobody listens there
///     let error = websocket::connect(&rt, "http://main/", Config::new()).await.unwrap_err();
///     assert_eq!(error.to_string(), r#"invalid URL "http://main/": expected ws:// or wss://"#);
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// })?.value.unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn connect<R: Runtime + Net>(
    rt: &R,
    url: &str,
    config: Config,
) -> Result<WebSocket<R, R::TcpStream>, WebSocketError> {
    let target = Target::parse(url)?;
    let host = target.host_to_dial()?;
    let all = async {
        let wrong = |source| WebSocketError::Connect { peer: Arc::clone(&target.url), source };
        let stream = rt.connect_to(&host).await.map_err(wrong)?;
        // A message is written at once, whole, and is not to wait for the next.
        stream.set_nodelay(true).map_err(wrong)?;
        target.handshake(rt, stream, &config).await
    };
    in_time(rt, &target.url, &config, all).await
}

/// Does the handshake over a connection that is there: TLS, a proxy, a pipe. `url` is `ws://` or `wss://`, and says
/// which host and path are asked for.
///
/// # Errors
///
/// As [`connect`], without [`Connect`](WebSocketError::Connect).
///
/// # Cancel safety
///
/// Dropping it drops the stream.
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
///     let listener = rt.bind("0.0.0.0:443".parse()?).await?;
///     let (client, server) = futures::join!(
///         async {
///             let stream = rt.connect_to("main:443").await.expect("a connection");
///             // Here a TLS crate makes another stream of it.
///             websocket::connect_over(&rt, stream, "wss://main/chat", Config::new()).await
///         },
///         async {
///             let (stream, _address) = listener.accept().await.expect("a connection");
///             websocket::accept_over(&rt, stream, "a guest", Config::new()).await
///         },
///     );
///     let (mut client, mut server) = (client?, server?);
///     assert_eq!((server.path(), server.peer()), ("/chat", "a guest"));
///     client.send("hello").await?;
///     assert_eq!(server.next().await.transpose()?, Some(Message::from("hello")));
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// })?.value.unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn connect_over<R: Runtime, S: AsyncRead + AsyncWrite + Unpin>(
    rt: &R,
    stream: S,
    url: &str,
    config: Config,
) -> Result<WebSocket<R, S>, WebSocketError> {
    let target = Target::parse(url)?;
    in_time(rt, &target.url, &config, target.handshake(rt, stream, &config)).await
}

/// Does the handshake with who has connected. [`listen`](super::listen) does it for all that come.
///
/// Who asks for something else, or in another way than it must, is answered with the status 400 as far as that can be
/// written at once.
///
/// # Errors
///
/// [`Handshake`](WebSocketError::Handshake) where the peer asks for no WebSocket,
/// [`Vanished`](WebSocketError::Vanished), [`Io`](WebSocketError::Io), [`Timeout`](WebSocketError::Timeout).
///
/// # Cancel safety
///
/// Dropping it closes the connection.
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
///     let (connected, accepted) =
///         futures::join!(websocket::connect(&rt, "ws://main/news?since=7", Config::new()), async {
///             let (stream, _peer) = listener.accept().await.expect("a connection");
///             websocket::accept(&rt, stream, Config::new()).await
///         });
///     let (mut client, mut server) = (connected?, accepted?);
///     assert_eq!(server.path(), "/news?since=7");
///
///     client.send("ready").await?;
///     assert_eq!(server.next().await.transpose()?, Some(Message::from("ready")));
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// })?.value.unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn accept<R: Runtime, S: TcpStream>(
    rt: &R,
    stream: S,
    config: Config,
) -> Result<WebSocket<R, S>, WebSocketError> {
    match stream.peer_addr() {
        Ok(peer) => accept_from(rt, stream, peer, config).await,
        Err(source) => Err(WebSocketError::Connect { peer: "a peer that is gone".into(), source }),
    }
}

/// Does the handshake with who is at the other end of a connection that is there: TLS, a proxy, a pipe. `peer` is what
/// errors call it.
///
/// # Errors
///
/// As [`accept`].
///
/// # Cancel safety
///
/// Dropping it drops the stream.
///
/// # Examples
///
/// See [`connect_over`].
pub async fn accept_over<R: Runtime, S: AsyncRead + AsyncWrite + Unpin>(
    rt: &R,
    stream: S,
    peer: &str,
    config: Config,
) -> Result<WebSocket<R, S>, WebSocketError> {
    let peer = Arc::from(peer);
    let handshake = async {
        let (protocol, path) = handshake::answer(stream, &peer, config.protocol()).await?;
        let connection = Connection::new(rt, protocol, &peer, &config);
        Ok(WebSocket::new(Arc::clone(&peer), path.into(), connection))
    };
    in_time(rt, &peer, &config, handshake).await
}

pub(super) async fn accept_from<R: Runtime, S: TcpStream>(
    rt: &R,
    stream: S,
    peer: SocketAddr,
    config: Config,
) -> Result<WebSocket<R, S>, WebSocketError> {
    let peer = peer.to_string();
    if let Err(source) = stream.set_nodelay(true) {
        return Err(WebSocketError::Connect { peer: peer.into(), source });
    }
    accept_over(rt, stream, &peer, config).await
}

/// Whom to ask for what.
struct Target {
    url: Arc<str>,
    uri: Uri,
}

impl Target {
    fn parse(url: &str) -> Result<Self, WebSocketError> {
        let uri: Uri = url.parse().map_err(|_| invalid(url, "it is none"))?;
        match uri.scheme_str() {
            Some("ws" | "wss") => {}
            _ => return Err(invalid(url, "expected ws:// or wss://")),
        }
        match uri.host() {
            None | Some("") => Err(invalid(url, "it names no host")),
            Some(_) => Ok(Self { url: url.into(), uri }),
        }
    }

    fn host_to_dial(&self) -> Result<String, WebSocketError> {
        if self.uri.scheme_str() == Some("wss") {
            return Err(invalid(&self.url, "TLS is for who opens the connection: see `connect_over`"));
        }
        Ok(format!("{}:{}", self.uri.host().unwrap_or_default(), self.uri.port_u16().unwrap_or(80)))
    }

    async fn handshake<R: Runtime, S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        rt: &R,
        stream: S,
        config: &Config,
    ) -> Result<WebSocket<R, S>, WebSocketError> {
        let request = self.uri.clone().into_client_request();
        let request = request.map_err(|cause| WebSocketError::of_handshake(&self.url, cause))?;
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str()).into();
        let protocol = handshake::ask(stream, &self.url, request, config.protocol()).await?;
        let connection = Connection::new(rt, protocol, &self.url, config);
        Ok(WebSocket::new(Arc::clone(&self.url), path, connection))
    }
}

fn invalid(url: &str, reason: &'static str) -> WebSocketError {
    WebSocketError::Url { url: url.to_owned(), reason }
}

async fn in_time<R: Runtime, T>(
    rt: &R,
    peer: &Arc<str>,
    config: &Config,
    open: impl Future<Output = Result<T, WebSocketError>>,
) -> Result<T, WebSocketError> {
    let limit = config.handshake_timeout();
    match rt.timeout(limit, open).await {
        Ok(opened) => opened,
        Err(_elapsed) => {
            let (peer, waited_for) = (Arc::clone(peer), WaitedFor::Handshake);
            Err(WebSocketError::Timeout { peer, waited_for, limit })
        }
    }
}
