//! Signals that have come and were not taken yet.

use crate::Signal;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// So many wait to be taken, whatever their kinds; beyond them, one of each kind.
const PLACES: usize = 16;

/// Between whoever notices signals, and whoever waits for them.
#[derive(Debug, Default)]
pub(crate) struct Inbox(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    signals: VecDeque<Signal>,
    // How many were not added, because one of their kind waits beyond the places.
    merged: u64,
    waiter: Option<Waker>,
}

impl Inbox {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn push(&self, signal: Signal) {
        let mut inner = self.lock();
        // Not with those that have places: a second request to end says more than the first.
        if inner.signals.iter().skip(PLACES).any(|&other| other == signal) {
            inner.merged = inner.merged.saturating_add(1);
        } else {
            inner.signals.push_back(signal);
        }
        let waiter = inner.waiter.take();
        drop(inner);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    pub(crate) fn pop(&self) -> Option<Signal> {
        self.lock().signals.pop_front()
    }

    pub(crate) fn merged(&self) -> u64 {
        self.lock().merged
    }

    pub(crate) fn poll_pop(&self, cx: &Context<'_>) -> Poll<Signal> {
        // Wakers are cloned and dropped outside of the lock, whatever is returned.
        let own = cx.waker().clone();
        let mut inner = self.lock();
        if let Some(signal) = inner.signals.pop_front() {
            return Poll::Ready(signal);
        }
        let old = inner.waiter.replace(own);
        drop(inner);
        drop(old);
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
