//! Foreign code on a thread of ours: its panics are not the end of the thread.

use backstay_core::runtime::Panic;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(any(feature = "fs-events", feature = "sqlite"))]
use std::task::Waker;

/// Runs what may panic.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(run)).map_err(Panic::new)
}

/// Runs what may panic, where nobody can be told; the panic hook has reported it.
pub(crate) fn unharmed(run: impl FnOnce()) {
    if let Err(panic) = caught(run) {
        // Its destructor is foreign code, which could panic too.
        mem::forget(panic);
    }
}

/// Wakes whoever waits.
#[cfg(any(feature = "fs-events", feature = "sqlite"))]
pub(crate) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        unharmed(|| waker.wake());
    }
}
