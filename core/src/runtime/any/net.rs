//! The sockets of a runtime chosen at run time.

use super::AnyRuntime;
use crate::net::{Net, TcpListener, TcpStream};
use async_trait::async_trait;
use futures_io::{AsyncRead, AsyncWrite};
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

/// [`Net`] without associated types.
#[async_trait]
pub(super) trait DynNet {
    async fn connect(&self, addr: SocketAddr) -> io::Result<AnyTcpStream>;
    async fn bind(&self, addr: SocketAddr) -> io::Result<AnyTcpListener>;
    async fn resolve(&self, host: &str) -> io::Result<Vec<SocketAddr>>;
}

#[async_trait]
impl<N: Net> DynNet for N {
    async fn connect(&self, addr: SocketAddr) -> io::Result<AnyTcpStream> {
        Ok(AnyTcpStream(Box::new(Net::connect(self, addr).await?)))
    }

    async fn bind(&self, addr: SocketAddr) -> io::Result<AnyTcpListener> {
        Ok(AnyTcpListener(Box::new(Net::bind(self, addr).await?)))
    }

    async fn resolve(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        Net::resolve(self, host).await
    }
}

impl Net for AnyRuntime {
    type TcpStream = AnyTcpStream;
    type TcpListener = AnyTcpListener;

    async fn connect(&self, addr: SocketAddr) -> io::Result<AnyTcpStream> {
        self.0.connect(addr).await
    }

    async fn bind(&self, addr: SocketAddr) -> io::Result<AnyTcpListener> {
        self.0.bind(addr).await
    }

    async fn resolve(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        self.0.resolve(host).await
    }
}

/// A connection of [`AnyRuntime`].
pub struct AnyTcpStream(Box<dyn TcpStream>);

impl TcpStream for AnyTcpStream {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.set_nodelay(nodelay)
    }
}

impl AsyncRead for AnyTcpStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_read(cx, buf)
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_read_vectored(cx, bufs)
    }
}

impl AsyncWrite for AnyTcpStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_close(cx)
    }
}

impl fmt::Debug for AnyTcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyTcpStream").field("peer", &self.peer_addr()).finish()
    }
}

/// A listener of [`AnyRuntime`].
pub struct AnyTcpListener(Box<dyn DynTcpListener>);

#[async_trait]
trait DynTcpListener: Send + Sync {
    async fn accept(&self) -> io::Result<(AnyTcpStream, SocketAddr)>;
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

#[async_trait]
impl<L: TcpListener> DynTcpListener for L {
    async fn accept(&self) -> io::Result<(AnyTcpStream, SocketAddr)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        Ok((AnyTcpStream(Box::new(stream)), peer))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }
}

impl TcpListener for AnyTcpListener {
    type Stream = AnyTcpStream;

    async fn accept(&self) -> io::Result<(AnyTcpStream, SocketAddr)> {
        self.0.accept().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl fmt::Debug for AnyTcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyTcpListener").field("local_addr", &self.0.local_addr()).finish()
    }
}
