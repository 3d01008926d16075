//! What a limit learns from.

use crate::instant::Instant;
use std::time::Duration;

/// A call that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) began: Instant,
    // When it began, itself included.
    pub(super) in_flight: usize,
    pub(super) now: Instant,
}

impl Sample {
    pub(super) fn latency(&self) -> Duration {
        self.now - self.began
    }
}
