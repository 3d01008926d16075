//! A connection's socket: what was read to tell the version comes first, and nothing waits forever to be written.

use super::shared::Shared;
use backstay_core::sync::OwnedPermit;
use backstay_core::time::Instant;
use backstay_core::{Runtime, Sleep};
use futures_io::{AsyncRead, AsyncWrite};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How long a client that is answered before its request has been read may go on sending. A socket that is closed with
/// something unread in it is reset, and the answer may be lost with it.
const LINGER: Duration = Duration::from_secs(2);

pub(super) struct Socket<R: Runtime, T> {
    stream: T,
    shared: Arc<Shared<R>>,
    /// Read, and not given out yet.
    prefix: Vec<u8>,
    /// Made when something has to wait first.
    sleep: Option<Pin<Box<R::Sleep>>>,
    waits: Waits,
    _place: Option<OwnedPermit>,
}

/// What the sleep is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    No,
    ToWrite,
    ToLinger,
}

impl<R: Runtime, T> Socket<R, T> {
    /// A connection has a place among so many, until its socket is dropped, upgraded or not.
    pub(super) const fn new(stream: T, shared: Arc<Shared<R>>, place: Option<OwnedPermit>) -> Self {
        Self { stream, shared, prefix: Vec::new(), sleep: None, waits: Waits::No, _place: place }
    }

    pub(super) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, waits: Waits, limit: Duration) -> Poll<()> {
        let rt = &self.shared.rt;
        if self.waits != waits {
            self.waits = waits;
            let until: Instant = rt.now() + limit;
            match &mut self.sleep {
                Some(sleep) => sleep.as_mut().reset(until),
                None => self.sleep = Some(Box::pin(rt.sleep_until(until))),
            }
        }
        self.sleep.as_mut().map_or(Poll::Pending, |sleep| sleep.as_mut().poll(cx))
    }

    fn in_time<O>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<O>>) -> Poll<io::Result<O>> {
        if written.is_ready() {
            // hyper flushes while it waits for the close.
            if self.waits == Waits::ToWrite {
                self.waits = Waits::No;
            }
            return written;
        }
        ready!(self.poll_timer(cx, Waits::ToWrite, self.shared.config.write_timeout));
        self.shared.time_out();
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its response")))
    }
}

impl<R: Runtime, T: AsyncRead + Unpin> Socket<R, T> {
    /// Reads some more in advance; gives how much.
    pub(super) async fn peek(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 1024];
        let count = poll_fn(|cx| Pin::new(&mut self.stream).poll_read(cx, &mut buffer)).await?;
        self.prefix.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }

    /// Reads what the client still sends, to the end, or as long as it may.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_timer(cx, Waits::ToLinger, LINGER).is_ready() {
            return Poll::Ready(());
        }
        let mut buffer = [0; 4096];
        for _ in 0..32 {
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R: Runtime, T: AsyncRead + Unpin> AsyncRead for Socket<R, T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if !this.prefix.is_empty() {
            let count = this.prefix.len().min(buf.len());
            let (given, to_fill) = (this.prefix.drain(..count), &mut buf[..count]);
            given.zip(to_fill).for_each(|(byte, place)| *place = byte);
            return Poll::Ready(Ok(count));
        }
        let count = ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        if count > 0 {
            this.shared.bytes_came();
        }
        Poll::Ready(Ok(count))
    }
}

impl<R: Runtime, T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<R, T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.in_time(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.in_time(cx, flushed)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.waits != Waits::ToLinger {
            let closed = Pin::new(&mut self.stream).poll_close(cx);
            ready!(self.in_time(cx, closed))?;
        }
        if self.waits == Waits::ToLinger || self.shared.has_refused_body() {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}
