//! Who receives.

use super::error::{Lagged, RecvError, TryRecvError};
use super::state::{Reader, Received, Shared};
use crate::primitives::Arc;
use crate::probe;
use crate::ready_budget::ReadyBudget;
use crate::sync::own_waker::poll_locked;
use crate::sync::wait_list::Wakers;
use futures_core::Stream;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

// That of a receiver; its type can't name a constant of its own generic impl.
const READY_BUDGET: u8 = 128;

/// Receives every value that is sent while it is there; made by [`channel`](super::channel),
/// [`channel_with`](super::channel_with), [`waiting`](super::waiting) and the senders' `subscribe`. It is a [`Stream`] of
/// `Result<T, Lagged>` too.
///
/// Values are read as clones; the last of all receivers gets the value itself. A clone that panics harms nobody else, and
/// its value counts as received.
///
/// After [`Receiver::READY_BUDGET`] values that were there at once it yields, so that a timeout or a stop signal
/// beside it gets its turn.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    reader: Reader,
    missed: u64,
    budget: ReadyBudget<{ READY_BUDGET }>,
}

impl<T> Receiver<T> {
    /// How many values it gives in a row without waiting before it yields.
    pub const READY_BUDGET: u8 = READY_BUDGET;

    pub(super) fn new(shared: Arc<Shared<T>>, reader: Reader) -> Self {
        Self { shared, reader, missed: 0, budget: ReadyBudget::new() }
    }

    /// Another receiver, of what is sent from now on.
    pub fn resubscribe(&self) -> Self {
        let reader = self.shared.lock().subscribe();
        Self::new(Arc::clone(&self.shared), reader)
    }

    /// How many values are there for this receiver.
    pub fn len(&self) -> usize {
        self.shared.lock().len(&self.reader)
    }

    /// Whether no value is there for this receiver.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values it has missed, in all the times that it was told so.
    pub const fn missed(&self) -> u64 {
        self.missed
    }

    /// Whether no value will come after those that are there: all senders are gone, or it has lagged where that is its
    /// end.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().is_closed_to(&self.reader)
    }

    #[cold]
    fn has_lagged(&mut self, missed: u64) {
        self.missed = self.missed.saturating_add(missed);
        let ends = self.shared.lock().lag_is_the_end();
        if ends {
            self.unsubscribe();
        }
    }

    fn unsubscribe(&mut self) {
        let mut wakers = Wakers::new();
        // A name, so that it is dropped after the statement's guard.
        let _left = self.shared.lock().unsubscribe(&mut self.reader, &mut wakers);
    }

    fn leave(&mut self) {
        if self.reader.waits() {
            // A name, so that it is dropped after the statement's guard.
            let _old = self.shared.lock().leave(&mut self.reader);
        }
    }
}

impl<T: Clone> Receiver<T> {
    /// Waits for the next value.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has taken no value.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`] if it did not keep up, [`RecvError::Closed`] at the end.
    pub fn recv(&mut self) -> RecvFuture<'_, T> {
        RecvFuture { receiver: self }
    }

    /// Takes the next value if there is one now.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`TryRecvError::Empty`].
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let received = self.shared.lock().try_recv(&mut self.reader);
        if let Err(TryRecvError::Lagged(missed)) = received {
            self.has_lagged(missed);
        }
        received.map(Received::finish)
    }

    /// Polls for the next value. After [`READY_BUDGET`](Self::READY_BUDGET) values in a row that were there at once it
    /// is pending one time, and wakes the task, even if there is another.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        ready!(self.budget.poll_proceed(cx));
        let poll = poll_locked(cx, |own| self.shared.lock().poll_recv(&mut self.reader, own));
        match poll {
            Poll::Ready(received) => {
                if let Err(RecvError::Lagged(missed)) = received {
                    self.has_lagged(missed);
                }
                self.budget.spend();
                Poll::Ready(received.map(Received::finish))
            }
            Poll::Pending => {
                self.budget.refill();
                probe::waiting(|| self.shared.describe("recv"));
                Poll::Pending
            }
        }
    }
}

impl<T: Clone> Stream for Receiver<T> {
    type Item = Result<T, Lagged>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx).map(|received| match received {
            Ok(value) => Some(Ok(value)),
            Err(RecvError::Lagged(missed)) => Some(Err(Lagged(missed))),
            Err(RecvError::Closed) => None,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.shared.lock().size_hint(&self.reader)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.unsubscribe();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("len", &self.len())
            .field("missed", &self.missed)
            .finish_non_exhaustive()
    }
}

/// The future of [`Receiver::recv`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct RecvFuture<'a, T> {
    receiver: &'a mut Receiver<T>,
}

impl<T: Clone> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.receiver.poll_recv(cx)
    }
}

impl<T> Drop for RecvFuture<'_, T> {
    fn drop(&mut self) {
        self.receiver.leave();
    }
}
