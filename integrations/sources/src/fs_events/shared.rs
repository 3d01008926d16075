//! Between the watcher's thread and the stream.

use super::config::FsWatchConfig;
use super::debounce::{Debounce, Next};
use crate::waking::wake;
use backstay_core::time::Instant;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

#[derive(Debug)]
pub(super) struct Shared(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    debounce: Debounce,
    reader: Option<Waker>,
    has_ended: bool,
}

impl Shared {
    pub(super) fn new(config: FsWatchConfig) -> Arc<Self> {
        let inner = Inner { debounce: Debounce::new(config), reader: None, has_ended: false };
        Arc::new(Self(Mutex::new(inner)))
    }

    /// Has something noted; wakes the reader if that is to be told before all else.
    pub(super) fn note(&self, note: impl FnOnce(&mut Debounce)) {
        let mut inner = self.lock();
        let before = inner.debounce.next_at();
        note(&mut inner.debounce);
        let is_first = match (inner.debounce.next_at(), before) {
            (Some(next), Some(before)) => next < before,
            (next, _) => next.is_some(),
        };
        let reader = if is_first { inner.reader.take() } else { None };
        drop(inner);
        wake(reader);
    }

    /// Nothing will come any more.
    pub(super) fn end(&self) {
        let mut inner = self.lock();
        inner.has_ended = true;
        let reader = inner.reader.take();
        drop(inner);
        wake(reader);
    }

    /// What is to be told; `None` at the end. Pending with the time at which to look again, if it is known.
    pub(super) fn poll_next(&self, now: Instant, cx: &Context<'_>) -> Result<Option<Next>, Option<Instant>> {
        // Wakers are cloned and dropped outside of the lock, whatever is returned.
        let own = cx.waker().clone();
        let mut inner = self.lock();
        // At the end nothing has to wait.
        let now = if inner.has_ended { Instant::MAX } else { now };
        let at = match inner.debounce.next(now) {
            Next::Nothing if inner.has_ended => return Ok(None),
            Next::Nothing => None,
            Next::At(at) => Some(at),
            next => return Ok(Some(next)),
        };
        let old = inner.reader.replace(own);
        drop(inner);
        drop(old);
        Err(at)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.lock().debounce.dropped()
    }

    /// How much will be told at least, and whether that is all.
    pub(super) fn left(&self) -> (usize, bool) {
        let inner = self.lock();
        (inner.debounce.len(), inner.has_ended)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
