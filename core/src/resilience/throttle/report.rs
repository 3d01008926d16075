//! What a throttle has counted.

use crate::resilience::priority::Priority;

/// What a throttle has counted of the calls of one priority within its window, at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ThrottleMetrics {
    /// Whose calls.
    pub priority: Priority,
    /// Calls that the service took: they have ended, and well enough.
    pub accepted: u64,
    /// Calls that have ended in a failure.
    pub failed: u64,
    /// Calls that were refused, and not made.
    pub refused: u64,
    /// With which probability the next call would be refused, within 0..=1.
    pub rejection_probability: f64,
}

impl ThrottleMetrics {
    /// All calls that somebody wanted to make, but for those under way: the sum of the others.
    pub const fn requests(&self) -> u64 {
        self.accepted.saturating_add(self.failed).saturating_add(self.refused)
    }
}
