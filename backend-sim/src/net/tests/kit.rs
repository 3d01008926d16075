//! A network on a bench.

use crate::choice::{Dice, Purpose};
use crate::net::calls::Opened;
use crate::net::ids::{HostId, Path, SocketId};
use crate::net::latency::Latency;
use crate::net::link::Link;
use crate::net::listener::Ticket;
use crate::net::network::Network;
use backstay_core::time::Instant;
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

pub(super) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub(super) const MAIN: HostId = HostId(0);
pub(super) const SERVER: HostId = HostId(1);
pub(super) const THERE: Path = Path::new(MAIN, SERVER);

/// A waker that counts.
#[derive(Default)]
pub(super) struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Bell {
    pub(super) fn new() -> (Arc<Self>, Waker) {
        let bell = Arc::new(Self::default());
        (Arc::clone(&bell), Waker::from(bell))
    }

    pub(super) fn rings(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A network of two hosts, `main` and `server`, one millisecond apart; a host talks to itself at once.
pub(super) struct Bench {
    pub(super) net: Network,
    pub(super) now: Instant,
}

type Polled<T> = Poll<Result<T, ErrorKind>>;

impl Bench {
    pub(super) fn new() -> Self {
        Self::with_seed(1)
    }

    pub(super) fn with_seed(seed: u64) -> Self {
        let mut net = Network::new(Dice::new(seed, Purpose::Network), Dice::new(!seed, Purpose::Network));
        assert_eq!(net.host("server"), SERVER);
        net.set_default_link(Link::new().latency(Latency::fixed(ms(1))));
        for host in [MAIN, SERVER] {
            net.set_link(Path::new(host, host), Link::new().latency(Latency::fixed(Duration::ZERO)));
        }
        Self { net, now: Instant::ORIGIN }
    }

    /// Time since the start.
    pub(super) fn time(&self) -> Duration {
        self.now.since_origin()
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some(at) = self.net.next_event().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.advance();
        }
        self.now = until;
    }

    /// Lets time pass until nothing is under way.
    pub(super) fn settle(&mut self) {
        while let Some(at) = self.net.next_event() {
            self.now = self.now.max(at);
            self.advance();
        }
    }

    fn advance(&mut self) {
        let mut wakers = Vec::new();
        self.net.advance(self.now, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Wakes whom an operation outside of `advance` has woken.
    pub(super) fn fire(&mut self) {
        self.net.take_wakes().fire();
    }

    /// What has happened since the last time.
    pub(super) fn log(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        self.net.drain_events(|event| lines.push(event.to_string()));
        lines
    }

    pub(super) fn listen(&mut self, host: HostId, at: &str) -> SocketId {
        self.net.bind(host, addr(at)).expect("a free port").0
    }

    pub(super) fn connect(&mut self, host: HostId, to: &str) -> Opened {
        self.net.connect(self.now, host, addr(to)).expect("a call")
    }

    pub(super) fn connected(&mut self, id: SocketId) -> Polled<()> {
        self.net.poll_connected(id, Waker::noop())
    }

    pub(super) fn accept(&mut self, listener: SocketId) -> Polled<Opened> {
        let mut ticket: Ticket = None;
        let poll = self.net.poll_accept(self.now, listener, &mut ticket, Waker::noop());
        self.net.stop_waiting(listener, &mut ticket);
        poll
    }

    /// A connection from `main` to `server`, both its ends, and the listener.
    pub(super) fn pair(&mut self) -> (SocketId, SocketId, SocketId) {
        let listener = self.listen(SERVER, "0.0.0.0:80");
        let client = self.connect(MAIN, "10.0.0.2:80").id;
        self.settle();
        let Poll::Ready(Ok(server)) = self.accept(listener) else { panic!("no connection") };
        self.log();
        (client, server.id, listener)
    }

    pub(super) fn write(&mut self, id: SocketId, bytes: &[u8]) -> Polled<usize> {
        self.write_with(id, bytes, Waker::noop())
    }

    pub(super) fn write_with(&mut self, id: SocketId, bytes: &[u8], waker: &Waker) -> Polled<usize> {
        self.net.poll_write(self.now, id, &[IoSlice::new(bytes)], waker)
    }

    /// Reads up to `most` bytes.
    pub(super) fn read(&mut self, id: SocketId, most: usize) -> Polled<Vec<u8>> {
        self.read_with(id, most, Waker::noop())
    }

    pub(super) fn read_with(&mut self, id: SocketId, most: usize, waker: &Waker) -> Polled<Vec<u8>> {
        let mut bytes = vec![0; most];
        let poll = self.net.poll_read(self.now, id, &mut [IoSliceMut::new(&mut bytes)], waker);
        poll.map_ok(|count| bytes[..count].to_vec())
    }

    /// Reads all there is.
    pub(super) fn read_all(&mut self, id: SocketId) -> Vec<u8> {
        let mut all = Vec::new();
        while let Poll::Ready(Ok(bytes)) = self.read(id, 4096) {
            if bytes.is_empty() {
                break;
            }
            all.extend(bytes);
        }
        all
    }

    pub(super) fn drop_socket(&mut self, id: SocketId) {
        self.net.drop_socket(self.now, id);
    }

    pub(super) fn open_sockets(&self) -> Vec<String> {
        self.net.open_sockets().collect()
    }
}

/// A read or write that gives this error.
pub(super) fn error<T>(kind: ErrorKind) -> Polled<T> {
    Poll::Ready(Err(kind))
}

/// A read that gives these bytes.
pub(super) fn bytes(bytes: &[u8]) -> Polled<Vec<u8>> {
    Poll::Ready(Ok(bytes.to_vec()))
}

/// A read that gives the end.
pub(super) fn end() -> Polled<Vec<u8>> {
    bytes(&[])
}

/// A write that takes so many bytes.
pub(super) fn took(count: usize) -> Polled<usize> {
    Poll::Ready(Ok(count))
}
