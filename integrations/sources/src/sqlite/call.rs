//! Something done at once, and its result.

use super::error::SqlError;
use super::inbox::{Handle, Request};
use super::work::Job;
use crate::waking::unharmed;
use backstay_core::channel::oneshot;
use rusqlite::Connection;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

type Outcome<T> = Result<T, SqlError>;
type Work<T> = Box<dyn FnOnce(&Connection) -> Outcome<T> + Send>;

/// The future of what [`Database::execute`](super::Database::execute) and its like do. It does nothing before it is
/// polled, needs no runtime, and may be moved to another task.
///
/// # Cancel safety
///
/// Dropped before the worker has begun with it, it leaves everything undone. Dropped later, it interrupts what is done:
/// the statement has then been carried out, or it has changed nothing, and nobody is told which. Where a transaction is
/// open, SQLite rolls back the whole of it if the statement that it interrupts writes.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct CallFuture<T: Send + 'static> {
    state: State<T>,
    call: Arc<Call<T>>,
    handle: Handle,
}

enum State<T> {
    New(Work<T>),
    Waiting(oneshot::Receiver<Outcome<T>>),
    Done,
}

struct Call<T> {
    sql: Option<Arc<str>>,
    is_abandoned: AtomicBool,
    reply: Mutex<Option<oneshot::Sender<Outcome<T>>>>,
}

impl<T: Send + 'static> CallFuture<T> {
    pub(super) fn new(
        handle: Handle,
        sql: Option<Arc<str>>,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Self {
        let call = Call { sql, is_abandoned: AtomicBool::new(false), reply: Mutex::new(None) };
        Self { state: State::New(Box::new(work)), call: Arc::new(call), handle }
    }
}

impl<T: Send + 'static> Future for CallFuture<T> {
    type Output = Result<T, SqlError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let State::New(work) = &mut this.state {
            let work = mem::replace(work, Box::new(|_| Err(SqlError::Closed)));
            let (sender, receiver) = oneshot::channel();
            this.state = State::Waiting(receiver);
            this.call.set_reply(sender);
            let call = Arc::clone(&this.call);
            let run = Box::new(move |connection: &Connection| call.finish(work(connection)));
            if this.handle.inbox().submit(Request::Call(Arc::clone(&this.call) as _, run)).is_err() {
                this.state = State::Done;
                return Poll::Ready(Err(SqlError::Closed));
            }
        }
        let State::Waiting(receiver) = &mut this.state else { return Poll::Ready(Err(SqlError::Closed)) };
        let poll = Pin::new(receiver).poll(cx).map(|reply| reply.unwrap_or(Err(SqlError::Closed)));
        if poll.is_ready() {
            this.state = State::Done;
        }
        poll
    }
}

impl<T: Send + 'static> Drop for CallFuture<T> {
    fn drop(&mut self) {
        if let State::Waiting(_) = self.state {
            self.call.is_abandoned.store(true, Ordering::Release);
            // The worker may be waiting for somebody's lock, for this.
            self.handle.inbox().ring();
        }
    }
}

impl<T: Send + 'static> fmt::Debug for CallFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFuture").field("sql", &self.call.sql).finish_non_exhaustive()
    }
}

impl<T> Call<T> {
    fn set_reply(&self, sender: oneshot::Sender<Outcome<T>>) {
        *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    }

    /// Only the first outcome counts.
    fn finish(&self, outcome: Outcome<T>) {
        let reply = self.reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reply) = reply {
            // What nobody wants is dropped here, and whoever is woken is foreign too.
            unharmed(|| drop(reply.send(outcome)));
        }
    }
}

impl<T: Send> Job for Call<T> {
    fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }

    fn sql(&self) -> Option<Arc<str>> {
        self.sql.clone()
    }

    fn fail(&self, error: SqlError) {
        self.finish(Err(error));
    }
}
