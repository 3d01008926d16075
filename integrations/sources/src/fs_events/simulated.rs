//! Changes that a test makes up.

use super::debounce::Change;
use super::error::FsError;
use super::shared::Shared;
use backstay_core::Runtime;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Makes up changes; from [`FsWatch::simulated`](super::FsWatch::simulated). Dropped, it ends the stream.
pub struct SimulatedFs<R: Runtime> {
    rt: R,
    shared: Arc<Shared>,
}

impl<R: Runtime> SimulatedFs<R> {
    pub(super) const fn new(rt: R, shared: Arc<Shared>) -> Self {
        Self { rt, shared }
    }

    /// A file or folder was made.
    pub fn created(&self, path: impl Into<PathBuf>) {
        self.note(path.into(), Change::Created);
    }

    /// A file or folder has changed.
    pub fn modified(&self, path: impl Into<PathBuf>) {
        self.note(path.into(), Change::Modified);
    }

    /// A file or folder is gone.
    pub fn removed(&self, path: impl Into<PathBuf>) {
        self.note(path.into(), Change::Removed);
    }

    /// The system has lost events.
    pub fn lost(&self) {
        let now = self.rt.now();
        self.shared.note(|debounce| debounce.lose(0, now));
    }

    /// Something went wrong.
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
