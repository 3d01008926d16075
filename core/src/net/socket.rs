//! A backend's native stream as a [`TcpStream`].

use super::{NetError, TcpStream};
use futures_io::{AsyncRead, AsyncWrite};
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A backend's native stream as a [`TcpStream`], with errors that name the peer.
///
/// For backends: the native type brings reads and writes, a [`SocketOps`] the rest. It costs nothing until
/// there is an error.
pub struct Socket<S: 'static> {
    stream: S,
    peer: SocketAddr,
    ops: &'static SocketOps<S>,
}

/// What a native stream offers beside futures-io's traits: usually its own methods, named.
#[derive(Debug)]
pub struct SocketOps<S> {
    /// This end's address.
    pub local_addr: fn(&S) -> io::Result<SocketAddr>,
    /// The other end's address.
    pub peer_addr: fn(&S) -> io::Result<SocketAddr>,
    /// Whether small writes are sent at once.
    pub set_nodelay: fn(&S, bool) -> io::Result<()>,
    /// Ends the writing half, called after the native `poll_close`, which does so on most runtimes already.
    pub end_writing: fn(&S) -> io::Result<()>,
}

impl<S> Socket<S> {
    /// The native stream connected to `peer`.
    pub const fn new(stream: S, peer: SocketAddr, ops: &'static SocketOps<S>) -> Self {
        Self { stream, peer, ops }
    }

    /// The native stream.
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The native stream, alone.
    pub fn into_inner(self) -> S {
        self.stream
    }

    fn named<T>(&self, operation: &'static str, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| NetError::wrap(operation, self.peer, error))
    }
}

impl<S> TcpStream for Socket<S>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
{
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.named("local_addr", (self.ops.local_addr)(&self.stream))
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.named("peer_addr", (self.ops.peer_addr)(&self.stream))
    }

    fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.named("set_nodelay", (self.ops.set_nodelay)(&self.stream, nodelay))
    }
}

impl<S: fmt::Debug> fmt::Debug for Socket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("peer", &self.peer).field("stream", &self.stream).finish()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        result.map(|result| self.named("read", result))
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_read_vectored(cx, bufs);
        result.map(|result| self.named("read", result))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        result.map(|result| self.named("write", result))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        result.map(|result| self.named("write", result))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        result.map(|result| self.named("flush", result))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_close(cx));
        match result.and_then(|()| (self.ops.end_writing)(&self.stream)) {
            // The peer has reset the connection: there is nothing left to close.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(self.named("close", result)),
        }
    }
}
