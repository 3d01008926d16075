//! The socket, as the protocol's code sees it: reads and writes that would block.

use super::position::Position;
use futures_io::{AsyncRead, AsyncWrite};
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// How often one poll reads. A peer that sends faster than its messages are taken apart would keep its reader's thread
/// to itself.
const READS: u8 = 32;

/// Who polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Who waits for messages. It writes too: answers to pings, and to a close.
    Reader,
    /// Who sends.
    Writer,
}

pub(super) struct Io<S> {
    stream: S,
    position: Position,
    side: Side,
    /// Of whom polls now, one a side.
    current: [Waker; 2],
    waiting: Arc<Waiting>,
    /// Wakes all who wait to write. A stream remembers one waker, and there may be two.
    writable: Waker,
    reads_left: u8,
    /// Whether a read had none left.
    read_enough: bool,
    heard: bool,
    write_blocked: bool,
    aftermath: Aftermath,
}

/// Wakers to be called, and others to be dropped, when nothing is locked any more: both are foreign code.
#[derive(Default)]
#[must_use = "it is to be settled where nothing is locked"]
pub(super) struct Aftermath {
    to_wake: Vec<Waker>,
    to_drop: Vec<Waker>,
}

impl Aftermath {
    pub(super) fn settle(self) {
        self.to_wake.into_iter().for_each(Waker::wake);
        drop(self.to_drop);
    }
}

impl<S> Io<S> {
    /// Before the handshake.
    pub(super) fn new(stream: S) -> Self {
        Self::at(stream, Position::new())
    }

    /// After a handshake that was done elsewhere.
    pub(super) fn upgraded(stream: S) -> Self {
        Self::at(stream, Position::after_head())
    }

    fn at(stream: S, position: Position) -> Self {
        let waiting = Arc::new(Waiting::default());
        Self {
            stream,
            position,
            side: Side::Reader,
            current: [Waker::noop().clone(), Waker::noop().clone()],
            writable: Waker::from(Arc::clone(&waiting)),
            waiting,
            reads_left: READS,
            read_enough: false,
            heard: false,
            write_blocked: false,
            aftermath: Aftermath::default(),
        }
    }

    /// To be called before anything of the protocol's is.
    pub(super) fn begin(&mut self, side: Side, cx: &Context<'_>) {
        self.side = side;
        self.reads_left = READS;
        let current = &mut self.current[side as usize];
        if !current.will_wake(cx.waker()) {
            self.aftermath.to_drop.push(std::mem::replace(current, cx.waker().clone()));
        }
    }

    /// Who polls this side has to poll again; also if it is the task that polls now, which may have polled this side
    /// already.
    pub(super) fn wake(&mut self, side: Side) {
        self.aftermath.to_wake.push(self.current[side as usize].clone());
    }

    /// Whether the poll has read as much as one may: there may be more, and nobody is woken for it.
    pub(super) const fn take_read_enough(&mut self) -> bool {
        std::mem::replace(&mut self.read_enough, false)
    }

    pub(super) fn take_aftermath(&mut self) -> Option<Aftermath> {
        let Aftermath { to_wake, to_drop } = &self.aftermath;
        let is_none = to_wake.is_empty() && to_drop.is_empty();
        (!is_none).then(|| std::mem::take(&mut self.aftermath))
    }

    /// Whether something waits to be written that could not be.
    pub(super) const fn write_blocked(&self) -> bool {
        self.write_blocked
    }

    /// Whether something has come since this was asked last.
    pub(super) const fn take_heard(&mut self) -> bool {
        std::mem::replace(&mut self.heard, false)
    }

    /// Whether what has come ends in the middle of a message.
    pub(super) fn in_message(&self) -> bool {
        self.position.in_message()
    }

    fn poll_out<T>(
        &mut self,
        poll: impl Fn(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T>
    where
        S: Unpin,
    {
        let mut cx = Context::from_waker(&self.writable);
        let mut outcome = poll(Pin::new(&mut self.stream), &mut cx);
        if outcome.is_pending() {
            // Only now it has to be known whom to wake, and a wake that has come meanwhile must not be missed.
            let before = self.waiting.add(self.side, &self.current[self.side as usize]);
            self.aftermath.to_drop.extend(before);
            outcome = poll(Pin::new(&mut self.stream), &mut cx);
        }
        match outcome {
            Poll::Ready(outcome) => {
                if outcome.is_err() {
                    self.write_blocked = false;
                }
                outcome
            }
            Poll::Pending => {
                self.write_blocked = true;
                Err(ErrorKind::WouldBlock.into())
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Io<S> {
    /// Ends the writing half, if that can be done at once. Dropping the stream does it otherwise.
    pub(super) fn shut_down(&mut self) {
        let _best_effort = self.poll_out(|stream, cx| stream.poll_close(cx));
    }
}

impl<S: AsyncRead + Unpin> Read for Io<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let waker = &self.current[Side::Reader as usize];
        if self.reads_left == 0 {
            self.read_enough = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        self.reads_left -= 1;
        match Pin::new(&mut self.stream).poll_read(&mut Context::from_waker(waker), buf) {
            Poll::Ready(Ok(count)) => {
                self.heard |= count > 0;
                self.position.read(buf.get(..count).unwrap_or_default());
                Ok(count)
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl<S: AsyncWrite + Unpin> Write for Io<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self.poll_out(|stream, cx| stream.poll_write(cx, buf))? {
            0 if !buf.is_empty() => Err(ErrorKind::WriteZero.into()),
            count => Ok(count),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.poll_out(|stream, cx| stream.poll_flush(cx))?;
        self.write_blocked = false;
        Ok(())
    }
}

impl<S: fmt::Debug> fmt::Debug for Io<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}

/// Who waits until something can be written.
#[derive(Default)]
struct Waiting(Mutex<[Option<Waker>; 2]>);

impl Waiting {
    /// Gives the one that was there before.
    fn add(&self, side: Side, waker: &Waker) -> Option<Waker> {
        let waker = waker.clone();
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots[side as usize].replace(waker)
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_iter().flatten().for_each(Waker::wake);
    }
}
