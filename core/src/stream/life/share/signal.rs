//! Whose turn it is to poll the source, and who waits. As [`future::shared`](crate::future::shared)'s, for a source
//! that is ready again and again.

use crate::primitives::{Mutex, lock};
use crate::sync::own_waker::OwnWaker;
use crate::sync::wait_list::{Key, Left, WaitList, Wakers};
use std::sync::Arc;
use std::task::{Wake, Waker};

/// The waker of the shared source, and the queue of its readers. It knows nothing of the source: what that has given
/// its waker to keeps neither it nor its items.
///
/// It is locked alone, by a wake, or inside of the lock of the items.
#[derive(Debug)]
pub(super) struct Signal {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    waiters: WaitList<()>,
}

/// | phase | the source | left by |
/// |---|---|---|
/// | due | is to be polled: new, woken, or not asked since an item | a reader that has read all, if there is room |
/// | polled | is in the hands of a reader | that reader |
/// | asleep | has our waker | its wake, which wakes the first in the queue |
/// | ended | is dropped | – |
///
/// While it is due, there is room, and readers wait, one of them has been notified: one that is dropped instead of
/// polled notifies the next, and one that comes from elsewhere may poll it first. An item notifies all. Where there
/// is no room, those who have read all wait, and who makes room notifies one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Due,
    // Whether it was woken meanwhile.
    Polled { woken: bool },
    Asleep,
    Ended,
}

/// What a reader has to do that has read all.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Poll the source.
    Poll,
    /// Wait: its waker is kept.
    Wait,
    /// There will be no other item.
    Ended,
}

impl Signal {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State { phase: Phase::Due, waiters: WaitList::new() }) }
    }

    /// A reader that has read all is polled.
    pub(super) fn enter(&self, place: &mut Option<Key>, has_room: bool, own: &mut OwnWaker<'_>) -> Turn {
        let mut state = lock(&self.state);
        match state.phase {
            Phase::Ended => {
                own.discard(state.remove(place));
                return Turn::Ended;
            }
            Phase::Due if has_room => {
                own.discard(state.remove(place));
                state.phase = Phase::Polled { woken: false };
                return Turn::Poll;
            }
            Phase::Due | Phase::Polled { .. } | Phase::Asleep => {}
        }
        match place {
            Some(place) if !state.waiters.is_notified(place) => state.waiters.set_waker(place, own),
            _ => {
                if let Some(waker) = own.take() {
                    // If it was notified, another reader has been faster.
                    own.discard(state.remove(place));
                    *place = Some(state.waiters.push(waker, ()));
                }
            }
        }
        Turn::Wait
    }

    /// The reader that has polled the source waits now, as the last in the queue; who is to be woken is handed out.
    #[must_use = "to be woken after the mutex is free"]
    pub(super) fn rest(&self, place: &mut Option<Key>, waker: Waker) -> Option<Waker> {
        let mut state = lock(&self.state);
        *place = Some(state.waiters.push(waker, ()));
        let woken = state.phase == Phase::Polled { woken: true };
        state.phase = if woken { Phase::Due } else { Phase::Asleep };
        if woken { state.waiters.notify_front() } else { None }
    }

    /// The source has given an item, which is there for all who wait.
    pub(super) fn item(&self, wakers: &mut Wakers) {
        let mut state = lock(&self.state);
        state.phase = Phase::Due;
        state.waiters.notify_all(wakers);
    }

    /// The source has ended.
    pub(super) fn end(&self, wakers: &mut Wakers) {
        let mut state = lock(&self.state);
        state.phase = Phase::Ended;
        state.waiters.notify_all(wakers);
    }

    /// There is room again: if the source is due, somebody is to poll it.
    #[must_use = "to be woken after the mutex is free"]
    pub(super) fn room(&self) -> Option<Waker> {
        let mut state = lock(&self.state);
        if state.phase == Phase::Due { state.waiters.notify_front() } else { None }
    }

    /// A reader has got an item, and waits no longer.
    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn leave(&self, place: &mut Option<Key>) -> Option<Waker> {
        if place.is_none() {
            return None;
        }
        lock(&self.state).remove(place)
    }

    /// A reader is gone: if it was to poll the source, the next is. The first waker is to be dropped, the second to be
    /// woken.
    #[must_use = "to be used after the mutex is free"]
    pub(super) fn give_up(&self, place: &mut Option<Key>) -> (Option<Waker>, Option<Waker>) {
        let Some(key) = place.take() else { return (None, None) };
        let mut state = lock(&self.state);
        match state.waiters.remove(key) {
            Left::Waiting(waker, ()) => (Some(waker), None),
            Left::Notified(()) if state.phase == Phase::Due => (None, state.waiters.notify_front()),
            Left::Notified(()) => (None, None),
        }
    }

    /// Whether there will be no other item.
    pub(super) fn has_ended(&self) -> bool {
        lock(&self.state).phase == Phase::Ended
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.state).waiters.waiting()
    }
}

impl State {
    fn remove(&mut self, place: &mut Option<Key>) -> Option<Waker> {
        match self.waiters.remove(place.take()?) {
            Left::Waiting(waker, ()) => Some(waker),
            Left::Notified(()) => None,
        }
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
