//! The last values, who has still to read them, and who waits: no waker is woken here, and no value is cloned or
//! dropped.

use super::error::{RecvError, TryRecvError};
use crate::channel::crowd::{Crowd, Member};
use crate::channel::error::{SendError, TrySendError};
use crate::channel::places::{Places, Turn};
use crate::limit::Limit;
use crate::primitives::{Arc, Mutex, MutexGuard, lock};
use crate::sync::own_waker::OwnWaker;
use crate::sync::wait_list::Wakers;
use std::collections::VecDeque;
use std::mem;
use std::task::{Poll, Waker, ready};

/// What all sides of a channel share.
pub(super) struct Shared<T>(Mutex<State<T>>);

/// A value that several receivers read, each where no lock is held. The standard library's, also under loom: it is only
/// handed over under the mutex.
pub(super) type Value<T> = std::sync::Arc<T>;

/// What becomes of a receiver that has not kept up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// It is told, and goes on with the oldest value that is kept.
    Skips,
    /// It is told, and that is its end.
    Ends,
    /// There is none: senders wait.
    KeepsSendersWaiting,
}

/// Values are numbered, and `first` is the number of the oldest in the ring. A receiver is a number: that of the value
/// which it reads next.
///
/// | its number | means |
/// |---|---|
/// | below `first` | it has missed what is between the two |
/// | in the ring | it is one of the `readers` of this value and of all that follow |
/// | behind the last | it waits |
///
/// So no value has more readers than the next one, and one that has none any more is the first, and leaves.
pub(super) struct State<T> {
    ring: VecDeque<Slot<T>>,
    first: u64,
    behind: Behind,
    // One for each value in the ring and for each sender that was given one; where nobody waits, only its capacity is
    // of interest.
    places: Places,
    senders: usize,
    receivers: usize,
    waiting: Crowd,
}

struct Slot<T> {
    value: Value<T>,
    // Never none.
    readers: usize,
}

/// One that reads.
#[derive(Debug)]
pub(super) struct Reader {
    next: u64,
    member: Member,
    // It was too slow where that is the end.
    has_ended: bool,
}

impl Reader {
    pub(super) const fn waits(&self) -> bool {
        self.member.is_in()
    }
}

/// What a receiver gets, and who is to be woken after the mutex is free.
#[derive(Debug)]
#[must_use = "somebody may have to be woken"]
pub(super) struct Received<T> {
    value: Value<T>,
    sender: Option<Waker>,
}

impl<T: Clone> Received<T> {
    /// Wakes, and gives the value itself to who reads it last.
    pub(super) fn finish(self) -> T {
        if let Some(sender) = self.sender {
            sender.wake();
        }
        Value::unwrap_or_clone(self.value)
    }
}

/// What a receiver leaves behind.
#[derive(Debug)]
#[must_use = "to be dropped after the mutex is free"]
pub(super) struct Left<T> {
    _values: Vec<Value<T>>,
    _waker: Option<Waker>,
}

impl<T> Shared<T> {
    /// With one sender and one receiver.
    pub(super) fn new(capacity: Limit, behind: Behind) -> (Arc<Self>, Reader) {
        let mut state = State {
            ring: VecDeque::new(),
            first: 0,
            behind,
            places: Places::new(capacity),
            senders: 1,
            receivers: 0,
            waiting: Crowd::new(),
        };
        let reader = state.subscribe();
        (Arc::new(Self(Mutex::new(state))), reader)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.0)
    }

    /// Takes a turn out of the line of senders.
    pub(super) fn leave(&self, turn: &mut Turn) {
        if turn.is_new() {
            return;
        }
        let mut wakers = Wakers::new();
        // A name, so that it is dropped after the statement's guard.
        let _old = self.lock().places.leave(turn, &mut wakers);
    }

    /// What a report of a deadlock says of who waits here.
    pub(super) fn describe(&self, what: &str) -> String {
        let state = self.lock();
        let (kept, capacity) = (state.ring.len(), state.capacity());
        format!("broadcast {what}, {kept}/{capacity} kept, {} receivers", state.receivers)
    }
}

impl<T> State<T> {
    pub(super) const fn capacity(&self) -> usize {
        self.places.capacity()
    }

    pub(super) const fn receivers(&self) -> usize {
        self.receivers
    }

    /// The number of the next value that is sent.
    fn end(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    /// How many values are there for it to read.
    pub(super) fn len(&self, reader: &Reader) -> usize {
        if reader.has_ended { 0 } else { (self.end() - reader.next.max(self.first)) as usize }
    }

    /// Whether no value will come after those that are there.
    pub(super) const fn is_closed_to(&self, reader: &Reader) -> bool {
        reader.has_ended || self.senders == 0
    }

    /// How many items it will be given at least and at most.
    pub(super) fn size_hint(&self, reader: &Reader) -> (usize, Option<usize>) {
        if reader.has_ended {
            return (0, Some(0));
        }
        let is_behind = reader.next < self.first;
        let there = match self.behind {
            // Being told is its last item.
            Behind::Ends if is_behind => return (1, Some(1)),
            _ => self.len(reader).saturating_add(is_behind.into()),
        };
        // What is there may be missed by then: at least it is told so.
        let least = if self.behind == Behind::KeepsSendersWaiting { there } else { there.min(1) };
        (least, (self.senders == 0).then_some(there))
    }

    /// Sends without waiting; what had to go for it is given, to be dropped after the mutex is free.
    pub(super) fn send(
        &mut self,
        value: Value<T>,
        wakers: &mut Wakers,
    ) -> Result<Option<Value<T>>, SendError<Value<T>>> {
        if self.receivers == 0 {
            return Err(SendError(value));
        }
        let mut oldest = None;
        if self.ring.len() >= self.capacity() {
            oldest = self.ring.pop_front().map(|slot| slot.value);
            self.first += 1;
        }
        self.push(value, wakers);
        Ok(oldest)
    }

    /// Sends if there is a place.
    pub(super) fn try_send(
        &mut self,
        value: Value<T>,
        wakers: &mut Wakers,
    ) -> Result<(), TrySendError<Value<T>>> {
        if self.receivers == 0 {
            return Err(TrySendError::Closed(value));
        }
        if !self.places.try_take(1) {
            return Err(TrySendError::Full(value));
        }
        self.push(value, wakers);
        Ok(())
    }

    /// Waits for a place and sends `value`, which stays where it is as long as this is pending.
    pub(super) fn poll_send(
        &mut self,
        turn: &mut Turn,
        value: &mut Option<Value<T>>,
        own: &mut OwnWaker<'_>,
        wakers: &mut Wakers,
    ) -> Poll<Result<(), SendError<Value<T>>>> {
        let has_place = match turn.is_new() && self.receivers == 0 {
            true => false,
            false => ready!(self.places.poll_take(turn, 1, own)).is_ok(),
        };
        let value = value.take().expect("it is there until this is ready");
        if has_place && self.receivers > 0 {
            self.push(value, wakers);
            return Poll::Ready(Ok(()));
        }
        if has_place {
            // The last receiver went before this turn came.
            self.places.give_back(1);
            self.places.advance(wakers);
        }
        Poll::Ready(Err(SendError(value)))
    }

    fn push(&mut self, value: Value<T>, wakers: &mut Wakers) {
        self.ring.push_back(Slot { value, readers: self.receivers });
        self.waiting.wake(wakers);
    }

    /// What comes next for a receiver, and who can send now that it was read.
    pub(super) fn try_recv(&mut self, reader: &mut Reader) -> Result<Received<T>, TryRecvError> {
        if reader.has_ended {
            return Err(TryRecvError::Closed);
        }
        if let missed @ 1.. = self.first.saturating_sub(reader.next) {
            reader.next = self.first;
            return Err(TryRecvError::Lagged(missed));
        }
        let index = (reader.next - self.first) as usize;
        let Some(slot) = self.ring.get_mut(index) else {
            return Err(if self.senders == 0 { TryRecvError::Closed } else { TryRecvError::Empty });
        };
        reader.next += 1;
        slot.readers -= 1;
        if slot.readers > 0 {
            return Ok(Received { value: Value::clone(&slot.value), sender: None });
        }
        let Some(slot) = self.ring.pop_front() else { unreachable!("it was in there, and the first") };
        self.first += 1;
        let mut sender = None;
        if self.behind == Behind::KeepsSendersWaiting {
            self.places.give_back(1);
            sender = self.places.next();
        }
        Ok(Received { value: slot.value, sender })
    }

    /// Waits for what comes next.
    pub(super) fn poll_recv(
        &mut self,
        reader: &mut Reader,
        own: &mut OwnWaker<'_>,
    ) -> Poll<Result<Received<T>, RecvError>> {
        let received = match self.try_recv(reader) {
            Err(TryRecvError::Empty) => {
                self.waiting.wait(&mut reader.member, own);
                return Poll::Pending;
            }
            Ok(received) => Ok(received),
            Err(TryRecvError::Lagged(missed)) => Err(RecvError::Lagged(missed)),
            Err(TryRecvError::Closed) => Err(RecvError::Closed),
        };
        own.discard(self.waiting.leave(&mut reader.member));
        Poll::Ready(received)
    }

    /// Whether a receiver that was told that it has lagged has to be [unsubscribed](Self::unsubscribe).
    pub(super) fn lag_is_the_end(&self) -> bool {
        self.behind == Behind::Ends
    }

    /// It no longer waits.
    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn leave(&mut self, reader: &mut Reader) -> Option<Waker> {
        self.waiting.leave(&mut reader.member)
    }

    /// One more that reads what is sent from now on.
    pub(super) fn subscribe(&mut self) -> Reader {
        self.receivers += 1;
        Reader { next: self.end(), member: Member::default(), has_ended: false }
    }

    /// One fewer that reads: it is counted among nobody's readers any more, and gets no more values.
    pub(super) fn unsubscribe(&mut self, reader: &mut Reader, wakers: &mut Wakers) -> Left<T> {
        let mut left = Left { _values: Vec::new(), _waker: self.waiting.leave(&mut reader.member) };
        if mem::replace(&mut reader.has_ended, true) {
            return left;
        }
        self.receivers -= 1;
        let unread = reader.next.saturating_sub(self.first) as usize;
        self.ring.range_mut(unread..).for_each(|slot| slot.readers -= 1);
        let unwanted = self.ring.iter().take_while(|slot| slot.readers == 0).count();
        left._values = self.ring.drain(..unwanted).map(|slot| slot.value).collect();
        self.first += unwanted as u64;
        if self.behind == Behind::KeepsSendersWaiting {
            self.places.give_back(unwanted);
            self.places.advance(wakers);
            if self.receivers == 0 {
                self.places.refuse(wakers);
            }
        }
        left
    }

    pub(super) const fn add_sender(&mut self) {
        self.senders += 1;
    }

    pub(super) fn remove_sender(&mut self, wakers: &mut Wakers) {
        self.senders -= 1;
        if self.senders == 0 {
            self.waiting.wake(wakers);
        }
    }
}
