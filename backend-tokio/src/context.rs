//! The tokio runtime that a handle means, and whether it has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Handle;

/// What the handle, its sleeps and its sockets share.
#[derive(Clone, Debug)]
pub(crate) struct Context(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    handle: Handle,
    // Set by our owner; of others' runtimes nobody tells.
    ended: AtomicBool,
}

impl Context {
    pub(crate) fn new(handle: Handle) -> Self {
        Self(Arc::new(Inner { handle, ended: AtomicBool::new(false) }))
    }

    #[inline]
    pub(crate) fn handle(&self) -> &Handle {
        &self.0.handle
    }

    /// Marks the end: from here on sleeps don't touch tokio's timers, which would panic.
    pub(crate) fn set_ended(&self) {
        self.0.ended.store(true, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.ended.load(Ordering::Acquire)
    }

    /// Runs `f` in this runtime's context, which tokio's own constructors look for.
    #[inline]
    pub(crate) fn enter<T>(&self, f: impl FnOnce() -> T) -> T {
        // Half the price of entering, and the usual case.
        if Handle::try_current().is_ok_and(|current| current.id() == self.0.handle.id()) {
            return f();
        }
        let _context = self.0.handle.enter();
        f()
    }
}
