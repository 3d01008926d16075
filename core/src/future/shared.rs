//! One future, awaited by many.

mod error;
mod signal;

pub use error::SharedError;

use crate::primitives::{Mutex, lock};
use crate::probe;
use crate::runtime::backend::quietly;
use crate::sync::wait_list::Key;
use signal::{Signal, Turn};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

/// Lets many await `future`, which runs once: each clone of what this returns gives a clone of its output.
///
/// It is lazy: it runs while some clone is polled, and begins with the first poll of any. Whichever clone finds that
/// it has something to do polls it on; the others wait. See [`Shared`] for what happens when clones are dropped, and
/// when it panics.
///
/// # Cost
///
/// Three allocations to begin with, and one for the first that has to wait; none for a poll.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::future::shared;
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let settings = shared({
///         let rt = rt.clone();
///         async move {
///             rt.sleep(Duration::from_secs(1)).await; // asks a server, once
///             "settings"
///         }
///     });
///     let tasks = [(); 3].map(|()| {
///         let settings = settings.clone();
///         rt.spawn(async move { settings.await.map(str::len) })
///     });
///     for task in tasks {
///         assert_eq!(task.await.expect("no panic"), Ok(8));
///     }
///     settings.await // also one that comes later
/// })?;
/// assert_eq!(run.value, Ok("settings"));
/// assert_eq!(run.elapsed, Duration::from_secs(1));
/// # Ok::<(), Failure>(())
/// ```
///
/// An output that is no [`Clone`], an error for example, can be put into an [`Arc`]:
///
/// ```
/// use backstay_core::future::shared;
/// use std::sync::Arc;
///
/// let read = shared(async { std::fs::read("/no/such/file").map_err(Arc::new) });
/// let outcome = futures::executor::block_on(read).expect("it doesn't panic");
/// assert_eq!(outcome.unwrap_err().kind(), std::io::ErrorKind::NotFound);
/// ```
#[doc(alias = "memoize")]
pub fn shared<F>(future: F) -> Shared<F>
where
    F: Future<Output: Clone>,
{
    let signal = Arc::new(Signal::new());
    let inner = Inner {
        outcome: OnceLock::new(),
        future: Mutex::new(Some(Box::pin(future))),
        waker: Waker::from(Arc::clone(&signal)),
        signal,
    };
    Shared { inner: Arc::new(inner), place: None }
}

/// A future that many await, made by [`shared`]; clone it for each of them.
///
/// Its output is that of the future, cloned, or a [`SharedError`] if the future panicked: every clone gets the error,
/// and the panic goes no further. Once ready it stays so, also for clones that are made later. The future is dropped
/// as soon as it has ended, before anybody gets the output.
///
/// When the future is woken, one clone is woken to poll it, whichever has waited longest: a wake costs the same
/// however many wait. When it has ended, all are.
///
/// Use something else for a value by key that is asked for again and again (a cache, a single flight), and where the
/// work should go on though nobody awaits it (a task, whose handle can be shared).
///
/// # Cancel safety
///
/// A clone that is dropped takes nothing from the others: if it had been woken to poll the future, the next is woken.
/// When the last clone is dropped before the future has ended, the future is dropped.
///
/// A clone that was woken must be polled or dropped, as any future: one that is kept and not polled keeps the others
/// waiting.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Shared<F: Future> {
    inner: Arc<Inner<F>>,
    place: Option<Key>,
}

struct Inner<F: Future> {
    // Set once, before the signal says that it has ended. Read by many at once, who clone it under no lock.
    outcome: OnceLock<Result<F::Output, SharedError>>,
    // Taken out by who polls it, whose turn it is alone: the lock is free whenever somebody takes it.
    future: Mutex<Option<Pin<Box<F>>>>,
    // Knows nothing of the future: what the future has given its waker to keeps neither it nor its output.
    signal: Arc<Signal>,
    // The signal's, made once.
    waker: Waker,
}

impl<F: Future> Shared<F> {
    /// The output, if the future has ended: without waiting, and without a clone.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::future::shared;
    ///
    /// let answer = shared(async { 42 });
    /// assert!(answer.peek().is_none()); // not begun
    /// assert_eq!(futures::executor::block_on(answer.clone()), Ok(42));
    /// assert_eq!(answer.peek(), Some(Ok(&42)));
    /// ```
    pub fn peek(&self) -> Option<Result<&F::Output, &SharedError>> {
        self.inner.outcome.get().map(Result::as_ref)
    }

    fn leave(&mut self) {
        if let Some(place) = self.place.take() {
            self.inner.signal.leave(place);
        }
    }
}

impl<F: Future> Inner<F> {
    /// Polls the future, by who has the turn; the others wait until this has said how it went.
    fn poll(&self, place: &mut Option<Key>, waker: Waker) {
        let future = lock(&self.future).take();
        let Some(mut future) = future else {
            unreachable!("who has the turn has the future");
        };
        let poll = || future.as_mut().poll(&mut Context::from_waker(&self.waker));
        let outcome = match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Poll::Pending) => {
                *lock(&self.future) = Some(future);
                self.signal.rest(place, waker);
                return;
            }
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => Err(SharedError::new(payload)),
        };
        quietly(|| drop(future));
        if self.outcome.set(outcome).is_err() {
            unreachable!("it ends once");
        }
        self.signal.end();
    }
}

impl<F> Future for Shared<F>
where
    F: Future<Output: Clone>,
{
    type Output = Result<F::Output, SharedError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.peek().is_none() {
            match this.inner.signal.enter(&mut this.place, cx.waker().clone()) {
                Turn::Poll(waker) => this.inner.poll(&mut this.place, waker),
                Turn::Wait => probe::waiting(|| this.inner.signal.describe()),
                Turn::Ended => {}
            }
        }
        let Some(outcome) = this.inner.outcome.get() else { return Poll::Pending };
        let outcome = outcome.clone();
        this.leave();
        Poll::Ready(outcome)
    }
}

impl<F: Future> Clone for Shared<F> {
    /// One more who gets the output.
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), place: None }
    }
}

impl<F: Future> Drop for Shared<F> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<F: Future> fmt::Debug for Shared<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.peek() {
            None => "pending",
            Some(Ok(_)) => "ready",
            Some(Err(_)) => "panicked",
        };
        f.debug_tuple("Shared").field(&format_args!("{state}")).finish()
    }
}
