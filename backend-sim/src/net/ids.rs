//! Who and where: hosts, sockets, ways between them, and places in time.

use backstay_core::time::Instant;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A host, numbered in the order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HostId(pub(super) u32);

/// The address of host 0.
const FIRST: u32 = u32::from_be_bytes([10, 0, 0, 1]);

impl HostId {
    /// The host that exists from the start.
    pub(crate) const MAIN: Self = Self(0);

    pub(crate) const fn index(self) -> u32 {
        self.0
    }

    /// Its address: 10.0.0.1 for host 0, 10.0.0.2 for host 1, and so on.
    pub(super) const fn ip(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(FIRST.wrapping_add(self.0))
    }

    /// The host that has `ip`, seen from this one; it need not exist. IPv6 is spoken with oneself only.
    pub(super) fn at(self, ip: IpAddr) -> Option<Self> {
        match ip {
            _ if ip.is_loopback() || ip.is_unspecified() => Some(self),
            IpAddr::V4(ip) => Some(Self(ip.to_bits().wrapping_sub(FIRST))),
            IpAddr::V6(_) => None,
        }
    }

    /// Whether a socket of this host may be bound to `ip`.
    pub(super) fn owns(self, ip: IpAddr) -> bool {
        ip.is_loopback() || ip.is_unspecified() || ip == self.ip()
    }

    /// The address from which this host calls `ip`.
    pub(super) fn calls_from(self, ip: IpAddr) -> IpAddr {
        match ip {
            IpAddr::V4(ip) if ip.is_loopback() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            IpAddr::V4(_) => self.ip().into(),
        }
    }
}

/// A socket, numbered in the order of creation; a listener is one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SocketId(pub(crate) u64);

/// From which host to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path {
    pub(super) from: HostId,
    pub(super) to: HostId,
}

impl Path {
    pub(super) const fn new(from: HostId, to: HostId) -> Self {
        Self { from, to }
    }

    pub(super) const fn back(self) -> Self {
        Self { from: self.to, to: self.from }
    }

    pub(super) fn is_loopback(self) -> bool {
        self.from == self.to
    }
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) host: HostId,
    pub(super) addr: SocketAddr,
    /// Its socket, as far as the sender knows it: none before the other end has answered.
    pub(super) socket: Option<SocketId>,
}

/// From which end of a connection to which.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) from: End,
    pub(super) to: End,
}

impl Route {
    pub(super) const fn path(&self) -> Path {
        Path::new(self.from.host, self.to.host)
    }

    pub(super) const fn back(self) -> Self {
        Self { from: self.to, to: self.from }
    }
}

/// When something will happen, and its place among what happens at the same time: by `tie`, then first come, first
/// served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    at: Instant,
    tie: u64,
    number: u64,
}

impl Key {
    pub(super) const fn new(at: Instant, tie: u64, number: u64) -> Self {
        Self { at, tie, number }
    }

    pub(super) const fn at(self) -> Instant {
        self.at
    }
}
