//! What a run remembers of the network.

use crate::choice::{STEP, mix};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Something that happened on the network, for the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetEvent {
    /// A packet has arrived, or something has become of a connection.
    Connection { what: Fate, from: SocketAddr, to: SocketAddr },
    /// A direction between two hosts has changed.
    Link { what: Change, from: Ipv4Addr, to: Ipv4Addr },
    /// A host has lost or found its power.
    Host { is_up: bool, host: Ipv4Addr },
}

/// What becomes of a packet or a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Connected,
    Refused,
    TimedOut,
    Delivered(u32),
    /// So many bytes found nobody who wants them.
    Dropped(u32),
    /// A packet can't go on.
    Waits(u32),
    Ended,
    Reset,
}

/// What becomes of a direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Cut,
    Mended,
    Held,
    Released,
    /// It fails, and mends itself.
    Fails,
    /// It hangs, and releases itself.
    Hangs,
}

impl NetEvent {
    /// A number that differs where events differ, and is the same on every machine.
    pub(crate) fn hash(&self) -> u64 {
        let v4 = |ip: Ipv4Addr| u64::from(ip.to_bits());
        let addr = |addr: SocketAddr| {
            let ip = match addr.ip() {
                IpAddr::V4(ip) => v4(ip),
                IpAddr::V6(ip) => mix(ip.to_bits() as u64 ^ (ip.to_bits() >> 64) as u64),
            };
            ip << 16 | u64::from(addr.port())
        };
        let numbers = match *self {
            Self::Connection { what, from, to } => [what.number(), addr(from), addr(to)],
            Self::Link { what, from, to } => [16 + what as u64, v4(from), v4(to)],
            Self::Host { is_up, host } => [32 + u64::from(is_up), v4(host), 0],
        };
        numbers.iter().fold(STEP, |hash, number| mix(hash ^ number).wrapping_add(STEP))
    }
}

impl Fate {
    fn number(self) -> u64 {
        let (kind, bytes) = match self {
            Self::Connected => (0, 0),
            Self::Refused => (1, 0),
            Self::TimedOut => (2, 0),
            Self::Delivered(bytes) => (3, bytes),
            Self::Dropped(bytes) => (4, bytes),
            Self::Waits(bytes) => (5, bytes),
            Self::Ended => (6, 0),
            Self::Reset => (7, 0),
        };
        u64::from(bytes) << 8 | kind
    }
}

impl fmt::Display for NetEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Connection { what, from, to } => match what {
                Fate::Connected => write!(f, "{from} is connected to {to}"),
                Fate::Refused => write!(f, "{to} refuses {from}"),
                Fate::TimedOut => write!(f, "{from} gives up on {to}"),
                Fate::Delivered(bytes) => write!(f, "deliver {bytes} B to {to} from {from}"),
                Fate::Dropped(bytes) => write!(f, "drop {bytes} B to {to} from {from}"),
                Fate::Waits(bytes) => write!(f, "hold {bytes} B to {to} from {from}"),
                Fate::Ended => write!(f, "{from} ends what it sends to {to}"),
                Fate::Reset => write!(f, "{from} resets {to}"),
            },
            Self::Link { what, from, to } => {
                let what = match what {
                    Change::Cut => "cut",
                    Change::Mended => "mended",
                    Change::Held => "held",
                    Change::Released => "released",
                    Change::Fails => "cut for a while (fault)",
                    Change::Hangs => "held for a while (fault)",
                };
                write!(f, "link {from} -> {to} is {what}")
            }
            Self::Host { is_up, host } => {
                write!(f, "host {host} {}", if is_up { "is back" } else { "loses power" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn events() -> Vec<(NetEvent, &'static str)> {
        let (a, b) = ("10.0.0.1:49152".parse().expect("an address"), "[::1]:80".parse().expect("an address"));
        let (ip, other) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let connection = |what| NetEvent::Connection { what, from: a, to: b };
        let link = |what| NetEvent::Link { what, from: ip, to: other };
        vec![
            (connection(Fate::Connected), "10.0.0.1:49152 is connected to [::1]:80"),
            (connection(Fate::Refused), "[::1]:80 refuses 10.0.0.1:49152"),
            (connection(Fate::TimedOut), "10.0.0.1:49152 gives up on [::1]:80"),
            (connection(Fate::Delivered(512)), "deliver 512 B to [::1]:80 from 10.0.0.1:49152"),
            (connection(Fate::Delivered(513)), "deliver 513 B to [::1]:80 from 10.0.0.1:49152"),
            (connection(Fate::Dropped(512)), "drop 512 B to [::1]:80 from 10.0.0.1:49152"),
            (connection(Fate::Waits(512)), "hold 512 B to [::1]:80 from 10.0.0.1:49152"),
            (connection(Fate::Ended), "10.0.0.1:49152 ends what it sends to [::1]:80"),
            (connection(Fate::Reset), "10.0.0.1:49152 resets [::1]:80"),
            (NetEvent::Connection { what: Fate::Reset, from: b, to: a }, "[::1]:80 resets 10.0.0.1:49152"),
            (link(Change::Cut), "link 10.0.0.1 -> 10.0.0.2 is cut"),
            (link(Change::Mended), "link 10.0.0.1 -> 10.0.0.2 is mended"),
            (link(Change::Held), "link 10.0.0.1 -> 10.0.0.2 is held"),
            (link(Change::Released), "link 10.0.0.1 -> 10.0.0.2 is released"),
            (link(Change::Fails), "link 10.0.0.1 -> 10.0.0.2 is cut for a while (fault)"),
            (link(Change::Hangs), "link 10.0.0.1 -> 10.0.0.2 is held for a while (fault)"),
            (NetEvent::Host { is_up: false, host: ip }, "host 10.0.0.1 loses power"),
            (NetEvent::Host { is_up: true, host: ip }, "host 10.0.0.1 is back"),
        ]
    }

    #[test]
    fn every_event_has_its_line() {
        for (event, line) in events() {
            assert_eq!(event.to_string(), line);
        }
    }

    #[test]
    fn every_event_has_its_number() {
        let events = events();
        let hashes: BTreeSet<_> = events.iter().map(|(event, _)| event.hash()).collect();
        assert_eq!(hashes.len(), events.len());
    }
}
