//! What sockets do: the operations that the async side polls.
//!
//! An operation on a socket that is not there any more, because its host has crashed, gives `NotConnected`; one on
//! a host that is down gives `NetworkDown`.

use super::agenda::Event;
use super::host::{callee, seen_from};
use super::ids::{End, HostId, Route, SocketId};
use super::listener::{Listener, Ticket};
use super::network::Network;
use super::segment::{Kind, Segment};
use super::socket::{Holder, Readable, Socket, State, Writable};
use backstay_core::time::Instant;
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::task::{Poll, Waker};
use std::time::Duration;

/// How long a call waits for an answer: Linux asks seven times within 127 seconds.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(127);

/// A socket, as the program gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) id: SocketId,
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
}

/// Connecting and listening.
impl Network {
    /// Begins to call `addr`.
    pub(crate) fn connect(
        &mut self,
        now: Instant,
        host: HostId,
        addr: SocketAddr,
    ) -> Result<Opened, ErrorKind> {
        let peer = SocketAddr::new(callee(addr.ip()), addr.port());
        let caller = self.get_host_mut(host).filter(|host| host.is_up).ok_or(ErrorKind::NetworkDown)?;
        let to = host.at(peer.ip()).ok_or(ErrorKind::NetworkUnreachable)?;
        let port = caller.take_port().ok_or(ErrorKind::AddrNotAvailable)?;
        let local = SocketAddr::new(host.calls_from(peer.ip()), port);

        let id = self.new_socket();
        let route = Route {
            from: End { host, addr: local, socket: Some(id) },
            to: End { host: to, addr: peer, socket: None },
        };
        let gives_up = self.agenda.enter(now + CONNECT_TIMEOUT, Event::GiveUp(id));
        let window = self.link_of(route.path()).window_size();
        let socket = Socket::new(route, State::Calling { gives_up }, Holder::Program, window);
        self.sockets.insert(id, socket);
        self.send(now, Segment { route, kind: Kind::Syn { window } });
        Ok(Opened { id, local, peer })
    }

    /// Whether a call was answered.
    pub(crate) fn poll_connected(&mut self, id: SocketId, waker: &Waker) -> Poll<Result<(), ErrorKind>> {
        let Some(socket) = self.sockets.get_mut(&id) else {
            return Poll::Ready(Err(ErrorKind::NotConnected));
        };
        match socket.state {
            State::Open => Poll::Ready(Ok(())),
            State::Over => Poll::Ready(Err(socket.failure())),
            State::Calling { .. } | State::Answering { .. } => {
                self.wakes.register(&mut socket.writer, waker);
                Poll::Pending
            }
        }
    }

    /// Whether somebody is at the other end, as far as this one knows.
    pub(crate) fn is_connected(&self, id: SocketId) -> bool {
        self.sockets.get(&id).is_some_and(Socket::is_open)
    }

    /// Listens on `addr`; gives the address that it has become.
    pub(crate) fn bind(&mut self, id: HostId, addr: SocketAddr) -> Result<(SocketId, SocketAddr), ErrorKind> {
        let ip = addr.ip().to_canonical();
        let listener = self.new_socket();
        let host = self.get_host_mut(id).filter(|host| host.is_up).ok_or(ErrorKind::NetworkDown)?;
        if !id.owns(ip) {
            return Err(ErrorKind::AddrNotAvailable);
        }
        let port = match addr.port() {
            0 => host.free_port().ok_or(ErrorKind::AddrInUse)?,
            port => port,
        };
        if !host.listen(ip, port, listener) {
            return Err(ErrorKind::AddrInUse);
        }
        let addr = SocketAddr::new(ip, port);
        self.listeners.insert(listener, Listener::new(id, addr));
        Ok((listener, addr))
    }

    /// Takes a connection. Who waits has a place among the listener's waiters, which [`stop_waiting`] gives back.
    ///
    /// [`stop_waiting`]: Self::stop_waiting
    pub(crate) fn poll_accept(
        &mut self,
        now: Instant,
        id: SocketId,
        ticket: &mut Ticket,
        waker: &Waker,
    ) -> Poll<Result<Opened, ErrorKind>> {
        let Some(listener) = self.listeners.get_mut(&id) else {
            return Poll::Ready(Err(ErrorKind::NotConnected));
        };
        let next = listener.ready.pop_front().and_then(|id| Some((id, self.sockets.get_mut(&id)?)));
        let Some((accepted, socket)) = next else {
            listener.waiters.wait(ticket, waker, &mut self.wakes);
            return Poll::Pending;
        };
        listener.waiters.leave(ticket, &mut self.wakes);
        socket.holder = Holder::Program;
        let Route { from, to } = socket.route;
        let bound = listener.addr.ip();
        self.take_waiting_call(now, id);
        Poll::Ready(Ok(Opened {
            id: accepted,
            local: seen_from(bound, from.addr),
            peer: seen_from(bound, to.addr),
        }))
    }

    /// Who waited for a call does so no longer.
    pub(crate) fn stop_waiting(&mut self, id: SocketId, ticket: &mut Ticket) {
        if let Some(listener) = self.listeners.get_mut(&id) {
            listener.waiters.leave(ticket, &mut self.wakes);
        }
    }

    /// Drops a listener: callers that were answered but not accepted get a reset, those that wait are refused.
    pub(crate) fn unlisten(&mut self, now: Instant, id: SocketId) {
        let Some(mut listener) = self.listeners.remove(&id) else { return };
        listener.waiters.wake_all(&mut self.wakes);
        if let Some(host) = self.get_host_mut(listener.host) {
            host.unlisten(listener.addr.port(), id);
        }
        for id in listener.answering.into_values().chain(listener.ready) {
            if let Some(socket) = self.sockets.remove(&id)
                && socket.state != State::Over
            {
                self.send(now, Segment { route: socket.route, kind: Kind::Rst });
            }
        }
        for call in listener.overflow {
            self.send(now, Segment { route: call.route.back(), kind: Kind::Rst });
        }
    }
}

/// Reading, writing, closing.
impl Network {
    /// Reads what has arrived.
    pub(crate) fn poll_read(
        &mut self,
        now: Instant,
        id: SocketId,
        bufs: &mut [IoSliceMut<'_>],
        waker: &Waker,
    ) -> Poll<Result<usize, ErrorKind>> {
        let wanted = bufs.iter().fold(0_usize, |sum, buf| sum.saturating_add(buf.len()));
        let Some(socket) = self.sockets.get_mut(&id) else {
            return Poll::Ready(Err(ErrorKind::NotConnected));
        };
        if wanted == 0 {
            return Poll::Ready(Ok(0));
        }
        let there = match socket.readable() {
            Readable::Bytes(count) => count,
            Readable::End => return Poll::Ready(Ok(0)),
            Readable::Error(error) => return Poll::Ready(Err(error)),
            Readable::NotYet => {
                self.wakes.register(&mut socket.reader, waker);
                return Poll::Pending;
            }
        };
        let count = self.shorten(wanted.min(there), self.faults.short_io);
        let told =
            self.sockets.get_mut(&id).and_then(|socket| Some((socket.route, socket.read(bufs, count)?)));
        if let Some((route, room)) = told {
            self.send(now, Segment { route, kind: Kind::Room(room) });
        }
        Poll::Ready(Ok(count))
    }

    /// Sends as many of the bytes as the window has room for.
    pub(crate) fn poll_write(
        &mut self,
        now: Instant,
        id: SocketId,
        bufs: &[IoSlice<'_>],
        waker: &Waker,
    ) -> Poll<Result<usize, ErrorKind>> {
        let offered = bufs.iter().fold(0_usize, |sum, buf| sum.saturating_add(buf.len()));
        let Some(socket) = self.sockets.get_mut(&id) else {
            return Poll::Ready(Err(ErrorKind::NotConnected));
        };
        let room = match socket.writable() {
            Writable::Error(error) => return Poll::Ready(Err(error)),
            _ if offered == 0 => return Poll::Ready(Ok(0)),
            Writable::Room(room) => room,
            Writable::NotYet => {
                self.wakes.register(&mut socket.writer, waker);
                return Poll::Pending;
            }
        };
        let route = socket.route;
        let count = self.shorten(offered.min(room), self.faults.short_io);
        let mut bytes = Vec::with_capacity(count);
        for buf in bufs {
            let rest = count - bytes.len();
            bytes.extend_from_slice(&buf[..rest.min(buf.len())]);
        }
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.wrote(count);
        }
        for part in bytes.chunks(Segment::limit(route.path())) {
            // A fault may have reset the connection: the rest would be sent to nobody.
            if self.sockets.get(&id).is_some_and(Socket::is_open) {
                self.send(now, Segment { route, kind: Kind::Data(part.to_vec()) });
            }
        }
        Poll::Ready(Ok(count))
    }

    /// Ends what is sent: the other end reads the rest, then the end.
    pub(crate) fn close(&mut self, now: Instant, id: SocketId) {
        if let Some(socket) = self.sockets.get_mut(&id).filter(|socket| socket.is_open() && !socket.has_ended)
        {
            socket.has_ended = true;
            self.wakes.wake(socket.writer.take());
            let route = socket.route;
            self.send(now, Segment { route, kind: Kind::Fin });
        }
    }

    /// Drops a socket: resets the connection if bytes are unread, else ends what is sent and wants nothing more.
    pub(crate) fn drop_socket(&mut self, now: Instant, id: SocketId) {
        let Some(mut socket) = self.sockets.remove(&id) else { return };
        self.wakes.forget(socket.wakers());
        let route = socket.route;
        if socket.is_caller
            && let Some(host) = self.get_host_mut(route.from.host)
        {
            host.give_back_port(route.from.addr.port());
        }
        match socket.state {
            State::Calling { gives_up } => {
                self.agenda.strike_off(gives_up);
                self.stop_calling(now, route);
            }
            State::Open if socket.has_unread() => self.send(now, Segment { route, kind: Kind::Rst }),
            State::Open => {
                let fin = (!socket.has_ended).then_some(Segment { route, kind: Kind::Fin });
                if !socket.peer_has_ended {
                    socket.orphan();
                    self.sockets.insert(id, socket);
                }
                if let Some(fin) = fin {
                    self.send(now, fin);
                }
            }
            State::Answering { .. } | State::Over => {}
        }
    }
}
