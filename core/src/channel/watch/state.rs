//! The present value, its version and who waits: no waker is woken here, and no value is looked at.

use crate::channel::crowd::{Crowd, Member};
use crate::channel::error::{Closed, SendError};
use crate::primitives::{Arc, Mutex, MutexGuard, lock};
use crate::sync::own_waker::OwnWaker;
use crate::sync::wait_list::Wakers;
use std::mem;
use std::task::{Poll, Waker};

/// What both sides of a channel share.
pub(super) struct Shared<T>(Mutex<State<T>>);

/// A value that nobody changes any more: readers keep it as long as they like. The standard library's, also under
/// loom: it is only handed over under the mutex.
pub(super) type Snapshot<T> = std::sync::Arc<T>;

pub(super) struct State<T> {
    value: Snapshot<T>,
    // One more with each value.
    version: u64,
    senders: usize,
    receivers: usize,
    // Receivers that wait for another version.
    changing: Crowd,
    // Senders that wait for the last receiver to go.
    closing: Crowd,
}

impl<T> Shared<T> {
    pub(super) fn new(initial: T) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            value: Snapshot::new(initial),
            version: 0,
            senders: 1,
            receivers: 1,
            changing: Crowd::new(),
            closing: Crowd::new(),
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.0)
    }

    /// What a report of a deadlock says of who waits here.
    pub(super) fn describe(&self, what: &str) -> String {
        let state = self.lock();
        format!("watch {what}, {} senders, {} receivers", state.senders, state.receivers)
    }
}

impl<T> State<T> {
    pub(super) fn snapshot(&self) -> (Snapshot<T>, u64) {
        (Snapshot::clone(&self.value), self.version)
    }

    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    pub(super) const fn senders(&self) -> usize {
        self.senders
    }

    pub(super) const fn receivers(&self) -> usize {
        self.receivers
    }

    /// Another value, if anybody would see it. What was there before must be dropped after the mutex is free; so it is
    /// with all that follow.
    pub(super) fn send(
        &mut self,
        value: Snapshot<T>,
        wakers: &mut Wakers,
    ) -> Result<Snapshot<T>, SendError<Snapshot<T>>> {
        if self.receivers == 0 {
            return Err(SendError(value));
        }
        Ok(self.replace(value, wakers))
    }

    /// Another value.
    pub(super) fn replace(&mut self, value: Snapshot<T>, wakers: &mut Wakers) -> Snapshot<T> {
        self.version += 1;
        self.changing.wake(wakers);
        mem::replace(&mut self.value, value)
    }

    /// Another value, if `version` is still the present one; else gives it back.
    pub(super) fn replace_version(
        &mut self,
        version: u64,
        value: Snapshot<T>,
        wakers: &mut Wakers,
    ) -> Result<Snapshot<T>, Snapshot<T>> {
        if self.version == version { Ok(self.replace(value, wakers)) } else { Err(value) }
    }

    /// Waits for another version than `seen`, and gives it; it comes before the end.
    pub(super) fn poll_changed(
        &mut self,
        seen: Option<u64>,
        member: &mut Member,
        own: &mut OwnWaker<'_>,
    ) -> Poll<Result<u64, Closed>> {
        let has_changed = seen != Some(self.version);
        if has_changed || self.senders == 0 {
            own.discard(self.changing.leave(member));
            return Poll::Ready(if has_changed { Ok(self.version) } else { Err(Closed) });
        }
        self.changing.wait(member, own);
        Poll::Pending
    }

    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn leave_changing(&mut self, member: &mut Member) -> Option<Waker> {
        self.changing.leave(member)
    }

    /// Waits for the last receiver to go.
    pub(super) fn poll_closed(&mut self, member: &mut Member, own: &mut OwnWaker<'_>) -> Poll<()> {
        if self.receivers == 0 {
            own.discard(self.closing.leave(member));
            return Poll::Ready(());
        }
        self.closing.wait(member, own);
        Poll::Pending
    }

    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn leave_closing(&mut self, member: &mut Member) -> Option<Waker> {
        self.closing.leave(member)
    }

    pub(super) const fn add_sender(&mut self) {
        self.senders += 1;
    }

    pub(super) fn remove_sender(&mut self, wakers: &mut Wakers) {
        self.senders -= 1;
        if self.senders == 0 {
            self.changing.wake(wakers);
        }
    }

    pub(super) const fn add_receiver(&mut self) {
        self.receivers += 1;
    }

    pub(super) fn remove_receiver(&mut self, wakers: &mut Wakers) {
        self.receivers -= 1;
        if self.receivers == 0 {
            self.closing.wake(wakers);
        }
    }
}
