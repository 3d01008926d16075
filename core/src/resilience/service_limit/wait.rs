//! Why a call waits.

use crate::instant::Instant;

/// Why a call may not be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// There is more then.
    Until(Instant),
    /// The service has told everybody to wait.
    Paused(Instant),
    /// It depends on what a call under way is told.
    ForAnswer,
    /// It is more than there ever is.
    Never { capacity: u64 },
}

/// Of two the one that is over later, and of two that are over together the first.
pub(super) fn later(a: Result<(), Wait>, b: Result<(), Wait>) -> Result<(), Wait> {
    const fn rank(wait: &Result<(), Wait>) -> (u8, Instant) {
        match wait {
            Ok(()) => (0, Instant::ORIGIN),
            Err(Wait::Until(at) | Wait::Paused(at)) => (1, *at),
            Err(Wait::ForAnswer) => (2, Instant::ORIGIN),
            Err(Wait::Never { .. }) => (3, Instant::ORIGIN),
        }
    }
    if rank(&b) > rank(&a) { b } else { a }
}
