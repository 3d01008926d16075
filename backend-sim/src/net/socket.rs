//! One end of a connection: a state machine that neither sends nor waits.

use super::ids::{Key, Route, SocketId};
use super::wakes::Wakes;
use backstay_core::time::Instant;
use std::collections::VecDeque;
use std::io::{ErrorKind, IoSliceMut, Read};
use std::task::Waker;

/// How far a connection is, seen from one end.
///
/// | state | next |
/// |---|---|
/// | calling: asked, not answered | open, or over: refused, timed out |
/// | answering: asked by the other end, which does not know yet | open, or gone |
/// | open | over: reset |
/// | over | |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Calling { gives_up: Key },
    Answering { listener: SocketId },
    Open,
    Over,
}

/// Who has a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// Its listener, until it is accepted.
    Listener,
    Program,
    /// Nobody: the program has dropped it in good order, and the other end may have more to send.
    Nobody,
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) route: Route,
    pub(super) state: State,
    pub(super) holder: Holder,
    /// Whether it has called, from a port of its own.
    pub(super) is_caller: bool,
    /// Packets to here never overtake each other: when the last of them so far arrives.
    pub(super) last_arrival: Instant,
    pub(super) has_ended: bool,
    pub(super) peer_has_ended: bool,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
    // What the next read or write that would wait or write gives: once, as on Linux.
    error: Option<ErrorKind>,
    received: VecDeque<u8>,
    // How many bytes may be under way or unread, each way.
    window: usize,
    // Sent, and not known to be read.
    outstanding: usize,
    // Read, and not told to the other end.
    untold: usize,
}

/// What a read gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Readable {
    Bytes(usize),
    End,
    Error(ErrorKind),
    NotYet,
}

/// What a write finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Writable {
    Room(usize),
    Error(ErrorKind),
    NotYet,
}

impl Socket {
    pub(super) const fn new(route: Route, state: State, holder: Holder, window: usize) -> Self {
        Self {
            route,
            state,
            holder,
            is_caller: matches!(state, State::Calling { .. }),
            last_arrival: Instant::ORIGIN,
            has_ended: false,
            peer_has_ended: false,
            reader: None,
            writer: None,
            error: None,
            received: VecDeque::new(),
            window,
            outstanding: 0,
            untold: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// How many bytes may be under way or unread, each way.
    pub(super) const fn window(&self) -> usize {
        self.window
    }

    /// What a read gives: what was received, then the end or the error, then the end.
    pub(super) fn readable(&mut self) -> Readable {
        if !self.received.is_empty() {
            return Readable::Bytes(self.received.len());
        }
        if self.peer_has_ended {
            return Readable::End;
        }
        match (self.error.take(), self.state) {
            (Some(error), _) => Readable::Error(error),
            (None, State::Over) => Readable::End,
            (None, _) => Readable::NotYet,
        }
    }

    /// Reads `count` of the bytes received; gives the room to tell the other end of, if it is time to.
    pub(super) fn read(&mut self, bufs: &mut [IoSliceMut<'_>], mut count: usize) -> Option<usize> {
        self.untold += count;
        for buf in bufs {
            let part = count.min(buf.len());
            self.received.read_exact(&mut buf[..part]).expect("so many were received");
            count -= part;
        }
        // Small bits of room are told together, or every read would cause a packet.
        let worth_telling = self.untold >= (self.window / 2).max(1);
        (worth_telling && self.is_open() && !self.peer_has_ended).then(|| std::mem::take(&mut self.untold))
    }

    /// What a write finds: an error once, then a broken pipe.
    pub(super) fn writable(&mut self) -> Writable {
        if let Some(error) = self.error.take() {
            return Writable::Error(error);
        }
        match self.window - self.outstanding {
            _ if self.has_ended || !self.is_open() => Writable::Error(ErrorKind::BrokenPipe),
            0 => Writable::NotYet,
            room => Writable::Room(room),
        }
    }

    /// So many bytes are sent.
    pub(super) const fn wrote(&mut self, count: usize) {
        self.outstanding += count;
    }

    /// How a call ends that is no longer being made.
    pub(super) fn failure(&mut self) -> ErrorKind {
        self.error.take().unwrap_or(ErrorKind::NotConnected)
    }

    /// Bytes have arrived.
    pub(super) fn receive(&mut self, bytes: Vec<u8>, wakes: &mut Wakes) {
        self.received.extend(bytes);
        wakes.wake(self.reader.take());
    }

    /// The other end has read so many bytes.
    pub(super) fn has_room(&mut self, count: usize, wakes: &mut Wakes) {
        self.outstanding = self.outstanding.saturating_sub(count);
        wakes.wake(self.writer.take());
    }

    /// The other end has sent all that it will send.
    pub(super) fn peer_ends(&mut self, wakes: &mut Wakes) {
        self.peer_has_ended = true;
        wakes.wake(self.reader.take());
    }

    /// The other end has reset the connection.
    pub(super) fn reset(&mut self, wakes: &mut Wakes) {
        let error = if self.peer_has_ended { ErrorKind::BrokenPipe } else { ErrorKind::ConnectionReset };
        self.fail(error, wakes);
    }

    /// It is over.
    pub(super) fn fail(&mut self, error: ErrorKind, wakes: &mut Wakes) {
        self.state = State::Over;
        self.error = Some(error);
        wakes.wake(self.wakers());
    }

    /// It works: the call was answered, or the answer has arrived.
    pub(super) fn open(&mut self, wakes: &mut Wakes) {
        self.state = State::Open;
        wakes.wake(self.wakers());
    }

    /// Whether there are bytes that were not read.
    pub(super) fn has_unread(&self) -> bool {
        !self.received.is_empty()
    }

    /// The program has dropped it in good order.
    pub(super) fn orphan(&mut self) {
        self.holder = Holder::Nobody;
        self.has_ended = true;
    }

    /// Everybody who waits for something.
    pub(super) fn wakers(&mut self) -> impl Iterator<Item = Waker> + use<> {
        self.reader.take().into_iter().chain(self.writer.take())
    }
}
