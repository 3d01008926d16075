//! The queue, its places and who waits: no polling, and no waker is woken here.

use super::Overflow;
use crate::channel::crowd::{Crowd, Member};
use crate::channel::error::{Closed, SendError, TrySendError};
use crate::channel::only_waiter::OnlyWaiter;
use crate::channel::places::{Places, Refused, Turn};
use crate::limit::Limit;
use crate::primitives::{Arc, Mutex, MutexGuard, lock};
use crate::sync::own_waker::OwnWaker;
use crate::sync::wait_list::Wakers;
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::task::{Poll, Waker, ready};

/// What both sides of a channel share.
pub(super) struct Shared<T>(Mutex<State<T>>);

/// | channel | `is_closed` | `receiver_gone` | a new value | a permit's value | the end |
/// |---|---|---|---|---|---|
/// | open | no | no | queued | queued | no senders, empty |
/// | closed | yes | no | refused | queued | no places taken |
/// | abandoned | yes | yes | refused | given back | – |
///
/// A place is taken by each value in the queue, each permit, and whoever was given one that it has not seen yet.
/// Where the oldest is dropped nobody waits: permits take places beyond the capacity, and the queue alone is kept
/// within it.
pub(super) struct State<T> {
    queue: VecDeque<T>,
    places: Places,
    overflow: Overflow,
    // Values lost to the overflow policy.
    dropped: u64,
    senders: usize,
    // No new values.
    is_closed: bool,
    // No values at all.
    receiver_gone: bool,
    // Who waits for a value.
    receiver: OnlyWaiter,
    // Who waits for the channel to close.
    closing: Crowd,
}

/// What has to be done after the mutex is free.
#[derive(Debug)]
#[must_use = "somebody may have to be woken"]
pub(super) struct Pushed<T> {
    receiver: Option<Waker>,
    lost: Option<T>,
}

impl<T> Pushed<T> {
    pub(super) fn finish(self) {
        if let Some(receiver) = self.receiver {
            receiver.wake();
        }
        drop(self.lost);
    }
}

impl<T> Shared<T> {
    pub(super) fn new(capacity: Limit, overflow: Overflow) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            queue: VecDeque::new(),
            places: Places::new(capacity),
            overflow,
            dropped: 0,
            senders: 1,
            is_closed: false,
            receiver_gone: false,
            receiver: OnlyWaiter::default(),
            closing: Crowd::new(),
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.0)
    }

    /// Gives places back and wakes who can have them.
    pub(super) fn give_back(&self, places: usize) {
        let mut wakers = Wakers::new();
        self.lock().give_back(places, &mut wakers);
    }

    /// Takes a turn out of the line.
    pub(super) fn leave(&self, turn: &mut Turn) {
        if turn.is_new() {
            return;
        }
        let mut wakers = Wakers::new();
        // A name, so that it is dropped after the statement's guard.
        let _old = self.lock().leave(turn, &mut wakers);
    }

    /// What a report of a deadlock says of who waits here.
    pub(super) fn describe(&self, what: &str) -> String {
        let state = self.lock();
        let (taken, capacity) = (state.places.taken(), state.places.capacity());
        format!("mpsc {what}, {taken}/{capacity} taken, {} waiting", state.places.waiting())
    }

    pub(super) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        let (len, capacity) = (state.len(), state.capacity());
        let (senders, is_closed) = (state.senders, state.is_closed);
        // The formatter is somebody else's.
        drop(state);
        f.debug_struct(name)
            .field("len", &len)
            .field("capacity", &capacity)
            .field("senders", &senders)
            .field("is_closed", &is_closed)
            .finish_non_exhaustive()
    }
}

impl<T> State<T> {
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) const fn capacity(&self) -> usize {
        self.places.capacity()
    }

    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) const fn senders(&self) -> usize {
        self.senders
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether no value will come any more.
    pub(super) fn has_ended(&self) -> bool {
        self.queue.is_empty() && (self.senders == 0 || self.is_closed && self.places.taken() == 0)
    }

    /// How many values will come at least and at most.
    pub(super) fn size_hint(&self) -> (usize, Option<usize>) {
        let is_final = self.senders == 0 || self.is_closed;
        (self.queue.len(), is_final.then_some(self.places.taken()))
    }

    /// Sends a value as far as that needs no waiting.
    pub(super) fn try_send(&mut self, value: T) -> Result<Pushed<T>, TrySendError<T>> {
        match self.try_reserve(1) {
            Ok(()) => Ok(self.push(value)),
            Err(TrySendError::Full(())) if self.overflow == Overflow::DropNewest => {
                self.dropped += 1;
                Ok(Pushed { receiver: None, lost: Some(value) })
            }
            Err(error) => Err(error.map(|()| value)),
        }
    }

    /// Sends `value`, which stays where it is as long as this is pending.
    pub(super) fn poll_send(
        &mut self,
        turn: &mut Turn,
        value: &mut Option<T>,
        own: &mut OwnWaker<'_>,
    ) -> Poll<Result<Pushed<T>, SendError<T>>> {
        if turn.is_new()
            && let Some(unsent) = value.take()
        {
            match self.try_send(unsent) {
                Ok(pushed) => return Poll::Ready(Ok(pushed)),
                Err(TrySendError::Closed(unsent)) => return Poll::Ready(Err(SendError(unsent))),
                Err(TrySendError::Full(unsent)) => *value = Some(unsent),
            }
        }
        let taken = ready!(self.poll_line(turn, 1, own));
        let unsent = value.take().expect("it is there until this is ready");
        Poll::Ready(match taken {
            Ok(()) => Ok(self.push(unsent)),
            Err(Closed) => Err(SendError(unsent)),
        })
    }

    /// Takes places for permits, if that needs no waiting.
    pub(super) fn try_reserve(&mut self, places: usize) -> Result<(), TrySendError<()>> {
        if self.is_closed {
            return Err(TrySendError::Closed(()));
        }
        let has_them = match self.overflow {
            Overflow::Wait | Overflow::DropNewest => self.places.try_take(places),
            Overflow::DropOldest => self.places.take_anyway(places),
        };
        if has_them { Ok(()) } else { Err(TrySendError::Full(())) }
    }

    /// Takes places for permits.
    pub(super) fn poll_reserve(
        &mut self,
        turn: &mut Turn,
        places: usize,
        own: &mut OwnWaker<'_>,
    ) -> Poll<Result<(), Closed>> {
        if turn.is_new() {
            match self.try_reserve(places) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(TrySendError::Closed(())) => return Poll::Ready(Err(Closed)),
                Err(TrySendError::Full(())) => {}
            }
        }
        self.poll_line(turn, places, own)
    }

    fn poll_line(
        &mut self,
        turn: &mut Turn,
        places: usize,
        own: &mut OwnWaker<'_>,
    ) -> Poll<Result<(), Closed>> {
        let taken = ready!(self.places.poll_take(turn, places, own));
        Poll::Ready(match taken {
            Ok(()) if self.receiver_gone => {
                // Nobody waits any more for what is given back here.
                self.places.give_back(places);
                Err(Closed)
            }
            Ok(()) => Ok(()),
            Err(Refused) => Err(Closed),
        })
    }

    /// Sends a permit's value.
    pub(super) fn send_permitted(&mut self, value: T) -> Result<Pushed<T>, SendError<T>> {
        if self.receiver_gone {
            self.places.give_back(1);
            return Err(SendError(value));
        }
        Ok(self.push(value))
    }

    /// Queues a value whose place is taken.
    fn push(&mut self, value: T) -> Pushed<T> {
        let mut lost = None;
        if self.overflow == Overflow::DropOldest && self.queue.len() >= self.capacity() {
            lost = self.queue.pop_front();
            self.places.give_back(1);
            self.dropped += 1;
        }
        self.queue.push_back(value);
        Pushed { receiver: self.receiver.take(), lost }
    }

    /// Places that were taken and have no value are free again.
    pub(super) fn give_back(&mut self, places: usize, wakers: &mut Wakers) {
        self.places.give_back(places);
        self.places.advance(wakers);
        self.wake_at_end(wakers);
    }

    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn leave(&mut self, turn: &mut Turn, wakers: &mut Wakers) -> Option<Waker> {
        let old = self.places.leave(turn, wakers);
        self.wake_at_end(wakers);
        old
    }

    pub(super) fn wake_at_end(&mut self, wakers: &mut Wakers) {
        if self.has_ended()
            && let Some(receiver) = self.receiver.take()
        {
            wakers.push(receiver);
        }
    }

    /// The next value, and who can have its place.
    pub(super) fn pop(&mut self) -> Option<(T, Option<Waker>)> {
        let value = self.queue.pop_front()?;
        self.places.give_back(1);
        Some((value, self.places.next()))
    }

    /// Appends the next values to `values`, so many at most; tells how many.
    pub(super) fn pop_many(&mut self, values: &mut Vec<T>, limit: usize, wakers: &mut Wakers) -> usize {
        let count = limit.min(self.queue.len());
        values.extend(self.queue.drain(..count));
        self.places.give_back(count);
        self.places.advance(wakers);
        count
    }

    /// Remembers who waits for a value.
    pub(super) fn set_receiver(&mut self, own: &mut OwnWaker<'_>) {
        self.receiver.set(own);
    }

    pub(super) const fn add_sender(&mut self) {
        self.senders += 1;
    }

    /// One sender more, if there is one.
    pub(super) const fn add_sender_to_others(&mut self) -> bool {
        let is_open = self.senders > 0;
        self.senders += is_open as usize;
        is_open
    }

    /// One sender fewer; who waits for a value is told when it was the last.
    pub(super) fn remove_sender(&mut self) -> Option<Waker> {
        self.senders -= 1;
        if self.senders == 0 { self.receiver.take() } else { None }
    }

    /// No new values.
    pub(super) fn close(&mut self, wakers: &mut Wakers) {
        self.is_closed = true;
        self.places.refuse(wakers);
        self.closing.wake(wakers);
    }

    /// The receiver goes: gives what it leaves behind, to be dropped after the mutex is free.
    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn abandon(&mut self, wakers: &mut Wakers) -> (VecDeque<T>, Option<Waker>) {
        self.close(wakers);
        self.receiver_gone = true;
        let left = mem::take(&mut self.queue);
        self.places.give_back(left.len());
        (left, self.receiver.take())
    }

    /// Waits for the channel to close.
    pub(super) fn poll_closed(&mut self, member: &mut Member, own: &mut OwnWaker<'_>) -> Poll<()> {
        if self.is_closed {
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
}
