//! The system's watcher, and what is done with its events.

use super::error::FsError;
use super::roots::Roots;
use super::shared::Shared;
use crate::waking::unharmed;
use backstay_core::Runtime;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::path::PathBuf;
use std::sync::Arc;

/// Asks the system until it is dropped, which doesn't wait.
pub(super) struct Watcher(Option<RecommendedWatcher>);

impl Watcher {
    pub(super) fn start<R: Runtime>(
        rt: R,
        paths: Vec<PathBuf>,
        is_recursive: bool,
        shared: Arc<Shared>,
    ) -> Result<Self, FsError> {
        let roots = Roots::find(paths, is_recursive)?;
        let folders: Vec<_> =
            roots.folders().into_iter().map(|(folder, all)| (folder.to_owned(), all)).collect();
        let first = roots.first().to_owned();
        let mut hears = Hears { rt, roots, shared };
        // Foreign code is called in there: wakers. A panic would be the end of the watcher's thread.
        let hears = move |event| unharmed(|| hears.hear(event));
        // To the system two ways to a folder are one watch, which tells under the name that came last, and ends with the
        // first of the two that goes.
        let settings = notify::Config::default().with_follow_symlinks(false);
        let watcher = RecommendedWatcher::new(hears, settings).map_err(|error| FsError::of(&first, error))?;
        let mut own = Self(Some(watcher));
        if let Some(watcher) = &mut own.0 {
            for (folder, all) in &folders {
                let mode = if *all { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
                watcher.watch(folder, mode).map_err(|error| FsError::of(folder, error))?;
            }
        }
        Ok(own)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // Its thread may be gone already, and it panics where it can't tell it to go.
        unharmed(|| drop(self.0.take()));
    }
}

/// What the watcher's thread does with the system's events.
struct Hears<R> {
    rt: R,
    roots: Roots,
    shared: Arc<Shared>,
}

impl<R: Runtime> Hears<R> {
    fn hear(&mut self, event: notify::Result<notify::Event>) {
        let now = self.rt.now();
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                let error = FsError::of(self.roots.first(), error);
                return self.shared.note(|debounce| debounce.fail(error, now));
            }
        };
        if event.need_rescan() {
            self.shared.note(|debounce| debounce.lose(0, now));
        }
        let gone = self.roots.gone(&event);
        for (path, change, is_folder) in self.roots.changes(event) {
            self.shared.note(|debounce| debounce.note(path, change, is_folder, now));
        }
        if !gone.is_empty() {
            for path in gone {
                self.shared.note(|debounce| debounce.fail(FsError::Gone { path }, now));
            }
            if self.roots.are_gone() {
                self.shared.end();
            }
        }
    }
}
