//! The tokio runtime that a handle means, and whether it has ended.

use std::any::Any;
use std::panic::catch_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Waker};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::unconstrained;
use tokio::time::sleep;

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

    /// [`enter`](Self::enter) for a destructor, which may run when the thread ends and has no context left to enter.
    pub(crate) fn enter_to_drop(&self, f: impl FnOnce()) {
        match Handle::try_current() {
            Err(error) if error.is_thread_local_destroyed() => f(),
            _ => self.enter(f),
        }
    }
}

/// Whether the runtime whose context this is has ended: tokio tells by the panic of a timer, which the panic hook sees.
#[cold]
pub(crate) fn have_timers_ended() -> bool {
    let polled = catch_unwind(|| {
        pin!(unconstrained(sleep(Duration::from_secs(3600))))
            .poll(&mut task::Context::from_waker(Waker::noop()))
            .is_ready()
    });
    // When it ends, it also fires all of its timers.
    polled.unwrap_or(true)
}

/// Whether this is how tokio's timers panic when their runtime has ended.
#[cold]
pub(crate) fn is_shutdown(payload: &(dyn Any + Send)) -> bool {
    let message = match payload.downcast_ref::<String>() {
        Some(message) => message,
        None => payload.downcast_ref::<&str>().copied().unwrap_or_default(),
    };
    message.starts_with("A Tokio 1.x context was found, but it is being shutdown")
        || message.starts_with("timer error: the timer is shutdown")
}
