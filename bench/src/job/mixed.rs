//! I/O beside computing.

use super::{CpuFanOut, Plan};

/// Size of [`Job::Mixed`](super::Job::Mixed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mixed {
    /// The round trips.
    pub plan: Plan,
    /// What is computed without a rest: one chunk, again and again.
    pub slice: CpuFanOut,
}
