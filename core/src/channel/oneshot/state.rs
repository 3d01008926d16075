//! Whether the value is there, and who waits: no waker is woken here.

use crate::channel::error::{Closed, TryRecvError};
use crate::channel::only_waiter::OnlyWaiter;
use crate::primitives::{Arc, Mutex, MutexGuard, lock};
use crate::sync::own_waker::OwnWaker;
use std::mem;
use std::task::Poll;

/// What both sides of a channel share.
pub(super) struct Shared<T>(Mutex<State<T>>);

/// | state | meaning | left by |
/// |---|---|---|
/// | open | both sides are there, no value is | `send`; `end` of either side |
/// | sent | the value waits for the receiver; the sender is gone | `take` |
/// | ended | no value will come any more | – |
pub(super) enum State<T> {
    Open(Waiting),
    Sent(T),
    Ended,
}

/// Who waits. What is taken out of the state has to be woken, or dropped, after the mutex is free.
#[derive(Debug, Default)]
#[must_use = "one of them may have to be woken"]
pub(super) struct Waiting {
    // For the value.
    receiver: OnlyWaiter,
    // For the channel to close.
    sender: OnlyWaiter,
}

impl Waiting {
    pub(super) fn wake_receiver(mut self) {
        if let Some(receiver) = self.receiver.take() {
            receiver.wake();
        }
    }

    pub(super) fn wake_sender(mut self) {
        if let Some(sender) = self.sender.take() {
            sender.wake();
        }
    }
}

impl<T> Shared<T> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State::Open(Waiting::default()))))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.0)
    }
}

impl<T> State<T> {
    pub(super) const fn is_closed(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// The value is there, unless it is too late.
    pub(super) fn send(&mut self, value: T) -> Result<Waiting, T> {
        match self {
            Self::Open(waiting) => {
                let waiting = mem::take(waiting);
                *self = Self::Sent(value);
                Ok(waiting)
            }
            Self::Sent(_) | Self::Ended => Err(value),
        }
    }

    /// One side goes, or doesn't want any more. What was sent stays.
    pub(super) fn end(&mut self) -> Waiting {
        match self {
            Self::Open(waiting) => {
                let waiting = mem::take(waiting);
                *self = Self::Ended;
                waiting
            }
            Self::Sent(_) | Self::Ended => Waiting::default(),
        }
    }

    /// The receiver goes: what was sent goes with it, to be dropped after the mutex is free.
    pub(super) fn abandon(&mut self) -> (Waiting, Option<T>) {
        match mem::replace(self, Self::Ended) {
            Self::Open(waiting) => (waiting, None),
            Self::Sent(value) => (Waiting::default(), Some(value)),
            Self::Ended => (Waiting::default(), None),
        }
    }

    /// The value, if it is there.
    pub(super) fn take(&mut self) -> Result<T, TryRecvError> {
        match self {
            Self::Open(_) => Err(TryRecvError::Empty),
            Self::Ended => Err(TryRecvError::Closed),
            Self::Sent(_) => match mem::replace(self, Self::Ended) {
                Self::Sent(value) => Ok(value),
                Self::Open(_) | Self::Ended => unreachable!("matched above"),
            },
        }
    }

    /// Waits for the value.
    pub(super) fn poll_take(&mut self, own: &mut OwnWaker<'_>) -> Poll<Result<T, Closed>> {
        if let Self::Open(waiting) = self {
            waiting.receiver.set(own);
            return Poll::Pending;
        }
        Poll::Ready(self.take().map_err(|_| Closed))
    }

    /// Waits for the channel to close.
    pub(super) fn poll_closed(&mut self, own: &mut OwnWaker<'_>) -> Poll<()> {
        let Self::Open(waiting) = self else { return Poll::Ready(()) };
        waiting.sender.set(own);
        Poll::Pending
    }
}
