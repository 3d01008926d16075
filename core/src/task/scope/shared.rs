//! Tasks that share something.

use super::{TaskHandle, TaskScope};
use crate::runtime::Runtime;
use std::fmt;
use std::sync::Arc;

/// A scope whose tasks share a value; made by [`TaskScope::with_shared`].
pub struct SharedScope<R: Runtime, E, T: ?Sized> {
    scope: TaskScope<R, E>,
    shared: Arc<T>,
}

impl<R: Runtime, E: Send + 'static> TaskScope<R, E> {
    /// The same scope, whose tasks are handed a value that they share, as they can't borrow it.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{Runtime, task::scope, testing::Sim};
    /// use std::sync::{Arc, atomic::{AtomicU32, Ordering::SeqCst}};
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let hits = Arc::new(AtomicU32::new(0));
    ///     scope(&rt, |s| {
    ///         let s = s.with_shared(Arc::clone(&hits));
    ///         for n in 0..3 {
    ///             s.spawn(move |hits| async move { hits.fetch_add(n, SeqCst); Ok(()) });
    ///         }
    ///         async { Ok::<(), String>(()) }
    ///     }).await.unwrap();
    ///     assert_eq!(hits.load(SeqCst), 3);
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    ///
    /// A task that borrows what is not there for ever does not compile:
    ///
    /// ```compile_fail,E0597
    /// # use backstay::{Runtime, task::scope, testing::Sim};
    /// # Sim::builder().run(|rt| async move {
    /// let local = String::from("gone with the future that owns it");
    /// scope(&rt, |s| {
    ///     s.spawn(async { Ok::<_, String>(local.len()) });
    ///     async { Ok(()) }
    /// }).await.unwrap();
    /// # }).unwrap();
    /// ```
    pub fn with_shared<T: ?Sized>(&self, shared: Arc<T>) -> SharedScope<R, E, T> {
        SharedScope { scope: self.clone(), shared }
    }
}

impl<R: Runtime, E: Send + 'static, T: ?Sized> SharedScope<R, E, T> {
    /// [`TaskScope::spawn`] of the task that `start` makes of the shared value.
    #[track_caller]
    pub fn spawn<V, S, F>(&self, start: S) -> TaskHandle<V, E>
    where
        V: Send + 'static,
        S: FnOnce(Arc<T>) -> F,
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        self.scope.spawn(start(Arc::clone(&self.shared)))
    }

    /// The scope, for the other ways to start a task.
    pub const fn scope(&self) -> &TaskScope<R, E> {
        &self.scope
    }

    /// The value.
    pub const fn shared(&self) -> &Arc<T> {
        &self.shared
    }
}

impl<R: Runtime, E, T: ?Sized> Clone for SharedScope<R, E, T> {
    fn clone(&self) -> Self {
        Self { scope: self.scope.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<R: Runtime, E, T: ?Sized> fmt::Debug for SharedScope<R, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedScope").field("scope", &self.scope).finish_non_exhaustive()
    }
}
