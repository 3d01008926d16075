//! Hosts: their names, addresses and ports.

use super::ids::SocketId;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address as a call means it: an IPv4 address in IPv6's clothes is an IPv4 address, and calling "any" calls
/// oneself.
pub(super) fn callee(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// Whether a listener bound to `bound` hears a call to `ip`. As on Linux, `[::]` hears IPv4 too.
pub(super) fn hears(bound: IpAddr, ip: IpAddr) -> bool {
    bound == ip || bound.is_unspecified() && (bound.is_ipv6() || ip.is_ipv4())
}

/// An address of a connection as the program sees it that has bound `bound`: in IPv6's clothes if that is IPv6.
pub(super) fn seen_from(bound: IpAddr, addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) if bound.is_ipv6() => SocketAddr::new(ip.to_ipv6_mapped().into(), addr.port()),
        _ => addr,
    }
}

/// The first port that is given to who asks for none in particular.
const FIRST_EPHEMERAL: u16 = 49_152;

/// What the network keeps of a host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: Cow<'static, str>,
    pub(super) is_up: bool,
    /// Sockets of its own with numbers up to this were lost with its power.
    pub(super) lost: SocketId,
    /// Whether it refuses connections, whoever listens.
    pub(super) refuses: bool,
    // Of listeners, by port. Those of one port hear different addresses.
    listeners: BTreeMap<u16, Vec<(IpAddr, SocketId)>>,
    // Ports from which connections were opened and are open.
    calling: BTreeSet<u16>,
    next_port: u16,
}

impl Host {
    pub(super) const fn new(name: Cow<'static, str>) -> Self {
        Self {
            name,
            is_up: true,
            lost: SocketId(0),
            refuses: false,
            listeners: BTreeMap::new(),
            calling: BTreeSet::new(),
            next_port: FIRST_EPHEMERAL,
        }
    }

    /// Takes a port to call from; `None` when there is none left.
    pub(super) fn take_port(&mut self) -> Option<u16> {
        let port = self.free_port()?;
        self.calling.insert(port);
        Some(port)
    }

    /// Gives back a port that was called from.
    pub(super) fn give_back_port(&mut self, port: u16) {
        self.calling.remove(&port);
    }

    /// A free port: each of them once before any comes again.
    pub(super) fn free_port(&mut self) -> Option<u16> {
        for _ in FIRST_EPHEMERAL..=u16::MAX {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(FIRST_EPHEMERAL);
            if !self.calling.contains(&port) && !self.listeners.contains_key(&port) {
                return Some(port);
            }
        }
        None
    }

    /// Enters a listener, unless somebody else hears what it would hear.
    pub(super) fn listen(&mut self, ip: IpAddr, port: u16, listener: SocketId) -> bool {
        if self.calling.contains(&port) {
            return false;
        }
        let others = self.listeners.entry(port).or_default();
        let is_free = others.iter().all(|(other, _)| !hears(ip, *other) && !hears(*other, ip));
        if is_free {
            others.push((ip, listener));
        }
        is_free
    }

    /// Strikes a listener off.
    pub(super) fn unlisten(&mut self, port: u16, listener: SocketId) {
        if let Some(listeners) = self.listeners.get_mut(&port) {
            listeners.retain(|(_, other)| *other != listener);
            if listeners.is_empty() {
                self.listeners.remove(&port);
            }
        }
    }

    /// Who hears a call to `ip` and `port`.
    pub(super) fn listener(&self, ip: IpAddr, port: u16) -> Option<SocketId> {
        let listeners = self.listeners.get(&port)?;
        listeners.iter().find(|(bound, _)| hears(*bound, ip)).map(|(_, listener)| *listener)
    }

    /// Power is lost, and with it every port.
    pub(super) fn crash(&mut self, last_socket: SocketId) {
        self.is_up = false;
        self.lost = last_socket;
        self.listeners.clear();
        self.calling.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::ids::HostId;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn addresses_count_up_and_lead_back_to_their_host() {
        for (host, address) in [(0, "10.0.0.1"), (1, "10.0.0.2"), (254, "10.0.0.255"), (255, "10.0.1.0")] {
            assert_eq!(IpAddr::from(HostId(host).ip()), ip(address));
            assert_eq!(HostId(7).at(ip(address)), Some(HostId(host)));
        }
        for own in ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "10.0.0.8"] {
            assert_eq!(HostId(7).at(ip(own)), Some(HostId(7)), "{own}");
            assert!(HostId(7).owns(ip(own)), "{own}");
        }
        assert_eq!(HostId(7).at(ip("2001:db8::1")), None);
        for foreign in ["10.0.0.1", "192.168.0.1", "2001:db8::1"] {
            assert!(!HostId(7).owns(ip(foreign)), "{foreign}");
        }
    }

    /// As measured on Linux, with `SO_REUSEADDR`.
    #[test]
    fn two_listeners_of_a_port_hear_different_addresses() {
        let addresses = ["0.0.0.0", "127.0.0.1", "127.0.0.2", "::", "::1"];
        let compatible =
            [("0.0.0.0", "::1"), ("127.0.0.1", "127.0.0.2"), ("127.0.0.1", "::1"), ("127.0.0.2", "::1")];
        for first in addresses {
            for second in addresses {
                let mut host = Host::new("host".into());
                assert!(host.listen(ip(first), 80, SocketId(1)));
                let expected = compatible.contains(&(first, second)) || compatible.contains(&(second, first));
                assert_eq!(host.listen(ip(second), 80, SocketId(2)), expected, "{first} and {second}");
                assert!(host.listen(ip(second), 81, SocketId(3)));
            }
        }
    }

    #[test]
    fn a_call_finds_who_hears_it() {
        let mut host = Host::new("host".into());
        assert!(host.listen(ip("0.0.0.0"), 80, SocketId(1)) && host.listen(ip("::1"), 80, SocketId(2)));
        assert!(host.listen(ip("127.0.0.1"), 81, SocketId(3)) && host.listen(ip("::"), 82, SocketId(4)));
        let table = [
            ("10.0.0.1", 80, Some(1)),
            ("127.0.0.1", 80, Some(1)),
            ("::1", 80, Some(2)),
            ("127.0.0.1", 81, Some(3)),
            ("127.0.0.2", 81, None),
            ("10.0.0.1", 81, None),
            ("10.0.0.1", 82, Some(4)),
            ("::1", 82, Some(4)),
            ("::1", 83, None),
        ];
        for (address, port, expected) in table {
            assert_eq!(host.listener(ip(address), port), expected.map(SocketId), "{address} {port}");
        }
        host.unlisten(80, SocketId(1));
        assert_eq!(host.listener(ip("127.0.0.1"), 80), None);
        assert_eq!(host.listener(ip("::1"), 80), Some(SocketId(2)));
        host.crash(SocketId(4));
        assert_eq!(host.listener(ip("::1"), 80), None);
    }

    #[test]
    fn ports_are_given_in_order_and_come_again_last() {
        let mut host = Host::new("host".into());
        assert_eq!((host.take_port(), host.take_port()), (Some(49_152), Some(49_153)));
        host.give_back_port(49_152);
        assert_eq!(host.take_port(), Some(49_154));
        assert!(!host.listen(ip("0.0.0.0"), 49_153, SocketId(1)), "somebody calls from there");
        assert!(host.listen(ip("0.0.0.0"), 49_155, SocketId(1)));
        assert_eq!(host.take_port(), Some(49_156));
        let taken = std::iter::from_fn(|| host.take_port()).count();
        assert_eq!(taken, 16_384 - 4, "all but three that call and one that listens");
        host.give_back_port(60_000);
        assert_eq!((host.take_port(), host.take_port()), (Some(60_000), None));
    }

    #[test]
    fn a_call_to_any_address_is_one_to_oneself() {
        for (called, meant) in [
            ("0.0.0.0", "127.0.0.1"),
            ("::", "::1"),
            ("::ffff:10.0.0.2", "10.0.0.2"),
            ("10.0.0.3", "10.0.0.3"),
        ] {
            assert_eq!(callee(ip(called)), ip(meant));
        }
        for (called, from) in [("127.0.0.3", "127.0.0.1"), ("::1", "::1"), ("10.0.0.2", "10.0.0.1")] {
            assert_eq!(HostId::MAIN.calls_from(ip(called)), ip(from));
        }
    }
}
