//! A join handle over a native task that can only be cancelled by value.

use super::contained::Outcome;
use crate::primitives::{Mutex, MutexGuard};
use crate::runtime::{JoinError, JoinHandle};
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};

/// The future of a cancellation: what the task gave, or `None` if it was dropped before it gave anything.
pub type CancelTask<T> = Pin<Box<dyn Future<Output = Option<Outcome<T>>> + Send>>;

/// A native task of the async-task family, which runs a [`Contained`](super::Contained) future or a
/// [`Job`](super::Job). Dropping it lets the task run on.
pub trait NativeTask: Send + Unpin + 'static {
    /// What the task gives.
    type Output: Send + 'static;

    /// Polls for the outcome; `None` when its executor was dropped first.
    fn poll_join(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome<Self::Output>>>;

    /// Cancels on the first poll of the returned future, which is ready once the task's future is dropped.
    fn cancel(self) -> CancelTask<Self::Output>;
}

/// [`JoinHandle`] for a [`NativeTask`]: abort through `&self`, a typed outcome, `is_finished`, detach on drop,
/// and no allocation besides the task's own as long as nobody aborts.
///
/// | state | meaning | left by |
/// |---|---|---|
/// | running | the task is its executor's | its outcome; `abort` |
/// | moving | `abort` is at work, outside the lock, since it may run destructors | `abort` |
/// | cancelling | cancelled, not dropped yet | its outcome |
/// | ready | the outcome arrived while nobody awaited it | the next poll |
/// | taken | the outcome was given | – |
pub struct Abortable<N: NativeTask> {
    state: Mutex<State<N>>,
}

enum State<N: NativeTask> {
    // The waiter is kept because cancelling takes the native task's own registration away.
    Running { task: N, waiter: Option<Waker> },
    Moving,
    Cancelling(CancelTask<N::Output>),
    // Boxed: it is rare, and would make every handle as large as its value.
    Ready(Box<Result<N::Output, JoinError>>),
    Taken,
}

impl<N: NativeTask> Abortable<N> {
    /// A handle for a task that runs.
    pub fn new(task: N) -> Self {
        Self { state: Mutex::new(State::Running { task, waiter: None }) }
    }

    /// A handle for a task that could not be started.
    pub fn failed(error: JoinError) -> Self {
        Self { state: Mutex::new(State::Ready(Box::new(Err(error)))) }
    }

    fn lock(&self) -> MutexGuard<'_, State<N>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N: NativeTask> JoinHandle<N::Output> for Abortable<N> {
    fn abort(&self) {
        let mut state = self.lock();
        let (task, waiter) = match mem::replace(&mut *state, State::Moving) {
            State::Running { task, waiter } => (task, waiter),
            other => {
                *state = other;
                return;
            }
        };
        drop(state);

        // Polled with the waiter's own waker: with any other, who awaits the handle would sleep on.
        let mut cancel = task.cancel();
        let waker = waiter.as_ref().unwrap_or(Waker::noop());
        let next = match cancel.as_mut().poll(&mut Context::from_waker(waker)) {
            Poll::Pending => State::Cancelling(cancel),
            Poll::Ready(outcome) => {
                State::Ready(Box::new(outcome.map_or(Err(JoinError::Aborted), Outcome::into_result)))
            }
        };
        let ready = matches!(next, State::Ready(_));
        *self.lock() = next;
        if let (true, Some(waiter)) = (ready, waiter) {
            waiter.wake();
        }
    }

    fn is_finished(&self) -> bool {
        let mut state = self.lock();
        let outcome = match &mut *state {
            State::Running { task, waiter } => {
                let waker = waiter.as_ref().unwrap_or(Waker::noop());
                match task.poll_join(&mut Context::from_waker(waker)) {
                    Poll::Ready(outcome) => outcome.map_or(Err(JoinError::Shutdown), Outcome::into_result),
                    Poll::Pending => return false,
                }
            }
            State::Moving | State::Cancelling(_) => return false,
            State::Ready(_) | State::Taken => return true,
        };
        *state = State::Ready(Box::new(outcome));
        true
    }
}

impl<N: NativeTask> Future for Abortable<N> {
    type Output = Result<N::Output, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let outcome = match state {
            State::Running { task, waiter } => match task.poll_join(cx) {
                Poll::Ready(outcome) => outcome.map_or(Err(JoinError::Shutdown), Outcome::into_result),
                Poll::Pending => {
                    match waiter {
                        Some(waiter) => waiter.clone_from(cx.waker()),
                        None => *waiter = Some(cx.waker().clone()),
                    }
                    return Poll::Pending;
                }
            },
            State::Cancelling(cancel) => match cancel.as_mut().poll(cx) {
                Poll::Ready(outcome) => outcome.map_or(Err(JoinError::Aborted), Outcome::into_result),
                Poll::Pending => return Poll::Pending,
            },
            State::Ready(_) => match mem::replace(state, State::Taken) {
                State::Ready(outcome) => return Poll::Ready(*outcome),
                _ => unreachable!("matched above"),
            },
            State::Moving => unreachable!("abort borrows the handle, poll has it alone"),
            State::Taken => panic!("a join handle was polled after it gave its outcome"),
        };
        *state = State::Taken;
        Poll::Ready(outcome)
    }
}

impl<N: NativeTask> fmt::Debug for Abortable<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.lock() {
            State::Running { .. } => "running",
            State::Moving | State::Cancelling(_) => "cancelling",
            State::Ready(_) => "ready",
            State::Taken => "taken",
        };
        f.debug_tuple("JoinHandle").field(&format_args!("{state}")).finish()
    }
}
