//! Tasks that are not `Send` (recipe 9.5).

use super::nursery::{InScope, Inbox, ScopedHandle, child};
use crate::primitives::Arc;
use std::fmt;
use std::pin::Pin;

/// Runs a body that can spawn children which are **not `Send`**, on any runtime, and ends when all of them have.
///
/// It is a [`borrow_scope`](super::borrow_scope) without `Send`: children may hold an `Rc`, a `RefCell` guard, or what
/// a C library ties to a thread, and may borrow too. They run in the task that awaits the scope. That task can't be
/// spawned, since it isn't `Send` either: await the scope in [`block_on`](crate::BlockOn::block_on), which every
/// owner of a runtime has, or in a blocking job of its own. Inside, what belongs to the runtime works as anywhere:
/// sleeps, sockets, tasks that are `Send`.
///
/// Order, cancel safety, panics and cost are those of [`borrow_scope`](super::borrow_scope).
///
/// # Examples
///
/// ```
/// use backstay::{BlockOn, Config, Runtime, smol::SmolOwner};
/// use backstay_core::task::local_scope;
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// let owner = SmolOwner::new(Config::new())?;
/// let rt = owner.runtime().clone();
/// let sum = owner.block_on(local_scope(|scope| async move {
///     let sum = Rc::new(Cell::new(0));
///     for n in 1..=3 {
///         let (rt, sum) = (rt.clone(), Rc::clone(&sum));
///         scope.spawn(async move {
///             rt.sleep(Duration::from_millis(n)).await;
///             sum.set(sum.get() + n);
///         }).detach();
///     }
///     sum
/// }));
/// assert_eq!(sum.get(), 6);
/// # Ok::<(), backstay::ConfigError>(())
/// ```
#[doc(alias = "LocalSet")]
#[doc(alias = "spawn_local")]
pub fn local_scope<'env, F, B>(body: F) -> impl Future<Output = B::Output>
where
    F: FnOnce(LocalScope<'env>) -> B,
    B: Future,
{
    InScope::new(|inbox| body(LocalScope { inbox }))
}

type LocalChild<'env> = Pin<Box<dyn Future<Output = ()> + 'env>>;

/// Where the body of a [`local_scope`] and its children spawn children.
///
/// A clone is the same scope.
pub struct LocalScope<'env> {
    inbox: Arc<Inbox<LocalChild<'env>>>,
}

impl<'env> LocalScope<'env> {
    /// Starts a child, which need not be `Send`, and may borrow what outlives the scope.
    ///
    /// It is first polled after the body has had its turn. Spawned when the scope has ended, it is dropped without
    /// having run, and its handle says so.
    pub fn spawn<F>(&self, future: F) -> ScopedHandle<F::Output>
    where
        F: Future<Output: 'env> + 'env,
    {
        let (child, handle) = child(future);
        self.inbox.spawn(Box::pin(child));
        handle
    }
}

impl Clone for LocalScope<'_> {
    fn clone(&self) -> Self {
        Self { inbox: Arc::clone(&self.inbox) }
    }
}

impl fmt::Debug for LocalScope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalScope").finish_non_exhaustive()
    }
}
