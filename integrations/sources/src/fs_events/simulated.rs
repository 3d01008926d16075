//! Changes that a test makes up.

use super::debounce::Change;
use super::error::FsError;
use super::shared::Shared;
use backstay_core::Runtime;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Makes up changes; from [`FsWatch::simulated`](super::FsWatch::simulated). Dropped, it ends the stream.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_sources::fs_events::{FsEvent, watch};
/// use futures::StreamExt;
///
/// Sim::builder().run(|rt| async move {
///     let (fs, mut changes) = watch(&rt, "/").simulated();
///     fs.created("/letter");
///     assert_eq!(changes.next().await.unwrap().unwrap(), FsEvent::Created { path: "/letter".into() });
///     drop(fs);
///     assert!(changes.next().await.is_none());
/// })?;
/// # Ok::<(), Failure>(())
/// ```
pub struct SimulatedFs<R: Runtime> {
    rt: R,
    shared: Arc<Shared>,
}

impl<R: Runtime> SimulatedFs<R> {
    pub(super) const fn new(rt: R, shared: Arc<Shared>) -> Self {
        Self { rt, shared }
    }

    /// A file or folder was made.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_sources::fs_events::{FsEvent, watch};
    /// use futures::StreamExt;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let (fs, mut changes) = watch(&rt, "/").simulated();
    ///     fs.removed("/letter");
    ///     fs.created("/letter"); // in its place, before it was told: it has changed
    ///     assert_eq!(changes.next().await.unwrap().unwrap(), FsEvent::Modified { path: "/letter".into() });
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn created(&self, path: impl Into<PathBuf>) {
        self.note(path.into(), Change::Created);
    }

    /// A file or folder has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_sources::fs_events::{FsEvent, watch};
    /// use futures::StreamExt;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let (fs, mut changes) = watch(&rt, "/").simulated();
    ///     for _ in 0..100 {
    ///         fs.modified("/log"); // told once
    ///     }
    ///     drop(fs);
    ///     assert_eq!(changes.next().await.unwrap().unwrap(), FsEvent::Modified { path: "/log".into() });
    ///     assert!(changes.next().await.is_none());
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn modified(&self, path: impl Into<PathBuf>) {
        self.note(path.into(), Change::Modified);
    }

    /// A file or folder is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_sources::fs_events::{FsEvent, watch};
    /// use futures::StreamExt;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let (fs, mut changes) = watch(&rt, "/").simulated();
    ///     fs.modified("/letter");
    ///     fs.removed("/letter"); // that is what counts in the end
    ///     assert_eq!(changes.next().await.unwrap().unwrap(), FsEvent::Removed { path: "/letter".into() });
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn removed(&self, path: impl Into<PathBuf>) {
        self.note(path.into(), Change::Removed);
    }

    /// The system has lost events.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_sources::fs_events::{FsEvent, watch};
    /// use futures::StreamExt;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let (fs, mut changes) = watch(&rt, "/").simulated();
    ///     fs.lost();
    ///     assert_eq!(changes.next().await.unwrap().unwrap(), FsEvent::Rescan { lost: 0 }); // nobody knows how many
    ///     assert_eq!(changes.dropped(), 0);
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn lost(&self) {
        let now = self.rt.now();
        self.shared.note(|debounce| debounce.lose(0, now));
    }

    /// Something went wrong.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_sources::fs_events::{FsError, FsEvent, watch};
    /// use futures::StreamExt;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let (fs, mut changes) = watch(&rt, "/").simulated();
    ///     fs.created("/letter");
    ///     fs.fail(FsError::Limit { path: "/folder".into() });
    ///     assert!(matches!(changes.next().await, Some(Err(FsError::Limit { .. })))); // first, and it goes on
    ///     assert_eq!(changes.next().await.unwrap().unwrap(), FsEvent::Created { path: "/letter".into() });
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn fail(&self, error: FsError) {
        let now = self.rt.now();
        self.shared.note(|debounce| debounce.fail(error, now));
    }

    fn note(&self, path: PathBuf, change: Change) {
        let now = self.rt.now();
        self.shared.note(|debounce| debounce.note(path, change, false, now));
    }
}

impl<R: Runtime> Drop for SimulatedFs<R> {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl<R: Runtime> fmt::Debug for SimulatedFs<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedFs").finish_non_exhaustive()
    }
}
