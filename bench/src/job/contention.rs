//! Tasks that want the same thing at the same time.

use crate::failure::{Failure, check};
use std::sync::atomic::{AtomicU64, Ordering};

/// Size of [`Job::MutexContention`](super::Job::MutexContention) and
/// [`Job::SemaphoreContention`](super::Job::SemaphoreContention).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contention {
    /// Tasks.
    pub tasks: u64,
    /// How often each has its turn, one after the other.
    pub turns: u64,
    /// How many of them can at once; one for a mutex.
    pub permits: u32,
}

impl Contention {
    /// The turns of all tasks.
    pub const fn total(&self) -> u64 {
        self.tasks * self.turns
    }

    /// Whether a task yields in this one of its turns, while it holds what the others want: every tenth time.
    pub const fn yields(turn: u64) -> bool {
        turn.is_multiple_of(10)
    }
}

/// Those who hold a permit now.
#[derive(Debug, Default)]
pub(crate) struct Holders(AtomicU64);

impl Holders {
    /// One more.
    ///
    /// # Errors
    ///
    /// When they are more than there are permits.
    pub(crate) fn enter(&self, size: Contention) -> Result<(), Failure> {
        let now = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        check("holders without a permit", 0, now.saturating_sub(size.permits.into()))
    }

    /// One less.
    pub(crate) fn leave(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_shows() {
        let size = Contention { tasks: 5, turns: 1, permits: 2 };
        let holders = Holders::default();
        assert!(holders.enter(size).is_ok() && holders.enter(size).is_ok());
        holders.leave();
        assert!(holders.enter(size).is_ok());
        let failure = holders.enter(size).unwrap_err().to_string();
        assert_eq!(failure, "holders without a permit: expected 0, found 1");
    }

    #[test]
    fn a_tenth_of_the_turns_yields() {
        assert_eq!((0..100).filter(|&turn| Contention::yields(turn)).count(), 10);
        assert!(Contention::yields(0));
    }
}
