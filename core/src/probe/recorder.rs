//! Who listens.

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

thread_local! {
    /// Who listens on this thread; the one diagnostic thread-local of the house.
    static LISTENING: RefCell<Option<Recorder>> = const { RefCell::new(None) };
}

/// Who listens, if anybody does.
pub(super) fn listening() -> Option<Recorder> {
    // Not even a destructor that runs as the thread ends may panic here.
    LISTENING.try_with(|recorder| recorder.borrow().clone()).ok().flatten()
}

/// Who listens and asks what is waited for: of most polls nobody does.
#[inline]
pub(super) fn asking() -> Option<Recorder> {
    let is_asked = |recorder: &Recorder| recorder.0.asked.load(Ordering::Relaxed);
    let asked = LISTENING.try_with(|recorder| recorder.borrow().as_ref().is_some_and(is_asked));
    if asked.unwrap_or(false) { listening() } else { None }
}

/// Listens to what code tells about itself: for test runtimes.
///
/// A clone listens to the same.
///
/// # Examples
///
/// ```
/// use backstay_core::probe::{self, Recorder};
///
/// let recorder = Recorder::new();
/// let held = recorder.listen(|| {
///     let (_, waits) = recorder.waits(|| probe::waiting(|| "a bus".to_owned()));
///     assert_eq!(waits, ["a bus"]);
///     probe::hold(|| "a ticket".to_owned())
/// });
/// assert_eq!(recorder.held(), ["a ticket"]);
/// drop(held);
/// assert!(recorder.held().is_empty());
/// ```
#[derive(Clone, Default)]
pub struct Recorder(Arc<Shared>);

#[derive(Default)]
struct Shared {
    // Whether somebody asks for labels of waits: most polls are answered by this alone.
    asked: AtomicBool,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    waits: Vec<String>,
    // Wanted where there is a list.
    backtraces: Option<Vec<Backtrace>>,
    held: BTreeMap<u64, String>,
    held_so_far: u64,
    marks: BTreeMap<&'static str, bool>,
}

/// One thing held.
pub(super) struct Entry {
    recorder: Recorder,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.recorder.notes().held.remove(&self.id);
    }
}

impl Recorder {
    /// One that has heard nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens on this thread while `f` runs, instead of who listened before.
    pub fn listen<T>(&self, f: impl FnOnce() -> T) -> T {
        struct Restore(Option<Recorder>);

        impl Drop for Restore {
            fn drop(&mut self) {
                LISTENING.set(self.0.take());
            }
        }

        let _restore = Restore(LISTENING.replace(Some(self.clone())));
        f()
    }

    /// What was told to be waited for while `f` ran; `f` must run where this recorder listens. One inside another
    /// tells both.
    pub fn waits<T>(&self, f: impl FnOnce() -> T) -> (T, Vec<String>) {
        let asked_before = self.0.asked.swap(true, Ordering::Relaxed);
        let before = std::mem::take(&mut self.notes().waits);
        let result = f();
        self.0.asked.store(asked_before, Ordering::Relaxed);
        let mut notes = self.notes();
        let waits = std::mem::take(&mut notes.waits);
        notes.waits = before;
        if asked_before {
            notes.waits.extend_from_slice(&waits);
        }
        drop(notes);
        (result, waits)
    }

    /// As [`waits`](Self::waits), with whoever listens on this thread; nothing where nobody does.
    pub fn waits_here<T>(f: impl FnOnce() -> T) -> (T, Vec<String>) {
        match listening() {
            Some(recorder) => recorder.waits(f),
            None => (f(), Vec::new()),
        }
    }

    /// Where what is waited for was told while `f` ran, a backtrace of each; as [`waits`](Self::waits), and where somebody
    /// asks for those too.
    ///
    /// A backtrace takes milliseconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::probe::{self, Recorder};
    ///
    /// let recorder = Recorder::new();
    /// let bus = || probe::waiting(|| "a bus".to_owned());
    /// let (((), waits), backtraces) = recorder.listen(|| recorder.backtraces(|| recorder.waits(bus)));
    /// assert_eq!((waits.len(), backtraces.len()), (1, 1));
    /// ```
    pub fn backtraces<T>(&self, f: impl FnOnce() -> T) -> (T, Vec<Backtrace>) {
        let before = self.notes().backtraces.replace(Vec::new());
        let result = f();
        let backtraces = std::mem::replace(&mut self.notes().backtraces, before);
        (result, backtraces.unwrap_or_default())
    }

    /// What is held now, in the order in which it was taken.
    pub fn held(&self) -> Vec<String> {
        self.notes().held.values().cloned().collect()
    }

    /// The marks of [`sometimes!`](crate::sometimes) that were passed, and whether they were ever true.
    pub fn marks(&self) -> BTreeMap<&'static str, bool> {
        self.notes().marks.clone()
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn waiting(&self, label: String) {
        let wants_backtrace = self.notes().backtraces.is_some();
        let backtrace = wants_backtrace.then(Backtrace::force_capture);
        let mut notes = self.notes();
        notes.waits.push(label);
        if let Some(backtraces) = &mut notes.backtraces {
            backtraces.extend(backtrace);
        }
    }

    pub(super) fn hold(&self, label: String) -> Entry {
        let mut notes = self.notes();
        let id = notes.held_so_far;
        notes.held_so_far += 1;
        notes.held.insert(id, label);
        Entry { recorder: self.clone(), id }
    }

    pub(super) fn reached(&self, mark: &'static str, reached: bool) {
        *self.notes().marks.entry(mark).or_default() |= reached;
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}
