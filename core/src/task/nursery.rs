//! What scopes have in common: a body, and children that run beside it in the same task.

use super::packet::{Promise, Receipt, packet};
use crate::future::engine::{Call, FutureSet};
use crate::primitives::{Arc, Mutex, lock};
use crate::probe;
use crate::runtime::backend::quietly;
use crate::runtime::{JoinError, Panic};
use pin_project_lite::pin_project;
use std::fmt;
use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// Where children are spawned; every handle on a scope shares it.
///
/// | inbox | a spawn | left by |
/// |---|---|---|
/// | open | leaves the child, and wakes the scope where it rests | the scope's end |
/// | closed | drops the child: its handle gives `Aborted` | – |
pub(super) struct Inbox<C>(Mutex<State<C>>);

struct State<C> {
    spawned: Vec<C>,
    // Of a scope that rests. While it is polled it looks here by itself.
    task: Option<Waker>,
    is_closed: bool,
}

impl<C> Inbox<C> {
    pub(super) fn spawn(&self, child: C) {
        let mut state = lock(&self.0);
        if state.is_closed {
            drop(state);
            drop(child);
            return;
        }
        state.spawned.push(child);
        let task = state.task.take();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }

    /// The scope is being polled, and looks here by itself: who spawns need not wake it.
    fn rouse(&self) {
        let task = lock(&self.0).task.take();
        drop(task);
    }

    fn take(&self) -> Vec<C> {
        mem::take(&mut lock(&self.0).spawned)
    }

    /// Leaves the task's waker; or, where a child was spawned meanwhile, wakes it at once.
    fn rest(&self, task: &Waker) {
        let own = task.clone();
        let mut state = lock(&self.0);
        let before = state.task.replace(own);
        let is_empty = state.spawned.is_empty();
        drop(state);
        drop(before);
        if !is_empty {
            task.wake_by_ref();
        }
    }

    /// Closes it unless a child waits in it, and tells which.
    fn close_if_empty(&self) -> bool {
        let mut state = lock(&self.0);
        state.is_closed |= state.spawned.is_empty();
        state.is_closed
    }

    fn close(&self) {
        let mut state = lock(&self.0);
        state.is_closed = true;
        let (spawned, task) = (mem::take(&mut state.spawned), state.task.take());
        drop(state);
        drop((spawned, task));
    }
}

pin_project! {
    /// A scope that runs: ready with the body's output when the body and all children have ended.
    ///
    /// Dropping it drops the body and the children.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub(super) struct InScope<F, B: Future, C> {
        #[pin]
        body: Body<F, B>,
        output: Option<B::Output>,
        children: FutureSet<C>,
        inbox: Arc<Inbox<C>>,
    }

    impl<F, B: Future, C> PinnedDrop for InScope<F, B, C> {
        fn drop(this: Pin<&mut Self>) {
            this.project().inbox.close();
        }
    }
}

pin_project! {
    #[project = BodyProj]
    enum Body<F, B> {
        // Nothing happens before the first poll.
        New { make: Option<F> },
        Running { #[pin] body: B },
        Ended,
    }
}

impl<F, B, C> InScope<F, B, C>
where
    F: FnOnce(Arc<Inbox<C>>) -> B,
    B: Future,
    C: Future<Output = ()>,
{
    /// `make` makes the body, which spawns its children into the inbox.
    pub(super) fn new(make: F) -> Self {
        let inbox = Arc::new(Inbox(Mutex::new(State { spawned: Vec::new(), task: None, is_closed: false })));
        Self { body: Body::New { make: Some(make) }, output: None, children: FutureSet::new(), inbox }
    }

    fn poll_body(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut this = self.as_mut().project();
        if let BodyProj::New { make } = this.body.as_mut().project() {
            let Some(make) = make.take() else { unreachable!("it is `New` only until it is taken") };
            // First: what makes the body may panic, and there is nothing to wait for then.
            this.body.set(Body::Ended);
            let body = make(Arc::clone(this.inbox));
            this.body.set(Body::Running { body });
        }
        if let BodyProj::Running { body } = this.body.as_mut().project()
            && let Poll::Ready(output) = body.poll(cx)
        {
            *this.output = Some(output);
            // At once: what it holds may be what a child waits for.
            this.body.set(Body::Ended);
        }
    }
}

impl<F, B, C> Future for InScope<F, B, C>
where
    F: FnOnce(Arc<Inbox<C>>) -> B,
    B: Future,
    C: Future<Output = ()>,
{
    type Output = B::Output;

    /// Children that were woken, then the body, then children that are new: each once.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<B::Output> {
        self.inbox.rouse();
        let mut call = Call::default();
        let ended = |_, ()| ControlFlow::<()>::Continue(());
        let _ = self.as_mut().project().children.poll_woken(&mut call, ended);
        self.as_mut().poll_body(cx);
        let this = self.project();
        for child in this.inbox.take() {
            let _ = this.children.start(&mut call, child);
        }
        let has_ended = matches!(*this.body, Body::Ended) && this.children.is_empty();
        if has_ended && this.inbox.close_if_empty() {
            return match this.output.take() {
                Some(output) => Poll::Ready(output),
                None => panic!("a scope was polled after it gave its output"),
            };
        }
        this.inbox.rest(cx.waker());
        let _ = this.children.rest(cx);
        probe::waiting(|| format!("{} children of a scope", this.children.len()));
        Poll::Pending
    }
}

/// A child with somebody who may await it, and the handle for that.
pub(super) fn child<F: Future>(future: F) -> (Child<F>, ScopedHandle<F::Output>) {
    let (promise, receipt) = packet();
    (Child { future: Some(future), promise: Owed(Some(promise)) }, ScopedHandle { receipt })
}

pin_project! {
    /// A future whose output goes to its handle, when the future itself is gone.
    pub(super) struct Child<F: Future> {
        // In this order: whoever hears of an outcome finds nothing of the future left.
        #[pin]
        future: Option<F>,
        promise: Owed<F::Output>,
    }
}

impl<F: Future> Future for Child<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if let Some(future) = this.future.as_mut().as_pin_mut() {
            let output = ready!(future.poll(cx));
            this.future.set(None);
            if let Err(panic) = this.promise.deliver(Ok(output)) {
                panic.resume();
            }
        }
        Poll::Ready(())
    }
}

/// Dropped before it has delivered anything, it delivers `Aborted`.
struct Owed<T>(Option<Promise<Result<T, JoinError>>>);

impl<T> Owed<T> {
    fn deliver(&mut self, outcome: Result<T, JoinError>) -> Result<(), Panic> {
        match self.0.take() {
            Some(promise) => promise.deliver(outcome),
            None => Ok(()),
        }
    }
}

impl<T> Drop for Owed<T> {
    fn drop(&mut self) {
        // The panic of a waker goes no further: a destructor has nobody to tell it to.
        quietly(|| drop(self.deliver(Err(JoinError::Aborted))));
    }
}

/// The handle of a child of a scope: a future of its outcome.
///
/// Dropping it changes nothing: the child belongs to the scope, which waits for it.
///
/// # Errors
///
/// [`JoinError::Aborted`] where the child was dropped before it had ended: with its scope, by a panic of its own, or
/// as it was spawned when the scope had ended already; it never ran then. What panicked does not come here: it goes on
/// in the scope, and so does a panic of the waker of who awaits this. Whoever hears of an outcome finds the child's
/// future gone.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` is cancel safe: the outcome stays until it has been taken. Polled after that, it panics.
#[must_use = "where nobody wants the outcome, `detach` it: the scope waits for the child all the same"]
pub struct ScopedHandle<T> {
    receipt: Receipt<Result<T, JoinError>>,
}

impl<T> ScopedHandle<T> {
    /// Nobody awaits the child but its scope: `drop`, as a word in the code.
    pub fn detach(self) {
        drop(self);
    }

    /// Whether the child has ended, so that awaiting the handle would not wait.
    pub fn is_finished(&self) -> bool {
        self.receipt.is_there()
    }
}

impl<T> Future for ScopedHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let poll = self.receipt.poll_take(cx);
        if poll.is_pending() {
            probe::waiting(|| "a child of a scope".to_owned());
        }
        poll
    }
}

impl<T> fmt::Debug for ScopedHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedHandle").field("is_finished", &self.is_finished()).finish()
    }
}
