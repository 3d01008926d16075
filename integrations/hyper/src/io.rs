//! Reading and writing.

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{Read, ReadBufCursor, Write};
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A futures-io stream as one of hyper's.
///
/// # Cost
///
/// hyper hands out memory that is not initialised, and futures-io wants memory that is: what is read passes
/// through a buffer of [`HyperIo::BUFFER`] bytes, allocated on the first read, and is copied once.
pub struct HyperIo<T> {
    io: T,
    buffer: Vec<u8>,
}

impl<T> HyperIo<T> {
    /// The most that one read brings.
    pub const BUFFER: usize = 16 * 1024;

    /// Adapts `io`.
    pub const fn new(io: T) -> Self {
        Self { io, buffer: Vec::new() }
    }

    /// The stream.
    pub const fn get_ref(&self) -> &T {
        &self.io
    }

    /// The stream, alone. Nothing read is lost: the buffer is empty between two reads.
    pub fn into_inner(self) -> T {
        self.io
    }
}

impl<T: AsyncRead + Unpin> Read for HyperIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.buffer.is_empty() {
            this.buffer = vec![0; Self::BUFFER];
        }
        let room = cursor.remaining().min(this.buffer.len());
        let count = ready!(Pin::new(&mut this.io).poll_read(cx, &mut this.buffer[..room]))?;
        cursor.put_slice(&this.buffer[..count]);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Write for HyperIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_close(cx)
    }

    fn is_write_vectored(&self) -> bool {
        // A stream that can't write from several buffers writes the first: correct, if slower.
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}

impl<T: fmt::Debug> fmt::Debug for HyperIo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HyperIo").field(&self.io).finish()
    }
}
