//! Delays one after the other.

use super::Backoff;
use crate::resilience::split_mix::split_mix;
use std::time::Duration;

/// All the delays of a [`Backoff`], in order: what [`Backoff::delays`] gives. It has no end.
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing unless they are iterated over"]
pub struct Delays<'b> {
    backoff: &'b Backoff,
    attempt: u32,
    previous: Duration,
    seed: u64,
}

impl<'b> Delays<'b> {
    pub(super) const fn new(backoff: &'b Backoff, seed: u64) -> Self {
        Self { backoff, attempt: 0, previous: Duration::ZERO, seed }
    }
}

impl Iterator for Delays<'_> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.attempt = self.attempt.saturating_add(1);
        self.previous = self.backoff.next_delay(self.attempt, self.previous, split_mix(&mut self.seed));
        Some(self.previous)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}
