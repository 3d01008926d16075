//! Wakers on their way out of the network.

use std::task::Waker;

/// Wakers to be woken or dropped once the network is unlocked: a waker may own a task, and that a socket, whose
/// destructor locks the network again.
#[derive(Debug, Default)]
#[must_use = "somebody waits to be woken"]
pub(crate) struct Wakes {
    woken: Vec<Waker>,
    replaced: Vec<Waker>,
}

impl Wakes {
    pub(super) const fn new() -> Self {
        Self { woken: Vec::new(), replaced: Vec::new() }
    }

    /// Wakes who waits, if anybody does.
    pub(super) fn wake(&mut self, waker: impl IntoIterator<Item = Waker>) {
        self.woken.extend(waker);
    }

    /// Drops a waker that nobody will wake.
    pub(super) fn forget(&mut self, waker: impl IntoIterator<Item = Waker>) {
        self.replaced.extend(waker);
    }

    /// Puts `waker` into `place`.
    pub(super) fn register(&mut self, place: &mut Option<Waker>, waker: &Waker) {
        if !place.as_ref().is_some_and(|old| old.will_wake(waker)) {
            self.forget(place.replace(waker.clone()));
        }
    }

    /// Moves those to be woken into `wakers`.
    pub(super) fn give(&mut self, wakers: &mut Vec<Waker>) {
        wakers.append(&mut self.woken);
    }

    /// Wakes and drops; to be called where nothing is locked.
    pub(crate) fn fire(self) {
        for waker in self.woken {
            waker.wake();
        }
    }
}
