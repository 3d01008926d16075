//! A port where WebSockets are accepted.

use super::config::Config;
use super::error::WebSocketError;
use super::open::accept_from;
use super::socket::WebSocket;
use backstay_core::future::BoundedSet;
use backstay_core::net::{Net, TcpListener};
use backstay_core::{Runtime, probe};
use futures_core::Stream;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// After an error that is not about one connection; files may have run out.
const PAUSE: Duration = Duration::from_millis(50);

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

type Opened<R> = Result<WebSocket<R, <R as Net>::TcpStream>, WebSocketError>;

type Accepted<R> = io::Result<(<R as Net>::TcpStream, SocketAddr)>;

/// Listens on `addr`, and does the handshake with all that come; port 0 takes a free one.
///
/// # Errors
///
/// [`Accept`](WebSocketError::Accept): the port is in use, or must not be used.
///
/// # Cancel safety
///
/// Dropping it closes the port.
///
/// # Examples
///
/// ```
/// use backstay::testing::Sim;
/// use backstay_sources::websocket::{self, Config, WebSocketError};
/// use futures::StreamExt;
///
/// Sim::builder().seed(1).run(|rt: Sim| async move {
///     let mut listener = websocket::listen(&rt, "127.0.0.1:0".parse()?, Config::new()).await?;
///     let url = format!("ws://{}/", listener.local_addr()); // with the port that was free
///     let (client, server) = futures::join!(websocket::connect(&rt, &url, Config::new()), listener.next());
///     assert_eq!(client?.peer(), url);
///     assert!(server.expect("it goes on")?.peer().starts_with("127.0.0.1:"));
///
///     let taken = websocket::listen(&rt, listener.local_addr(), Config::new()).await;
///     assert!(matches!(taken, Err(WebSocketError::Accept { .. })));
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// })?.value.unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn listen<R: Runtime + Net>(
    rt: &R,
    addr: SocketAddr,
    config: Config,
) -> Result<Listener<R>, WebSocketError> {
    Listener::bind(rt, addr, config).await
}

/// A stream of those who have connected, each with its handshake done; from [`listen`].
///
/// Handshakes are done beside each other, so that a slow one delays no other, and each has its
/// [limit](Config::handshake_timeout). Nothing more is accepted while as many are under way as
/// [may be](Config::max_handshakes), or while nobody polls.
///
/// **It does not end, and an error does not end it**: each is about one connection, and says whose. When the system
/// has no more connections to give (files have run out), it waits 50 ms before it asks again.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next one loses nothing. Dropping the listener closes the port and drops those
/// whose handshake is not done.
///
/// # Examples
///
/// See [`WebSocket`].
#[must_use = "streams do nothing unless they are polled"]
pub struct Listener<R: Runtime + Net> {
    rt: R,
    listener: Arc<R::TcpListener>,
    address: SocketAddr,
    config: Config,
    accepting: Option<Boxed<Accepted<R>>>,
    handshakes: BoundedSet<Boxed<Opened<R>>>,
    pause: bool,
}

impl<R: Runtime + Net> Listener<R> {
    async fn bind(rt: &R, addr: SocketAddr, config: Config) -> Result<Self, WebSocketError> {
        let wrong = |source| WebSocketError::Accept { listener: addr.to_string().into(), source };
        let listener = rt.bind(addr).await.map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        Ok(Self {
            rt: rt.clone(),
            listener: Arc::new(listener),
            address,
            handshakes: BoundedSet::new(config.max_handshakes()),
            config,
            accepting: None,
            pause: false,
        })
    }

    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// How many handshakes are under way.
    pub const fn handshakes(&self) -> usize {
        self.handshakes.len()
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Accepted<R>> {
        let accepting = self.accepting.get_or_insert_with(|| {
            let (rt, listener, pause) = (self.rt.clone(), Arc::clone(&self.listener), self.pause);
            Box::pin(async move {
                if pause {
                    rt.sleep(PAUSE).await;
                }
                listener.accept().await
            })
        });
        let accepted = accepting.as_mut().poll(cx);
        if let Poll::Ready(accepted) = &accepted {
            self.accepting = None;
            self.pause = accepted.as_ref().is_err_and(|error| !is_about_one(error));
        }
        accepted
    }

    fn begin(&mut self, stream: R::TcpStream, peer: SocketAddr) {
        let (rt, config) = (self.rt.clone(), self.config.clone());
        let handshake: Boxed<Opened<R>> =
            Box::pin(async move { accept_from(&rt, stream, peer, config).await });
        // It was looked whether there is room.
        let _fits = self.handshakes.try_push(handshake);
    }
}

fn is_about_one(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted)
}

impl<R: Runtime + Net> Stream for Listener<R> {
    type Item = Opened<R>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Poll::Ready(Some(opened)) = Pin::new(&mut this.handshakes).poll_next(cx) {
                return Poll::Ready(Some(opened));
            }
            if this.handshakes.is_full() {
                return Poll::Pending;
            }
            match this.poll_accept(cx) {
                Poll::Ready(Ok((stream, peer))) => this.begin(stream, peer),
                Poll::Ready(Err(source)) => {
                    let listener = this.address.to_string().into();
                    return Poll::Ready(Some(Err(WebSocketError::Accept { listener, source })));
                }
                Poll::Pending => {
                    probe::waiting(|| format!("a WebSocket on {}", this.address));
                    return Poll::Pending;
                }
            }
        }
    }
}

impl<R: Runtime + Net> fmt::Debug for Listener<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("address", &self.address)
            .field("handshakes", &self.handshakes.len())
            .finish_non_exhaustive()
    }
}
