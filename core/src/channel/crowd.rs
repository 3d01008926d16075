//! Those who wait for what concerns all of them: that a channel was closed, that a value has changed.

use crate::sync::own_waker::OwnWaker;
use crate::sync::wait_list::{Key, Left, WaitList, Wakers};
use std::task::Waker;

/// Kept under a channel's mutex; wakers that it hands out are to be dropped after the mutex is free. All are woken
/// at once, so that nobody has to pass anything on.
#[derive(Debug)]
pub(crate) struct Crowd(WaitList<()>);

/// One in a crowd, if it waits. Not to be dropped before [`Crowd::leave`].
#[derive(Debug, Default)]
pub(crate) struct Member(Option<Key>);

impl Member {
    /// Whether it has to leave.
    pub(crate) const fn is_in(&self) -> bool {
        self.0.is_some()
    }
}

impl Crowd {
    pub(crate) const fn new() -> Self {
        Self(WaitList::new())
    }

    /// Waits from now on for the next [`wake`](Self::wake), with this waker.
    pub(crate) fn wait(&mut self, member: &mut Member, own: &mut OwnWaker<'_>) {
        match &member.0 {
            Some(key) if !self.0.is_notified(key) => self.0.set_waker(key, own),
            _ => {
                let Some(waker) = own.take() else { return };
                own.discard(self.leave(member));
                member.0 = Some(self.0.push(waker, ()));
            }
        }
    }

    #[must_use = "to be dropped after the mutex is free"]
    pub(crate) fn leave(&mut self, member: &mut Member) -> Option<Waker> {
        match self.0.remove(member.0.take()?) {
            Left::Waiting(waker, ()) => Some(waker),
            Left::Notified(()) => None,
        }
    }

    /// All of them are to be woken.
    pub(crate) fn wake(&mut self, wakers: &mut Wakers) {
        self.0.notify_all(wakers);
    }
}
