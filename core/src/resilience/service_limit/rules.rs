//! By what it is decided.

use crate::resilience::rate::Rate;
use std::time::Duration;

/// The settings that a decision is made by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rules {
    pub(super) is_even: bool,
    /// How much may be under way before the service has said anything.
    pub(super) initial_quota: u64,
    /// How much longer a wait may be than was said, as a part of it.
    pub(super) jitter: Rate,
    /// Nothing that was said holds for longer.
    pub(super) max_pause: Duration,
    /// The window where nothing is said.
    pub(super) assumed_window: Duration,
}

impl Rules {
    /// What was said, as far as it is believed, and whether that is less.
    pub(super) fn believed(&self, said: Duration) -> (Duration, bool) {
        (said.min(self.max_pause), said > self.max_pause)
    }

    /// The same with jitter: never shorter.
    pub(super) fn stretched(&self, said: Duration, random: u64) -> (Duration, bool) {
        let (believed, is_cut) = self.believed(said);
        (believed.saturating_add(self.jitter.random_of(believed, random)), is_cut)
    }
}
