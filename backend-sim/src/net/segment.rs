//! What travels over a link.

use super::ids::{Path, Route};
use backstay_core::time::Instant;

/// A packet of a connection.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) route: Route,
    pub(super) kind: Kind,
}

/// A packet that can't go on, or has just been stopped.
#[derive(Debug)]
pub(super) struct Waiting {
    /// When it has left its host.
    pub(super) departs: Instant,
    /// When it would have arrived.
    pub(super) due: Instant,
    pub(super) segment: Segment,
}

/// What a packet says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// May I? With the window of the connection, so that both ends have the same.
    Syn { window: usize },
    /// You may.
    SynAck,
    /// So be it.
    Ack,
    /// Bytes.
    Data(Vec<u8>),
    /// There is room for so many more.
    Room(usize),
    /// No more will come.
    Fin,
    /// There is no such connection.
    Rst,
}

/// The most bytes in a packet between hosts: an Ethernet frame's, less the headers.
const BETWEEN_HOSTS: usize = 1_460;

/// The most bytes in a packet within a host.
const WITHIN_A_HOST: usize = 64 * 1024;

impl Segment {
    /// The most bytes of one on `path`.
    pub(super) fn limit(path: Path) -> usize {
        if path.is_loopback() { WITHIN_A_HOST } else { BETWEEN_HOSTS }
    }

    /// How many of the program's bytes it carries.
    pub(super) const fn len(&self) -> usize {
        match &self.kind {
            Kind::Data(bytes) => bytes.len(),
            _ => 0,
        }
    }
}
