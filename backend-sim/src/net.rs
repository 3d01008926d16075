//! The simulated network: hosts, links, TCP.
//!
//! [`Sim`](crate::Sim) is a [`Net`](backstay_core::Net) like any other runtime. What is different: each handle
//! belongs to a host, hosts have names that [`resolve`](backstay_core::Net::resolve) knows and addresses (10.0.0.1
//! for `main`, then 10.0.0.2 and so on in the order of creation), and a test has the links between them in its
//! hand: [`NetControl`].
//!
//! What a program sees is what Linux shows it: which errors come when, and in which order; what is left to be read
//! after a reset; which two addresses can share a port; that a listener on `[::]` sees `10.0.0.2` as
//! `::ffff:10.0.0.2`. The rest is simpler than in the real world:
//!
//! * Nothing that was sent is lost, unless an end crashes: TCP would send it again, and here it comes late at once.
//!   So an established connection never times out, and a partition is a delay without limit.
//! * Packets that go one way on one connection arrive in order. Those of different connections that are due at the
//!   same time arrive in an order that the seed decides. Of a packet and a timer that are due at the same time the
//!   packet has arrived when the timer's task runs: a `timeout` of just the round trip never strikes. Where both
//!   outcomes are to be tested, give the link a [uniform latency](Latency::uniform), as it has by default between
//!   hosts, or the run [jitter](crate::Faults::jitter).
//! * Acknowledgements, congestion control and retransmission timers are not modelled. A latency stands for all of
//!   them.
//! * A connect waits [127 seconds](NetControl::CONNECT_TIMEOUT) for its answer; until then the call gets through as
//!   soon as it can, even to a host that crashes and comes back meanwhile, or is created only then. A listener
//!   forgets a call that it has answered as soon as its caller gives up.
//! * Connections are opened from the 16,384 ports from 49152 on, each for one connection at a time, whomever it
//!   calls: so many may a host have opened and not dropped. Linux has 28,232 ports by default, each once for every
//!   destination. A port is free again at once: there is no `TIME_WAIT`.
//! * IPv6 is spoken within a host only, and who calls `::ffff:10.0.0.2` is told that it has called `10.0.0.2`. There
//!   is no UDP, no `SO_LINGER`, no keep-alive, and names resolve at once.

mod agenda;
mod calls;
mod control;
mod describe;
mod event;
mod faults;
mod host;
mod ids;
mod latency;
mod link;
mod listener;
mod network;
mod resolve;
mod segment;
mod shell;
mod socket;
mod wakes;
mod weather;
mod wire;

#[cfg(test)]
mod tests;

pub use control::{NetControl, UnknownHost};
pub use latency::Latency;
pub use link::Link;
pub use shell::{SimConnection, SimTcpListener, SimTcpStream};

pub(crate) use control::find;
pub(crate) use event::NetEvent;
pub(crate) use faults::NetFaults;
pub(crate) use ids::HostId;
pub(crate) use network::Network;
