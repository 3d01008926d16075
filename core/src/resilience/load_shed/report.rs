//! What a load shedder has counted.

use crate::resilience::priority::Priority;
use std::time::Duration;

/// What a load shedder has counted since it was made, and what it is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadShedMetrics {
    /// Whether requests that have waited too long are shed.
    pub is_overloaded: bool,
    /// The shortest wait of the current interval, or of the last there was.
    pub shortest_wait: Duration,
    pub(super) admitted: [u64; Priority::ALL.len()],
    pub(super) refused: [u64; Priority::ALL.len()],
}

impl LoadShedMetrics {
    /// How many requests of that priority were let in.
    pub const fn admitted(&self, priority: Priority) -> u64 {
        self.admitted[priority.level()]
    }

    /// How many requests of that priority were shed.
    pub const fn refused(&self, priority: Priority) -> u64 {
        self.refused[priority.level()]
    }
}
