//! Reading and writing, the other way round.

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{Read, ReadBuf, Write};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// One of hyper's streams as one of futures-io: a connection that was upgraded, for what speaks something else on it.
///
/// # Examples
///
/// ```
/// use backstay_hyper::FuturesIo;
/// use futures::io::{AsyncReadExt, AsyncWriteExt};
/// use hyper::Request;
///
/// async fn greet<B>(mut request: Request<B>) -> Result<(), Box<dyn std::error::Error>> {
///     // Once the request has been answered with the status 101.
///     let mut stream = FuturesIo::new(hyper::upgrade::on(&mut request).await?);
///     let mut name = [0; 5];
///     stream.read_exact(&mut name).await?;
///     stream.write_all(b"hello ").await?;
///     stream.write_all(&name).await?;
///     Ok(stream.close().await?)
/// }
/// ```
#[derive(Debug)]
pub struct FuturesIo<T> {
    io: T,
}

impl<T> FuturesIo<T> {
    /// Adapts `io`.
    pub const fn new(io: T) -> Self {
        Self { io }
    }

    /// The stream.
    pub const fn get_ref(&self) -> &T {
        &self.io
    }

    /// The stream, alone.
    pub fn into_inner(self) -> T {
        self.io
    }
}

impl<T: Read + Unpin> AsyncRead for FuturesIo<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        ready!(Pin::new(&mut self.io).poll_read(cx, buf.unfilled()))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

impl<T: Write + Unpin> AsyncWrite for FuturesIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
