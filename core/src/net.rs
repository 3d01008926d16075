//! TCP over the runtime's own sockets, as futures-io streams.
//!
//! [`Net`] is apart from [`Runtime`](crate::Runtime) so that nobody has to bring sockets who has none: a
//! pattern that needs none takes `R: Runtime`, one that does takes `R: Runtime + Net`. Unix sockets and
//! datagrams would be traits beside it.
//!
//! Every error names its address and what was attempted, and keeps its [`io::ErrorKind`]:
//! `connect 127.0.0.1:9: Connection refused (os error 111)`.
//!
//! ```
//! use backstay_core::net::{Net, TcpListener};
//! use backstay_core::{BlockOn, Config, Runtime};
//! use futures::io::{AsyncReadExt, AsyncWriteExt};
//!
//! async fn echo_once<R: Runtime + Net>(rt: R) -> std::io::Result<()> {
//!     let listener = rt.bind("127.0.0.1:0".parse().unwrap()).await?;
//!     let addr = listener.local_addr()?;
//!     let server = rt.spawn(async move {
//!         let (mut stream, _peer) = listener.accept().await?;
//!         let mut bytes = [0; 5];
//!         stream.read_exact(&mut bytes).await?;
//!         stream.write_all(&bytes).await
//!     });
//!     let mut stream = rt.connect(addr).await?;
//!     stream.write_all(b"hello").await?;
//!     let mut answer = String::new();
//!     stream.read_to_string(&mut answer).await?;
//!     assert_eq!(answer, "hello");
//!     server.await.unwrap()
//! }
//!
//! let owner = backstay_smol::SmolOwner::new(Config::new()).unwrap();
//! owner.block_on(echo_once(owner.runtime().clone()))?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod error;
mod socket;

pub use error::NetError;
pub use socket::{Socket, SocketOps};

use futures_io::{AsyncRead, AsyncWrite};
use std::io;
use std::net::SocketAddr;

/// A runtime's network.
///
/// # Cancel safety
///
/// Dropping a `connect` or `bind` closes what it had opened. Dropping an `accept` loses no connection: it
/// waits for the next one.
pub trait Net: Clone + Send + Sync + 'static {
    /// A connection.
    type TcpStream: TcpStream;
    /// A bound port.
    type TcpListener: TcpListener<Stream = Self::TcpStream>;

    /// Opens a connection to `addr`.
    ///
    /// # Errors
    ///
    /// The operating system's, with the address: a refused connection is
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused).
    fn connect(&self, addr: SocketAddr) -> impl Future<Output = io::Result<Self::TcpStream>> + Send;

    /// Listens on `addr`; port 0 takes a free one, which [`TcpListener::local_addr`] tells.
    ///
    /// # Errors
    ///
    /// The operating system's, with the address: a port in use is
    /// [`AddrInUse`](io::ErrorKind::AddrInUse).
    fn bind(&self, addr: SocketAddr) -> impl Future<Output = io::Result<Self::TcpListener>> + Send;

    /// Looks up `host:port` and returns its addresses, best first.
    ///
    /// # Errors
    ///
    /// The resolver's, with the host.
    fn resolve(&self, host: &str) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Looks up `host:port` and opens a connection to the first of its addresses that answers.
    ///
    /// # Errors
    ///
    /// The resolver's, or that of the last address tried; [`NotFound`](io::ErrorKind::NotFound) where the
    /// host has none.
    fn connect_to(&self, host: &str) -> impl Future<Output = io::Result<Self::TcpStream>> + Send {
        async move {
            let mut last = None;
            for addr in self.resolve(host).await? {
                match self.connect(addr).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => last = Some(error),
                }
            }
            Err(last.unwrap_or_else(|| NetError::wrap("resolve", host, io::ErrorKind::NotFound.into())))
        }
    }
}

/// A bound port.
pub trait TcpListener: Send + Sync + 'static {
    /// What it accepts.
    type Stream: TcpStream;

    /// Waits for a connection; gives it with its peer's address.
    ///
    /// # Errors
    ///
    /// The operating system's. Most are about the one connection, not the listener: go on accepting, after a
    /// pause where files have run out.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// A connection. Errors of its reads and writes name the peer.
///
/// Closing ends the writing half: the peer reads what was written, then the end. Dropping ends both.
pub trait TcpStream: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static {
    /// This end's address.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The other end's address.
    ///
    /// # Errors
    ///
    /// The operating system's, for instance when the other end is gone.
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// Whether small writes are sent at once (`TCP_NODELAY`) instead of being gathered.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn set_nodelay(&self, nodelay: bool) -> io::Result<()>;
}
