//! The waker of the only one who can wait.

use crate::sync::own_waker::OwnWaker;
use std::task::Waker;

/// Kept under a mutex; what it gives is to be woken or dropped after the mutex is free.
#[derive(Debug, Default)]
pub(crate) struct OnlyWaiter(Option<Waker>);

impl OnlyWaiter {
    /// Remembers who waits.
    pub(crate) fn set(&mut self, own: &mut OwnWaker<'_>) {
        match &mut self.0 {
            Some(kept) => own.replace(kept),
            none => *none = own.take(),
        }
    }

    #[must_use = "to be woken or dropped after the mutex is free"]
    pub(crate) const fn take(&mut self) -> Option<Waker> {
        self.0.take()
    }
}
