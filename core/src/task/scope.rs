//! Tasks that have ended when their scope has (recipe 5.3).

mod error;
mod exit;
mod family;
mod handle;
mod place;
mod policy;
mod ready;
mod run;
mod shared;
mod spawn;

pub use error::{Failure, Failures, Origin, ScopeError};
pub use handle::{ChildError, TaskHandle};
pub use policy::{OnError, OnPanic};
pub use ready::{NotReady, Started};
pub use run::ScopeFuture;
pub use shared::SharedScope;

use super::cancel_token::{CancelReason, CancelToken, CancelledFuture};
use super::parent::{Guardian, Keeper, Parent, Rest, sealed};
use super::roster::TaskCounts;
use crate::runtime::Runtime;
use family::Family;
use std::fmt;
use std::sync::Arc;

/// Runs a body that can start **tasks**, in parallel with it and each other, and ends when all of them have.
///
/// The body gets a [`TaskScope`], which it may clone and hand on: tasks can start tasks. Nothing that is started in
/// the scope outlives it, however it ends:
///
/// * the body and all tasks end by themselves: the scope gives the body's value;
/// * a task or the body gives an error: all others are cancelled, and when they have ended the scope gives the error;
///   other ways are named by [`OnError`];
/// * a task or the body panics: all others are cancelled, and when they have ended the panic goes on here, or is an
///   error: [`OnPanic`];
/// * it is cancelled, by its token, its parent's, or its [deadline](ScopeFuture::deadline): all are cancelled, and when
///   they have ended the scope gives [`ScopeError::Cancelled`].
///
/// **Cancelled** means: the body is dropped at its next await, and so is what was [spawned](TaskScope::spawn); what was
/// [spawned with a token](TaskScope::spawn_with) is told by it, and has a [grace](ScopeFuture::close_grace) to end by
/// itself; what is [shielded](TaskScope::shield) goes on to its end; a blocking function goes on if it runs. What is to
/// be spawned from then on never starts, and its handle tells so. An error that a task gives on its way out is an error
/// like others: one that was told to stop, and has nothing to complain about, ends with `Ok`.
///
/// Its tasks can't borrow, as their scope can't keep its future from being forgotten: share with an `Arc`, which
/// [`with_shared`](TaskScope::with_shared) hands to each of them, or take a [`borrow_scope`](super::borrow_scope()),
/// whose children borrow and run in one task. The body itself may borrow.
///
/// # Order
///
/// Tasks are ended in the order of their places, which is that of spawning as long as none has ended. Then come the
/// [exit hooks](TaskScope::on_exit), the last first. Nothing happens before the first poll.
///
/// # Errors
///
/// [`ScopeError`], when the body and all tasks have ended.
///
/// # Panics
///
/// With the first panic of the body, a task or an exit hook, after all have ended; unless [`OnPanic::Report`] is
/// chosen.
///
/// # Cancel safety
///
/// Dropping the scope before it has ended cancels it, and aborts all tasks that aren't shielded. What still runs is
/// awaited by the parent: a [`TaskScope`], or a [`Shutdown`](super::Shutdown). A [`Runtime`] as parent can't wait.
/// [Exit hooks](TaskScope::on_exit) run then, too.
///
/// # Cost
///
/// A few allocations a scope, and for each task one beside that of its spawn: where its outcome is.
///
/// # Examples
///
/// ```
/// use backstay::{Runtime, task::scope, testing::Sim};
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt| async move {
///     let sum = scope(&rt, |s| async move {
///         let parts: Vec<_> = (1..=3).map(|n| {
///             let nap = s.runtime().sleep(Duration::from_millis(10));
///             s.spawn(async move { nap.await; Ok::<_, String>(n) })
///         }).collect();
///         let mut sum = 0;
///         for part in parts {
///             sum += part.await.map_err(|error| error.to_string())?;
///         }
///         Ok(sum)
///     });
///     assert_eq!(sum.await.unwrap(), 6);
/// })?;
/// assert_eq!(run.elapsed, Duration::from_millis(10));
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
#[doc(alias = "nursery")]
#[doc(alias = "TaskGroup")]
#[doc(alias = "errgroup")]
#[doc(alias = "coroutineScope")]
#[doc(alias = "StructuredTaskScope")]
#[track_caller]
pub fn scope<P, E, V, F, B>(parent: &P, body: F) -> ScopeFuture<P::Runtime, E, F, B>
where
    P: Parent,
    E: Send + 'static,
    F: FnOnce(TaskScope<P::Runtime, E>) -> B,
    B: Future<Output = Result<V, E>>,
{
    ScopeFuture::new(parent.runtime().clone(), parent.guardian(), body)
}

/// Where the body of a [`scope`](scope()) and its tasks start tasks.
///
/// A clone is the same scope. It may outlive the scope; what is spawned then never starts.
pub struct TaskScope<R: Runtime, E> {
    family: Arc<Family<R, E>>,
    // Of what is spawned through this handle.
    name: Option<Arc<str>>,
}

impl<R: Runtime, E: Send + 'static> TaskScope<R, E> {
    const fn new(family: Arc<Family<R, E>>) -> Self {
        Self { family, name: None }
    }

    /// The same scope; what is spawned through this handle has a name, for errors, reports and debuggers.
    ///
    /// The name is for people: two tasks may share one.
    pub fn named(&self, name: impl Into<Arc<str>>) -> Self {
        Self { family: Arc::clone(&self.family), name: Some(name.into()) }
    }

    /// The runtime on which tasks are spawned.
    pub fn runtime(&self) -> &R {
        &self.family.rt
    }

    /// The scope's token. It is cancelled when the scope is, for whatever reason, and at its end: what is made below it
    /// later is cancelled from the start.
    pub fn token(&self) -> &CancelToken {
        &self.family.token
    }

    /// Cancels the scope, body and all.
    pub fn cancel(&self, reason: impl Into<CancelReason>) {
        self.family.token.cancel_with(reason);
    }

    /// Waits until the scope is cancelled: for a body that has nothing else to do.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub fn cancelled(&self) -> CancelledFuture<'_> {
        self.family.token.cancelled()
    }

    /// How many tasks run, and how the others have ended.
    pub fn counts(&self) -> TaskCounts {
        self.family.roster.counts()
    }
}

impl<R: Runtime, E> Clone for TaskScope<R, E> {
    fn clone(&self) -> Self {
        Self { family: Arc::clone(&self.family), name: self.name.clone() }
    }
}

impl<R: Runtime, E: Send + 'static> sealed::Parent for TaskScope<R, E> {
    type Runtime = R;

    fn runtime(&self) -> &R {
        &self.family.rt
    }

    fn guardian(&self) -> Guardian {
        Guardian::new(self.family.token.clone(), Arc::<Family<R, E>>::clone(&self.family))
    }
}

impl<R: Runtime, E: Send + 'static> Keeper for Family<R, E> {
    fn keep(self: Arc<Self>, count: usize, rest: Rest) {
        if let Err(rest) = self.adopt(rest) {
            // The scope has ended.
            self.guardian.pass_on(count, rest);
        }
    }
}

impl<R: Runtime, E> fmt::Debug for TaskScope<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskScope").field("counts", &self.family.roster.counts()).finish_non_exhaustive()
    }
}
