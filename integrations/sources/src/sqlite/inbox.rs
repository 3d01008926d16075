//! What the worker is asked for, and what wakes it.

use super::statement::Start;
use super::work::{Bell, Job};
use backstay_core::channel::oneshot;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is asked of the worker.
pub(super) enum Request {
    /// Something to be done at once.
    Call(Arc<dyn Job>, Box<dyn FnOnce(&Connection) + Send>),
    /// A query, whose rows are made as they are read.
    Query(Box<dyn Start>),
    /// The connection, and the end.
    Release(oneshot::Sender<Connection>),
}

/// What the worker does next.
pub(super) enum Next {
    Request(Request),
    /// There is none; a query may be able to go on.
    Look,
    /// Nobody is left who could ask.
    Gone,
}

/// Between those who ask and the worker.
#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    requests: VecDeque<Request>,
    // Something has changed that is not a request: a query has room, or nobody wants it.
    is_rung: bool,
    handles: usize,
    has_ended: bool,
}

impl Inbox {
    /// Gives the request back if there is no worker any more.
    pub(super) fn submit(&self, request: Request) -> Result<(), Request> {
        let mut state = self.lock();
        if state.has_ended {
            return Err(request);
        }
        state.requests.push_back(request);
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    /// Has the worker look at its queries.
    pub(super) fn ring(&self) {
        self.lock().is_rung = true;
        self.changed.notify_all();
    }

    /// The next request; waits for one, or for a ring, if it may.
    pub(super) fn next(&self, may_wait: bool) -> Next {
        let mut state = self.lock();
        loop {
            if state.handles == 0 {
                return Next::Gone;
            }
            if let Some(request) = state.requests.pop_front() {
                return Next::Request(request);
            }
            if !may_wait || state.is_rung {
                state.is_rung = false;
                return Next::Look;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// No request is taken from now on; gives those that are left.
    pub(super) fn end(&self) -> VecDeque<Request> {
        let mut state = self.lock();
        state.has_ended = true;
        std::mem::take(&mut state.requests)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell for Inbox {
    fn pause(&self, pause: Duration, is_over: &dyn Fn() -> bool) {
        let state = self.lock();
        let wait = self.changed.wait_timeout_while(state, pause, |state| state.handles > 0 && !is_over());
        drop(wait.unwrap_or_else(PoisonError::into_inner));
    }
}

/// Somebody who can ask; the worker ends when there is nobody.
pub(super) struct Handle(Arc<Inbox>);

impl Handle {
    pub(super) fn new(inbox: Arc<Inbox>) -> Self {
        inbox.lock().handles += 1;
        Self(inbox)
    }

    pub(super) fn inbox(&self) -> &Inbox {
        &self.0
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.0))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.handles -= 1;
        let is_last = state.handles == 0;
        drop(state);
        if is_last {
            self.0.changed.notify_all();
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}
