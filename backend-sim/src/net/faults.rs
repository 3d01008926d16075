//! What goes wrong on the network without anybody asking.

use crate::choice::Chance;
use std::time::Duration;

/// How likely each fault is; none can happen by default. A fault that can't happen draws no random number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NetFaults {
    /// A read or a write moves fewer bytes than it could, at least one: for each.
    pub(crate) short_io: Chance,
    /// A packet takes up to so much longer: for each.
    pub(crate) jitter: (Chance, Duration),
    /// A direction of a link stands still for up to so long: for each packet sent over it.
    pub(crate) holds: (Chance, Duration),
    /// A host can't reach another for up to so long, or both can't reach each other: for each packet between them.
    pub(crate) partitions: (Chance, Duration),
    /// A connection is reset: for each packet of it that has data.
    pub(crate) resets: Chance,
    /// A connection is refused though somebody listens: for each attempt.
    pub(crate) refusals: Chance,
}
