//! Whether all that was made has been dropped.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Knows which of the values that it was given are still there.
///
/// For tests that drop, abort and shut down: whatever happens, each value must be dropped, and those that were to
/// arrive must.
///
/// # Examples
///
/// ```
/// use backstay_core::testing::Tracker;
///
/// let tracker = Tracker::new();
/// let (sender, receiver) = std::sync::mpsc::channel();
/// sender.send(tracker.track("a letter")).unwrap();
/// assert_eq!(tracker.alive(), 1);
/// drop((sender, receiver)); // never read, and dropped
/// tracker.assert_none_alive();
/// ```
#[derive(Clone, Default)]
pub struct Tracker(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    made: u64,
    alive: BTreeMap<u64, &'static Location<'static>>,
}

impl Tracker {
    /// One that knows of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Follows `value` until it is dropped.
    #[track_caller]
    pub fn track<T>(&self, value: T) -> Tracked<T> {
        let mut known = self.lock();
        let id = known.made;
        known.made += 1;
        known.alive.insert(id, Location::caller());
        drop(known);
        Tracked { value, id, tracker: self.clone() }
    }

    /// How many are still there.
    pub fn alive(&self) -> usize {
        self.lock().alive.len()
    }

    /// Checks that all are gone.
    ///
    /// # Panics
    ///
    /// If one is not, with the places where they were made.
    #[track_caller]
    pub fn assert_none_alive(&self) {
        let mut places = BTreeMap::<_, u64>::new();
        for place in self.lock().alive.values() {
            *places.entry((place.file(), place.line())).or_default() += 1;
        }
        let places: Vec<_> =
            places.iter().map(|((file, line), count)| format!("{count} of {file}:{line}")).collect();
        assert!(places.is_empty(), "not dropped: {}", places.join(", "));
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker").field("alive", &self.alive()).finish_non_exhaustive()
    }
}

/// A value that a [`Tracker`] follows.
pub struct Tracked<T> {
    value: T,
    id: u64,
    tracker: Tracker,
}

impl<T> Drop for Tracked<T> {
    fn drop(&mut self) {
        self.tracker.lock().alive.remove(&self.id);
    }
}

impl<T> Deref for Tracked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Tracked<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Tracked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
