//! Where a window leaves the source for the next.

use crate::channel::only_waiter::OnlyWaiter;
use crate::primitives::{Mutex, lock};
use crate::sync::own_waker::poll_locked;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

/// | state | left by |
/// |---|---|
/// | lent | the window, when it is over; or whoever makes windows, when it is dropped |
/// | back | whoever makes windows, which takes it or is dropped |
/// | nobody's | – : what comes back is dropped |
pub(super) struct Slot<P>(Mutex<State<P>>);

enum State<P> {
    Lent(OnlyWaiter),
    Back(Pin<Box<P>>),
    Nobodys,
}

impl<P> Slot<P> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State::Lent(OnlyWaiter::default())))
    }

    /// Takes what has come back.
    pub(super) fn poll_back(&self, cx: &Context<'_>) -> Poll<Pin<Box<P>>> {
        poll_locked(cx, |own| {
            let mut state = lock(&self.0);
            match &mut *state {
                State::Lent(waiter) => waiter.set(own),
                State::Back(_) => {
                    let lent = State::Lent(OnlyWaiter::default());
                    if let State::Back(parts) = mem::replace(&mut *state, lent) {
                        return Poll::Ready(parts);
                    }
                }
                State::Nobodys => {}
            }
            Poll::Pending
        })
    }

    /// A window is over.
    pub(super) fn give_back(&self, parts: Pin<Box<P>>) {
        let mut state = lock(&self.0);
        if !matches!(*state, State::Lent(_)) {
            drop(state);
            return;
        }
        let State::Lent(mut waiter) = mem::replace(&mut *state, State::Back(parts)) else { return };
        drop(state);
        if let Some(waker) = waiter.take() {
            waker.wake();
        }
    }

    /// There will be no other window.
    pub(super) fn leave(&self) {
        let state = mem::replace(&mut *lock(&self.0), State::Nobodys);
        drop(state);
    }
}
