//! How far a run may go, and what it says of where it stood then.

use std::time::Duration;

/// How far a run may go, and what it says of where it stood then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Polls at one instant.
    pub(crate) livelock_after: u64,
    /// Polls in all.
    pub(crate) max_polls: u64,
    /// Virtual time.
    pub(crate) max_time: Duration,
    /// Whether a task that is pending while nobody can wake it ends the run.
    pub(crate) strict_wakers: bool,
    /// Whether a report says where in the code each task waits.
    pub(crate) backtraces: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            livelock_after: 100_000,
            max_polls: 10_000_000,
            max_time: Duration::from_secs(10 * 365 * 24 * 3600),
            strict_wakers: false,
            backtraces: false,
        }
    }
}
