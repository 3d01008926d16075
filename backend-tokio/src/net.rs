//! Sockets.

use crate::context::Context;
use crate::runtime::Tokio;
use backstay_core::net::{Net, NetError, Socket, SocketOps, TcpListener};
use futures_io::{AsyncRead, AsyncWrite};
use pin_project_lite::pin_project;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{self, Poll, ready};
use tokio::io::ReadBuf;

pin_project! {
    /// A future that opens sockets, polled in the runtime's context wherever it is awaited.
    struct InContext<'a, F> {
        context: &'a Context,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for InContext<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.context.enter(|| this.future.poll(cx))
    }
}

impl Net for Tokio {
    type TcpStream = TokioTcpStream;
    type TcpListener = TokioTcpListener;

    async fn connect(&self, addr: SocketAddr) -> io::Result<TokioTcpStream> {
        let stream = InContext { context: self.context(), future: tokio::net::TcpStream::connect(addr) }
            .await
            .map_err(|error| NetError::wrap("connect", addr, error))?;
        Ok(socket(stream, addr))
    }

    async fn bind(&self, addr: SocketAddr) -> io::Result<TokioTcpListener> {
        let listener = InContext { context: self.context(), future: tokio::net::TcpListener::bind(addr) }
            .await
            .map_err(|error| NetError::wrap("bind", addr, error))?;
        Ok(TokioTcpListener { context: self.context().clone(), listener })
    }

    async fn resolve(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        let addrs = InContext { context: self.context(), future: tokio::net::lookup_host(host) }
            .await
            .map_err(|error| NetError::wrap("resolve", host, error))?;
        Ok(addrs.collect())
    }
}

/// tokio's listener.
#[derive(Debug)]
pub struct TokioTcpListener {
    context: Context,
    listener: tokio::net::TcpListener,
}

impl TcpListener for TokioTcpListener {
    type Stream = TokioTcpStream;

    async fn accept(&self) -> io::Result<(TokioTcpStream, SocketAddr)> {
        let accepted = InContext { context: &self.context, future: self.listener.accept() }.await;
        let (stream, peer) = accepted.map_err(|error| match self.local_addr() {
            Ok(addr) => NetError::wrap("accept", addr, error),
            Err(_) => error,
        })?;
        Ok((socket(stream, peer), peer))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// tokio's connection.
pub type TokioTcpStream = Socket<FuturesIo<tokio::net::TcpStream>>;

fn socket(stream: tokio::net::TcpStream, peer: SocketAddr) -> TokioTcpStream {
    static OPS: SocketOps<FuturesIo<tokio::net::TcpStream>> = SocketOps {
        local_addr: |io| io.0.local_addr(),
        peer_addr: |io| io.0.peer_addr(),
        set_nodelay: |io, nodelay| io.0.set_nodelay(nodelay),
        end_writing: |_| Ok(()),
    };
    Socket::new(FuturesIo(stream), peer, &OPS)
}

/// A stream with tokio's I/O traits as one with futures-io's.
#[derive(Debug)]
pub struct FuturesIo<T>(pub T);

impl<T: tokio::io::AsyncRead + Unpin> AsyncRead for FuturesIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

impl<T: tokio::io::AsyncWrite + Unpin> AsyncWrite for FuturesIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
