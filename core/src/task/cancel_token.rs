//! Telling work to stop: a tree of tokens (recipe 5.4).

mod cancelled;
mod deadline;
mod guard;
mod node;
mod places;
mod reason;
mod run;
mod wait;

pub use cancelled::{CancelledFuture, CancelledOwned};
pub use guard::{DropGuard, Shield};
pub use reason::{CancelMessage, CancelReason, Cancelled};
pub use run::{Run, RunOwned};

use crate::instant::Instant;
use crate::runtime::Runtime;
use node::Node;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

/// Tells work to stop. Tokens form a tree: a token that is cancelled cancels all below it, and nothing above it.
///
/// Whoever starts the work has the token; the work has a clone, or a [`child`](Self::child) where it should be possible
/// to stop a part of it. It [runs](Self::run) futures under the token, which drops them when the time comes;
/// [waits](Self::cancelled) for the token beside something else; or, where it doesn't wait, [asks](Self::check). A
/// token is cancelled once and for all, and the first [reason](Self::reason) stays. It needs no runtime, but for a
/// [deadline](Self::with_deadline).
///
/// Not for a value that changes more than once, nor for waiting until something has *ended*: it says what is wanted,
/// not what has happened.
///
/// # Order
///
/// Once [`cancel`](Self::cancel) has returned, everything below is cancelled, and everybody who waited there has been
/// woken: those of a token before those of its children, those of an older child before those of a younger one, and
/// those of one token in the order in which they came. Whoever sees a token cancelled, on any thread, sees all below
/// it cancelled, and all that was done before it was.
///
/// A token whose clones have all been dropped leaves the tree, and its children are those of its parent from there on.
///
/// # Cost
///
/// A token is a pointer; a clone is an `Arc`'s clone. [`is_cancelled`](Self::is_cancelled) is one load. A child is one
/// allocation and a few links under a lock that its whole tree shares; it leaves as cheaply, however many siblings it
/// has. To cancel costs so much for each token below, and recurses nowhere: a hundred thousand may be in a row or side
/// by side. As long as that takes, nobody makes or drops a child in the
/// same tree. What a deadline costs is said [there](Self::with_deadline).
///
/// # Examples
///
/// ```
/// use backstay::Runtime;
/// use backstay::task::{CancelReason, CancelToken};
/// use backstay::testing::Sim;
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt| async move {
///     let server = CancelToken::new();
///     let request = server.child();
///     let work = rt.spawn({
///         let (rt, request) = (rt.clone(), request.clone());
///         async move { request.run(rt.sleep(Duration::from_secs(3600))).await }
///     });
///     rt.sleep(Duration::from_secs(1)).await;
///     server.cancel_with("shutting down");
///     let error = work.await.unwrap().unwrap_err();
///     assert_eq!(error.to_string(), "cancelled: shutting down");
///     assert_eq!(request.reason(), Some(CancelReason::from("shutting down")));
/// })?;
/// assert_eq!(run.elapsed, Duration::from_secs(1));
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
#[doc(alias = "CancellationToken")]
#[doc(alias = "CancelScope")]
#[doc(alias = "context.Context")]
#[doc(alias = "StopToken")]
#[doc(alias = "AbortSignal")]
#[derive(Clone)]
pub struct CancelToken {
    node: Arc<Node>,
}

impl CancelToken {
    /// A token that nobody has cancelled, without a parent.
    ///
    /// # Cost
    ///
    /// Two allocations; a third with the first child.
    pub fn new() -> Self {
        Self { node: Node::new_root(None) }
    }

    /// A token without a parent that cancels itself at `at`, for [`CancelReason::Deadline`].
    ///
    /// Nobody has to look after it: no task is spawned and no timer runs until somebody waits, and whoever waits for
    /// the token or for one below it is woken when the time has come, by a timer of its own. Whoever asks is told by
    /// the clock. A deadline that has come is never early, and counts from when it was first noticed: so the reason
    /// is the deadline also for who calls [`cancel`](Self::cancel) later.
    ///
    /// `at` is on the clock of `rt`. If it has passed, the token is cancelled from the start. [`Instant::MAX`] is no
    /// deadline: the token is one of [`new`](Self::new).
    ///
    /// # Cost
    ///
    /// One allocation more than `new`. Below a deadline, [`is_cancelled`](Self::is_cancelled), and so each poll of
    /// [`run`](Self::run) and [`cancelled`](Self::cancelled), reads the clock until the token is cancelled; and each
    /// future that waits makes one allocation and sets a timer, when it is pending first.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::Runtime;
    /// use backstay::task::{CancelReason, CancelToken};
    /// use backstay::testing::Sim;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt| async move {
    ///     let request = CancelToken::with_deadline(&rt, rt.now() + Duration::from_secs(2));
    ///     let query = request.child_with_deadline(&rt, rt.now() + Duration::from_secs(5)); // the earlier one counts
    ///     assert_eq!(query.remaining(), Some(Duration::from_secs(2)));
    ///     assert_eq!(query.cancelled().await, CancelReason::Deadline);
    /// })?;
    /// assert_eq!(run.elapsed, Duration::from_secs(2));
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    #[doc(alias = "WithDeadline")]
    #[doc(alias = "WithTimeout")]
    #[doc(alias = "move_on_after")]
    pub fn with_deadline<R: Runtime>(rt: &R, at: Instant) -> Self {
        let deadline = (at != Instant::MAX).then(|| deadline::on(rt, at));
        let token = Self { node: Node::new_root(deadline) };
        // Looks at the clock, and cancels it where it is late.
        token.is_cancelled();
        token
    }

    /// A token below this one: it is cancelled with this one, and for the same reason; not the other way round.
    ///
    /// It has this one's [deadline](Self::deadline). A child of a token that is cancelled is cancelled.
    ///
    /// # Cost
    ///
    /// One allocation.
    ///
    /// # Panics
    ///
    /// If there are two billion tokens in the tree.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::task::CancelToken;
    ///
    /// let parent = CancelToken::new();
    /// let (child, sibling) = (parent.child(), parent.child());
    /// child.cancel();
    /// assert!(child.is_cancelled() && !sibling.is_cancelled() && !parent.is_cancelled());
    /// parent.cancel();
    /// assert!(sibling.is_cancelled() && parent.child().is_cancelled());
    /// ```
    #[doc(alias = "child_token")]
    #[doc(alias = "WithCancel")]
    #[must_use = "a child that nobody has cancels nothing"]
    pub fn child(&self) -> Self {
        Self { node: self.node.new_child(self.node.deadline().cloned()) }
    }

    /// A [`child`](Self::child) that cancels itself at `at`, or when this one does, whichever is earlier: as
    /// [`with_deadline`](Self::with_deadline).
    ///
    /// Both deadlines should be on one clock: they are compared as numbers.
    ///
    /// # Cost
    ///
    /// One allocation more than `child`, if `at` is the earlier one.
    ///
    /// # Panics
    ///
    /// As `child`.
    #[must_use = "a child that nobody has cancels nothing"]
    pub fn child_with_deadline<R: Runtime>(&self, rt: &R, at: Instant) -> Self {
        if at >= self.deadline().unwrap_or(Instant::MAX) {
            return self.child();
        }
        let child = Self { node: self.node.new_child(Some(deadline::on(rt, at))) };
        child.is_cancelled();
        child
    }

    /// Cancels this token and all below it, for [`CancelReason::Explicit`]; without effect if it is cancelled.
    ///
    /// The wakers of those who wait are called before it returns, while no lock is held.
    pub fn cancel(&self) {
        self.node.cancel(CancelReason::Explicit);
    }

    /// As [`cancel`](Self::cancel), and says why: with a text, or any other [`CancelReason`].
    pub fn cancel_with(&self, reason: impl Into<CancelReason>) {
        self.node.cancel(reason.into());
    }

    /// Whether the token is cancelled. Once it is, it stays so.
    ///
    /// # Cost
    ///
    /// One atomic load. Below a deadline, a reading of the clock too, until it is cancelled; and who is the first to
    /// see that the deadline has passed wakes those who wait.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }

    /// An error if the token is cancelled: for loops that don't wait.
    ///
    /// # Errors
    ///
    /// [`Cancelled`], with the reason.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::task::{CancelToken, Cancelled};
    ///
    /// fn sum(numbers: &[u64], token: &CancelToken) -> Result<u64, Cancelled> {
    ///     let mut sum = 0;
    ///     for chunk in numbers.chunks(1024) {
    ///         token.check()?;
    ///         sum += chunk.iter().sum::<u64>();
    ///     }
    ///     Ok(sum)
    /// }
    ///
    /// let token = CancelToken::new();
    /// assert_eq!(sum(&[1, 2, 3], &token), Ok(6));
    /// token.cancel();
    /// assert!(sum(&[1, 2, 3], &token).is_err());
    /// ```
    #[doc(alias = "throwIfAborted")]
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled::new(self.node.why())) } else { Ok(()) }
    }

    /// Why the token is cancelled, if it is: the first reason that there was, for it or for one above it.
    #[doc(alias = "Cause")]
    pub fn reason(&self) -> Option<CancelReason> {
        self.is_cancelled().then(|| self.node.why())
    }

    /// When it cancels itself: the earliest deadline of this token and those it was made below.
    pub fn deadline(&self) -> Option<Instant> {
        self.node.deadline().map(|deadline| deadline.at())
    }

    /// How much time is left until the [deadline](Self::deadline), if it has one; zero when it has passed.
    ///
    /// It says nothing about being cancelled for another reason.
    pub fn remaining(&self) -> Option<Duration> {
        self.node.deadline().map(|deadline| deadline.remaining())
    }

    /// Waits until the token is cancelled, and tells why.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it leaves nothing behind, and has missed nothing: a token stays cancelled.
    ///
    /// # Cost
    ///
    /// While the token isn't cancelled, a poll with the waker of the poll before is a load. One with another waker
    /// takes a lock, which those who wait for this token share. Whoever waits for a token first makes two allocations,
    /// which stay with the token; others need more when more wait at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::Runtime;
    /// use backstay::task::{CancelReason, CancelToken};
    /// use backstay::testing::Sim;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let token = CancelToken::new();
    ///     let waiting = rt.spawn(token.clone().cancelled_owned());
    ///     token.cancel();
    ///     assert_eq!(waiting.await.unwrap(), CancelReason::Explicit);
    ///     assert_eq!(token.cancelled().await, CancelReason::Explicit);
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    #[doc(alias = "wait_for_cancellation")]
    #[doc(alias = "Done")]
    pub fn cancelled(&self) -> CancelledFuture<'_> {
        CancelledFuture::new(&self.node)
    }

    /// [`cancelled`](Self::cancelled), as a future that borrows nothing.
    ///
    /// # Cancel safety
    ///
    /// As `cancelled`.
    pub fn cancelled_owned(self) -> CancelledOwned {
        CancelledOwned::new(self.node)
    }

    /// Runs `future` until the token is cancelled, and drops it then.
    ///
    /// **The token wins**: each poll looks at it first, so a token that is cancelled ends this also when the future
    /// would be ready, and a future that hasn't begun by then never does. Only a value that came in a poll that had
    /// begun before is returned. The future is dropped before this is ready. If it is to go on through a part of its
    /// work, it takes a [`shield`](Self::shield).
    ///
    /// A future is polled to its next pending await before the token is looked at again: one that is always ready, a
    /// loop over a busy stream for one, is not stopped. Put the `run` inside the loop, around each item.
    ///
    /// # Errors
    ///
    /// [`Cancelled`], with the reason.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the future, and nothing else is lost. What the future loses when it is dropped is its own
    /// matter, here and when the token is cancelled.
    ///
    /// # Cost
    ///
    /// A future that is ready: a load and its poll. One that is pending: as [`cancelled`](Self::cancelled).
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::task::CancelToken;
    /// use futures::executor::block_on;
    /// use std::future::ready;
    ///
    /// let token = CancelToken::new();
    /// assert_eq!(block_on(token.run(ready(1))), Ok(1));
    /// token.cancel();
    /// let error = block_on(token.run(ready(1))).unwrap_err(); // never polled
    /// assert_eq!(error.to_string(), "cancelled");
    /// ```
    #[doc(alias = "run_until_cancelled")]
    pub fn run<F: Future>(&self, future: F) -> Run<'_, F> {
        Run::new(&self.node, future)
    }

    /// [`run`](Self::run), as a future that doesn't borrow the token.
    ///
    /// # Errors
    ///
    /// As `run`.
    ///
    /// # Cancel safety
    ///
    /// As `run`.
    #[doc(alias = "run_until_cancelled_owned")]
    pub fn run_owned<F: Future>(self, future: F) -> RunOwned<F> {
        RunOwned::new(self.node, future)
    }

    /// Keeps each [`run`](Self::run) of this token from dropping its future, for as long as this is held: for what
    /// must not stop in the middle, as the second half of a transfer.
    ///
    /// The token is cancelled all the same: [`is_cancelled`](Self::is_cancelled) tells so, and
    /// [`cancelled`](Self::cancelled) is ready. A `run` that has begun goes on until the last shield is dropped and its
    /// future is pending, or ready; one that hasn't begun never does.
    ///
    /// It is the token's own: it holds for the `run`s of all its clones, and for none of those above or below it. So
    /// work that shields itself is run under a child of its own, and where it is inside of another token's `run`, it
    /// needs a shield of that one too. It doesn't help where somebody else drops the `run`: what has to survive that
    /// is a task. Keep it short, or give what is in it a deadline; a shield that is never dropped makes the `run` one
    /// that can't be cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::Runtime;
    /// use backstay::task::CancelToken;
    /// use backstay::testing::Sim;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt| async move {
    ///     let token = CancelToken::with_deadline(&rt, rt.now() + Duration::from_secs(1));
    ///     let mut steps = 0;
    ///     let work = async {
    ///         let shield = token.shield();
    ///         rt.sleep(Duration::from_secs(2)).await; // longer than the token lives
    ///         steps += 1;
    ///         drop(shield);
    ///         rt.sleep(Duration::from_secs(2)).await; // here it ends
    ///         steps += 1;
    ///     };
    ///     assert!(token.run(work).await.is_err());
    ///     assert_eq!(steps, 1);
    /// })?;
    /// assert_eq!(run.elapsed, Duration::from_secs(2));
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    pub fn shield(&self) -> Shield {
        Shield::new(Arc::clone(&self.node))
    }

    /// Cancels the token when the guard is dropped: on return, by `?`, in a panic, or when the future that holds it is
    /// dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::task::{CancelReason, CancelToken};
    ///
    /// let token = CancelToken::new();
    /// let guard = token.clone().drop_guard();
    /// drop(guard);
    /// assert_eq!(token.reason(), Some(CancelReason::GuardDropped));
    ///
    /// let kept = CancelToken::new().drop_guard().disarm();
    /// assert!(!kept.is_cancelled());
    /// ```
    pub fn drop_guard(self) -> DropGuard {
        DropGuard::new(self)
    }
}

impl Default for CancelToken {
    fn default() -> Self {
        Self::new()
    }
}

// What is behind its locks is whole whenever they are free.
impl UnwindSafe for CancelToken {}
impl RefUnwindSafe for CancelToken {}

impl fmt::Debug for CancelToken {
    /// Reads no clock.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.node.is_marked().then(|| self.node.why());
        f.debug_struct("CancelToken")
            .field("cancelled", &reason)
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}
