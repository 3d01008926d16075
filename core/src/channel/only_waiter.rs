//! The waker of the only one who can wait.

use std::task::Waker;

/// Kept under a channel's mutex; what it gives is to be woken or dropped after the mutex is free.
#[derive(Debug, Default)]
pub(super) struct OnlyWaiter(Option<Waker>);

impl OnlyWaiter {
    /// Remembers who waits; hands out the waker that it replaces.
    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn set(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.0 {
            Some(kept) if kept.will_wake(waker) => None,
            _ => self.0.replace(waker.clone()),
        }
    }

    #[must_use = "to be woken or dropped after the mutex is free"]
    pub(super) const fn take(&mut self) -> Option<Waker> {
        self.0.take()
    }
}
