//! What is done when a scope has ended.

use super::TaskScope;
use crate::runtime::Runtime;
use crate::task::refused::Refused;

impl<R: Runtime, E: Send + 'static> TaskScope<R, E> {
    /// Has `hook` run when the body and all tasks have ended, however they did: to clean up.
    ///
    /// Of several the last comes first, one after the other. They are not cancelled with the scope, and may start
    /// [shielded](Self::shield) tasks. Where the scope is dropped early, they run as a task of its parent's.
    ///
    /// # Errors
    ///
    /// [`Refused`], with the hook, where they have run: the scope has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{Runtime, task::scope, testing::Sim};
    /// use std::sync::{Arc, Mutex};
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let log = Arc::new(Mutex::new(Vec::new()));
    ///     let failed = scope(&rt, |s| async move {
    ///         for step in ["close the connection", "say goodbye"] {
    ///             let log = log.clone();
    ///             s.on_exit(async move { log.lock().unwrap().push(step) }).unwrap();
    ///         }
    ///         assert!(log.lock().unwrap().is_empty());
    ///         s.on_exit(async move { assert!(log.lock().unwrap().is_empty()) }).unwrap(); // the first to run
    ///         Err::<(), _>("it does not matter how it ends")
    ///     });
    ///     assert!(failed.await.is_err());
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    #[doc(alias = "defer")]
    #[doc(alias = "finally")]
    pub fn on_exit<F>(&self, hook: F) -> Result<(), Refused<F>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.family.add_hook(hook).map_err(Refused::new)
    }
}
