//! Whose turn it is to poll the future, and who waits.

use crate::primitives::{Mutex, lock};
use crate::sync::wait_list::{Key, Left, WaitList, Wakers};
use std::sync::Arc;
use std::task::{Wake, Waker};

/// The waker of the shared future, and the queue of those who await it.
#[derive(Debug)]
pub(super) struct Signal {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    waiters: WaitList<()>,
}

/// | phase | the future | left by |
/// |---|---|---|
/// | due | is to be polled: it never was, or has been woken since | the first clone that is polled |
/// | polled | is in the hands of a clone | that clone |
/// | asleep | has our waker | its wake, which wakes the first in the queue |
/// | ended | is dropped, its outcome set | – |
///
/// While it is due and clones wait, one of them has been notified: one that is dropped instead of polled notifies the
/// next, and one that comes from elsewhere may poll it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Due,
    // Whether it was woken meanwhile.
    Polled { woken: bool },
    Asleep,
    Ended,
}

/// What a clone that is polled has to do.
#[derive(Debug)]
pub(super) enum Turn {
    /// Poll the future, and then [rest](Signal::rest) with this or [end](Signal::end).
    Poll(Waker),
    /// Wait: its waker is kept.
    Wait,
    /// Take the outcome.
    Ended,
}

impl Signal {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State { phase: Phase::Due, waiters: WaitList::new() }) }
    }

    /// A clone is polled, with this waker.
    pub(super) fn enter(&self, place: &mut Option<Key>, waker: Waker) -> Turn {
        // Wakers are dropped after the mutex is free.
        let (_left, _before);
        let mut state = lock(&self.state);
        match state.phase {
            Phase::Ended => return Turn::Ended,
            Phase::Due => {
                _left = place.take().map(|place| state.waiters.remove(place));
                state.phase = Phase::Polled { woken: false };
                return Turn::Poll(waker);
            }
            Phase::Polled { .. } | Phase::Asleep => {}
        }
        match place {
            Some(place) if !state.waiters.is_notified(place) => {
                _before = state.waiters.replace_waker(place, waker);
            }
            _ => {
                // If it was notified, another clone has been faster.
                _left = place.take().map(|place| state.waiters.remove(place));
                *place = Some(state.waiters.push(waker, ()));
            }
        }
        Turn::Wait
    }

    /// The clone that has polled the future waits now, as the last in the queue.
    pub(super) fn rest(&self, place: &mut Option<Key>, waker: Waker) {
        let mut state = lock(&self.state);
        *place = Some(state.waiters.push(waker, ()));
        let woken = state.phase == Phase::Polled { woken: true };
        state.phase = if woken { Phase::Due } else { Phase::Asleep };
        let next = if woken { state.waiters.notify_front() } else { None };
        drop(state);
        if let Some(next) = next {
            next.wake();
        }
    }

    /// The future has ended, and its outcome is set.
    pub(super) fn end(&self) {
        let mut wakers = Wakers::new();
        let mut state = lock(&self.state);
        state.phase = Phase::Ended;
        state.waiters.notify_all(&mut wakers);
    }

    /// A clone waits no longer: if it was to poll the future, the next is.
    pub(super) fn leave(&self, place: Key) {
        // Its waker is dropped after the mutex is free, and after the next one is woken.
        let left;
        let mut state = lock(&self.state);
        left = state.waiters.remove(place);
        let is_missed = matches!(left, Left::Notified(())) && state.phase == Phase::Due;
        let next = if is_missed { state.waiters.notify_front() } else { None };
        drop(state);
        if let Some(next) = next {
            next.wake();
        }
    }

    /// For whoever reads why a program stands still.
    pub(super) fn describe(&self) -> String {
        format!("shared future, {} waiting", lock(&self.state).waiters.waiting())
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        let first = match state.phase {
            Phase::Asleep => {
                state.phase = Phase::Due;
                state.waiters.notify_front()
            }
            Phase::Polled { .. } => {
                state.phase = Phase::Polled { woken: true };
                None
            }
            Phase::Due | Phase::Ended => None,
        };
        drop(state);
        if let Some(first) = first {
            first.wake();
        }
    }
}
