//! The async side: sockets as futures and streams, which poll the network's state machine.

use super::calls::Opened;
use super::describe::WaitsTo;
use super::ids::SocketId;
use super::listener::Ticket;
use super::network::Network;
use super::resolve::resolve;
use crate::runtime::Sim;
use backstay_core::net::{Net, NetError, Socket, SocketOps, TcpListener};
use backstay_core::probe;
use backstay_core::time::Instant;
use futures_io::{AsyncRead, AsyncWrite};
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Lets something happen on the network now, then wakes whom it concerns, with the network unlocked.
pub(super) fn act<T>(sim: &Sim, action: impl FnOnce(&mut Network, Instant) -> T) -> T {
    sim.kernel().change_network(action)
}

/// Lets something happen, unless the runtime has ended.
fn try_act<T>(
    sim: &Sim,
    action: impl FnOnce(&mut Network, Instant) -> Result<T, ErrorKind>,
) -> Result<T, ErrorKind> {
    if sim.has_ended() { Err(ErrorKind::NotConnected) } else { act(sim, action) }
}

/// Polls something, unless the runtime has ended.
fn poll_act<T>(
    sim: &Sim,
    action: impl FnOnce(&mut Network, Instant) -> Poll<Result<T, ErrorKind>>,
) -> Poll<io::Result<T>> {
    if sim.has_ended() {
        return Poll::Ready(Err(ErrorKind::NotConnected.into()));
    }
    act(sim, action).map_err(io::Error::from)
}

/// The simulated network: see [`NetControl`](super::NetControl) for what can happen on it.
///
/// Once the run has ended, every operation fails with [`NotConnected`](ErrorKind::NotConnected), but for closing. On a
/// host that is down, to connect, bind and resolve fails with [`NetworkDown`](ErrorKind::NetworkDown). Its sockets and
/// listeners are gone: to accept, read and write fails with [`NotConnected`](ErrorKind::NotConnected), also when the
/// host is up again.
impl Net for Sim {
    type TcpStream = SimTcpStream;
    type TcpListener = SimTcpListener;

    async fn connect(&self, addr: SocketAddr) -> io::Result<SimTcpStream> {
        let named = |error: io::Error| NetError::wrap("connect", addr, error);
        let opened = try_act(self, |network, now| network.connect(now, self.host_id(), addr));
        // From here on, dropping the future closes the connection.
        let connection = SimConnection::new(self, opened.map_err(|error| named(error.into()))?);
        poll_fn(|cx| connection.poll_connected(cx)).await.map_err(named)?;
        Ok(connection.into_stream())
    }

    async fn bind(&self, addr: SocketAddr) -> io::Result<SimTcpListener> {
        match try_act(self, |network, _| network.bind(self.host_id(), addr)) {
            Ok((id, addr)) => Ok(SimTcpListener { sim: self.clone(), id, addr }),
            Err(error) => Err(NetError::wrap("bind", addr, error.into())),
        }
    }

    async fn resolve(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        let resolved = try_act(self, |network, _| {
            let is_up = network.is_up(self.host_id());
            is_up.then(|| resolve(host, |name| network.find_host(name))).ok_or(ErrorKind::NetworkDown)
        });
        let resolved = resolved.unwrap_or_else(|error| Err(error.into()));
        resolved.map_err(|error| NetError::wrap("resolve", host, error))
    }
}

/// A connection of [`Sim`].
///
/// Dropped with bytes unread it resets the connection, else it ends it in good order, as on Linux.
pub type SimTcpStream = Socket<SimConnection>;

/// The simulated socket inside a [`SimTcpStream`].
pub struct SimConnection {
    sim: Sim,
    opened: Opened,
}

impl SimConnection {
    fn new(sim: &Sim, opened: Opened) -> Self {
        Self { sim: sim.clone(), opened }
    }

    fn into_stream(self) -> SimTcpStream {
        static OPS: SocketOps<SimConnection> = SocketOps {
            local_addr: |connection| Ok(connection.opened.local),
            // As on Linux, whose `getpeername` knows nobody after a reset.
            peer_addr: |connection| {
                let is_connected = !connection.sim.has_ended()
                    && connection.sim.network().is_connected(connection.opened.id);
                is_connected.then_some(connection.opened.peer).ok_or_else(|| ErrorKind::NotConnected.into())
            },
            set_nodelay: |_, _| Ok(()),
            end_writing: |_| Ok(()),
        };
        let peer = self.opened.peer;
        Socket::new(self, peer, &OPS)
    }

    fn poll_connected(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_act(WaitsTo::Connect, |network, _| network.poll_connected(self.opened.id, cx.waker()))
    }

    fn poll_act<T>(
        &self,
        what: WaitsTo,
        action: impl FnOnce(&mut Network, Instant) -> Poll<Result<T, ErrorKind>>,
    ) -> Poll<io::Result<T>> {
        let poll = poll_act(&self.sim, action);
        if poll.is_pending() {
            probe::waiting(|| self.sim.network().describe_wait(self.opened.id, what));
        }
        poll
    }
}

impl AsyncRead for SimConnection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_read_vectored(cx, &mut [IoSliceMut::new(buf)])
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let id = self.opened.id;
        self.poll_act(WaitsTo::Read, |network, now| network.poll_read(now, id, bufs, cx.waker()))
    }
}

impl AsyncWrite for SimConnection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let id = self.opened.id;
        self.poll_act(WaitsTo::Write, |network, now| network.poll_write(now, id, bufs, cx.waker()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        act(&self.sim, |network, now| network.close(now, self.opened.id));
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimConnection {
    fn drop(&mut self) {
        act(&self.sim, |network, now| network.drop_socket(now, self.opened.id));
    }
}

impl fmt::Debug for SimConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Opened { local, peer, .. } = self.opened;
        f.debug_struct("SimConnection").field("local", &local).field("peer", &peer).finish_non_exhaustive()
    }
}

/// A listener of [`Sim`]. Up to 1,024 connections wait to be accepted; who connects then waits for room.
///
/// Dropped, it resets those that nobody has accepted.
pub struct SimTcpListener {
    sim: Sim,
    id: SocketId,
    addr: SocketAddr,
}

impl TcpListener for SimTcpListener {
    type Stream = SimTcpStream;

    fn accept(&self) -> impl Future<Output = io::Result<(SimTcpStream, SocketAddr)>> + Send {
        Accept { listener: self, ticket: None }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addr)
    }
}

impl Drop for SimTcpListener {
    fn drop(&mut self) {
        act(&self.sim, |network, now| network.unlisten(now, self.id));
    }
}

impl fmt::Debug for SimTcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimTcpListener").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// Waits for a connection; dropped, it gives its place back.
struct Accept<'a> {
    listener: &'a SimTcpListener,
    ticket: Ticket,
}

impl Future for Accept<'_> {
    type Output = io::Result<(SimTcpStream, SocketAddr)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { listener, ticket } = &mut *self;
        let SimTcpListener { sim, id, addr } = *listener;
        let poll = poll_act(sim, |network, now| network.poll_accept(now, *id, ticket, cx.waker()));
        if poll.is_pending() {
            probe::waiting(|| format!("accept on {addr}"));
        }
        let opened = ready!(poll).map_err(|error| NetError::wrap("accept", addr, error))?;
        Poll::Ready(Ok((SimConnection::new(sim, opened).into_stream(), opened.peer)))
    }
}

impl Drop for Accept<'_> {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            act(&self.listener.sim, |network, _| network.stop_waiting(self.listener.id, &mut self.ticket));
        }
    }
}
