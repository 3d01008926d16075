//! A listener: who has called, and who waits for a call.

use super::ids::{HostId, Route, SocketId};
use super::wakes::Wakes;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::task::Waker;

/// How many connections may wait to be accepted. Who calls when there are so many waits until there is room.
pub(super) const BACKLOG: usize = 1024;

/// A call that was heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) route: Route,
    pub(super) window: usize,
}

/// A bound port.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) host: HostId,
    pub(super) addr: SocketAddr,
    /// Calls that were answered, and whose callers are not known to have heard it: the socket that answers each
    /// caller's.
    pub(super) answering: BTreeMap<SocketId, SocketId>,
    /// Connections to be accepted.
    pub(super) ready: VecDeque<SocketId>,
    /// Calls that there was no room for.
    pub(super) overflow: VecDeque<Call>,
    pub(super) waiters: Waiters,
}

impl Listener {
    pub(super) const fn new(host: HostId, addr: SocketAddr) -> Self {
        Self {
            host,
            addr,
            answering: BTreeMap::new(),
            ready: VecDeque::new(),
            overflow: VecDeque::new(),
            waiters: Waiters::new(),
        }
    }

    /// The call of this caller is not being answered any more; gives the socket that did.
    pub(super) fn hang_up(&mut self, caller: Option<SocketId>) -> Option<SocketId> {
        self.answering.remove(&caller?)
    }

    pub(super) fn has_room(&self) -> bool {
        self.answering.len() + self.ready.len() < BACKLOG
    }
}

/// Who waits for a call; none before they have begun to wait.
pub(crate) type Ticket = Option<u64>;

/// Those who wait for a call.
///
/// A call wakes them all, as it does on the real runtimes, and those who come too late wait again: so nobody has
/// to pass a wake on.
#[derive(Debug)]
pub(super) struct Waiters {
    waiting: BTreeMap<u64, Waker>,
    tickets: u64,
}

impl Waiters {
    const fn new() -> Self {
        Self { waiting: BTreeMap::new(), tickets: 0 }
    }

    pub(super) fn wait(&mut self, ticket: &mut Ticket, waker: &Waker, wakes: &mut Wakes) {
        let ticket = *ticket.get_or_insert_with(|| {
            self.tickets += 1;
            self.tickets
        });
        let mut place = self.waiting.remove(&ticket);
        wakes.register(&mut place, waker);
        self.waiting.extend(place.map(|waker| (ticket, waker)));
    }

    pub(super) fn leave(&mut self, ticket: &mut Ticket, wakes: &mut Wakes) {
        wakes.forget(ticket.take().and_then(|ticket| self.waiting.remove(&ticket)));
    }

    pub(super) fn wake_all(&mut self, wakes: &mut Wakes) {
        wakes.wake(std::mem::take(&mut self.waiting).into_values());
    }
}
