//! Concurrent children that borrow (recipe 5.3).

use super::nursery::{InScope, Inbox, ScopedHandle, child};
use crate::primitives::Arc;
use std::fmt;
use std::pin::Pin;

/// Runs a body that can spawn children which **borrow** from around the scope, and ends when all of them have.
///
/// The children run concurrently with the body and with each other, in the task that awaits the scope: a scope makes
/// no tasks and needs no runtime. That is what makes borrowing safe, also where the scope's future is forgotten
/// halfway. For children that run in parallel, spawn tasks; they can't borrow.
///
/// The body gets a [`Scope`], which it and its children may clone and pass on: a child can spawn more, and can have a
/// scope of its own inside. When the body has ended, the scope waits for the children that still run. To stop them
/// instead, let them run under a [`CancelToken`](super::CancelToken).
///
/// # Order
///
/// In each poll: the children that were woken, then the body, then children that are new, each once.
///
/// # Cancel safety
///
/// Dropping the scope drops the body and all children, at once: nothing runs on.
///
/// # Panics
///
/// A panic of the body or of a child goes on in whoever awaits the scope, which drops all others with it.
///
/// # Cost
///
/// Two allocations a scope, a few more for the places of its children, and for each child two, and one more if it is
/// ever pending. The body is polled whenever the scope is, also where only a child was woken.
///
/// # Examples
///
/// ```
/// use backstay_core::task::borrow_scope;
///
/// # futures::executor::block_on(async {
/// let words = ["borrowed", "not", "cloned"].map(String::from);
/// let total = borrow_scope(|scope| {
///     let words = &words; // what children borrow is from outside of the scope
///     async move {
///         let lengths: Vec<_> = words.iter().map(|word| scope.spawn(async move { word.len() })).collect();
///         let mut total = 0;
///         for length in lengths {
///             total += length.await.expect("the scope is still there");
///         }
///         total
///     }
/// })
/// .await;
/// assert_eq!(total, 17);
/// assert_eq!(words.len(), 3); // and still ours
/// # });
/// ```
///
/// A child can't borrow what is the body's own, which is gone before the child has to end:
///
/// ```compile_fail,E0597
/// # use backstay_core::task::borrow_scope;
/// # futures::executor::block_on(async {
/// borrow_scope(|scope| async move {
///     let local = String::from("gone with the body");
///     scope.spawn(async { local.len() }).detach();
/// })
/// .await;
/// # });
/// ```
#[doc(alias = "nursery")]
#[doc(alias = "moro")]
pub fn borrow_scope<'env, F, B>(body: F) -> impl Future<Output = B::Output>
where
    F: FnOnce(Scope<'env>) -> B,
    B: Future,
{
    InScope::new(|inbox| body(Scope { inbox }))
}

type BorrowingChild<'env> = Pin<Box<dyn Future<Output = ()> + Send + 'env>>;

/// Where the body of a [`borrow_scope`] and its children spawn children.
///
/// A clone is the same scope.
pub struct Scope<'env> {
    inbox: Arc<Inbox<BorrowingChild<'env>>>,
}

impl<'env> Scope<'env> {
    /// Starts a child, which may borrow what outlives the scope.
    ///
    /// It is first polled after the body has had its turn. Spawned when the scope has ended, it is dropped without
    /// having run, and its handle says so. From another task, it wakes the scope's.
    pub fn spawn<F>(&self, future: F) -> ScopedHandle<F::Output>
    where
        F: Future<Output: Send + 'env> + Send + 'env,
    {
        let (child, handle) = child(future);
        self.inbox.spawn(Box::pin(child));
        handle
    }
}

impl Clone for Scope<'_> {
    fn clone(&self) -> Self {
        Self { inbox: Arc::clone(&self.inbox) }
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}
