//! The connections of one call of `serve`, and their requests.

use super::report::{ConnectionEnd, Counters};
use backstay_core::sync::Notify;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

/// How many are open, and who waits until none is.
#[derive(Debug, Default)]
pub(super) struct Open {
    count: AtomicUsize,
    none: Notify,
}

impl Open {
    pub(super) fn enter(&self) {
        self.count.fetch_add(1, SeqCst);
    }

    pub(super) fn leave(&self) {
        if self.count.fetch_sub(1, SeqCst) == 1 {
            self.none.notify_all();
        }
    }

    /// Waits until all have ended.
    pub(super) async fn ended(&self) {
        loop {
            let mut changed = self.none.notified();
            changed.enable();
            if self.count.load(SeqCst) == 0 {
                return;
            }
            changed.await;
        }
    }
}

/// A connection that is open. Dropped before it began to be served, it was refused; without an end, aborted.
#[derive(Debug)]
pub(super) struct OpenGuard {
    open: Arc<Open>,
    counters: Arc<Counters>,
    end: Option<ConnectionEnd>,
}

impl OpenGuard {
    pub(super) fn new(open: &Arc<Open>, counters: &Arc<Counters>) -> Self {
        counters.accepted();
        open.enter();
        Self { open: Arc::clone(open), counters: Arc::clone(counters), end: Some(ConnectionEnd::Refused) }
    }

    pub(super) const fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    pub(super) const fn all(&self) -> &Arc<Open> {
        &self.open
    }

    pub(super) const fn begin(&mut self) {
        self.end = None;
    }

    pub(super) const fn end(&mut self, end: ConnectionEnd) {
        self.end = Some(end);
    }
}

impl Drop for OpenGuard {
    fn drop(&mut self) {
        let unexpected = if thread::panicking() { ConnectionEnd::Panicked } else { ConnectionEnd::Aborted };
        self.counters.connection_ended(self.end.unwrap_or(unexpected));
        self.open.leave();
    }
}
