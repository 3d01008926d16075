//! Join handles.

use crate::task::Task;
use backstay_core::probe;
use backstay_core::runtime::backend::Outcome;
use backstay_core::{JoinError, JoinHandle};
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The handle of a task or of a blocking job: a future of its outcome.
///
/// An abort takes effect when the schedule gives the task its next turn, which may be before or after others.
pub struct SimJoinHandle<T>(Arc<Join<T>>);

/// What a task and its handle share.
pub(crate) struct Join<T> {
    // `None` if it could not be spawned.
    task: Option<Arc<Task>>,
    state: Mutex<State<T>>,
}

enum State<T> {
    // With who awaits it.
    Running(Option<Waker>),
    Ended(Outcome<T>),
    Taken,
}

impl<T> Join<T> {
    pub(crate) fn new(task: Arc<Task>) -> Arc<Self> {
        Arc::new(Self { task: Some(task), state: Mutex::new(State::Running(None)) })
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task has ended; `None` if it was dropped before it gave anything.
    pub(crate) fn end(&self, outcome: Option<Outcome<T>>) {
        let aborted = self.task.as_ref().is_some_and(|task| task.is_aborted());
        let why = if aborted { JoinError::Aborted } else { JoinError::Shutdown };
        let outcome = outcome.unwrap_or_else(|| Outcome::new(Err(why)));
        let before = mem::replace(&mut *self.lock(), State::Ended(outcome));
        // With the lock released: whom it wakes may look at the handle.
        if let State::Running(Some(waiter)) = before {
            waiter.wake();
        }
    }
}

impl<T> SimJoinHandle<T> {
    pub(crate) const fn new(join: Arc<Join<T>>) -> Self {
        Self(join)
    }

    /// The task, if it could be spawned.
    pub(crate) fn task(&self) -> Option<Arc<Task>> {
        self.0.task.clone()
    }

    /// The handle of a task that could not be spawned: its runtime has ended.
    pub(crate) fn shutdown() -> Self {
        let state = State::Ended(Outcome::new(Err(JoinError::Shutdown)));
        Self(Arc::new(Join { task: None, state: Mutex::new(state) }))
    }
}

impl<T: Send + 'static> JoinHandle<T> for SimJoinHandle<T> {
    fn abort(&self) {
        if let Some(task) = &self.0.task
            && !self.is_finished()
        {
            task.abort();
        }
    }

    fn is_finished(&self) -> bool {
        !matches!(*self.0.lock(), State::Running(_))
    }
}

impl<T> Future for SimJoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Cloned and dropped outside of the lock: both are anybody's code.
        let waker = cx.waker().clone();
        let mut state = self.0.lock();
        match &mut *state {
            State::Running(waiter) => {
                let before = waiter.replace(waker);
                drop(state);
                drop(before);
                probe::waiting(|| format!("task {}", self.0.task.as_ref().map_or(0, |task| task.id)));
                Poll::Pending
            }
            State::Ended(_) => match mem::replace(&mut *state, State::Taken) {
                State::Ended(outcome) => Poll::Ready(outcome.into_result()),
                State::Running(_) | State::Taken => unreachable!("matched above"),
            },
            State::Taken => panic!("a join handle was polled after it gave its outcome"),
        }
    }
}

impl<T> Drop for SimJoinHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = &self.0.task {
            task.detach();
        }
    }
}

impl<T> fmt::Debug for SimJoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match *self.0.lock() {
            State::Running(_) => "running",
            State::Ended(_) => "ready",
            State::Taken => "taken",
        };
        let task = self.0.task.as_ref().map(|task| task.id);
        f.debug_struct("SimJoinHandle").field("task", &task).field("state", &format_args!("{state}")).finish()
    }
}
