//! What the tests share.

use crate::lock_probe::probing_waker;
use backstay::testing::{Sim, Subject, abort_sweep, cancel_sweep, panic_sweep};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

pub(crate) const MS: Duration = Duration::from_millis(1);

/// Counts wakes.
#[derive(Debug, Default)]
pub(crate) struct Wakes(AtomicU32);

impl Wakes {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub(crate) fn count(&self) -> u32 {
        self.0.load(SeqCst)
    }

    /// One poll with this waker.
    pub(crate) fn poll<F: Future + Unpin + ?Sized>(self: &Arc<Self>, future: &mut F) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(self));
        Pin::new(future).poll(&mut Context::from_waker(&waker))
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// One poll with a waker that nobody hears.
pub(crate) fn poll_once<F: Future + Unpin + ?Sized>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Cuts the subject of a scenario off before each of its polls: dropped, aborted, and with a panic. The scenario
/// checks itself; `polls` are the fewest that the subject must have had to be worth it.
#[track_caller]
pub(crate) fn every_sweep<F: Future<Output = ()>>(polls: u64, scenario: impl Fn(Sim, Subject) -> F) {
    for swept in [
        cancel_sweep(&scenario, |_, ()| async {}),
        abort_sweep(&scenario, |_, ()| async {}),
        panic_sweep(&scenario, |_, ()| async {}),
    ] {
        match swept {
            Ok(swept) => assert!(swept.polls >= polls, "the subject had {} polls", swept.polls),
            Err(failure) => panic!("{failure}"),
        }
    }
}

/// A waker that calls back where it is cloned, woken or dropped: for what must not happen under a lock.
pub(crate) fn calls_back(call: impl Fn() + Send + Sync + 'static) -> Waker {
    probing_waker(call)
}

/// One poll with such a waker; whether it was ready.
pub(crate) fn poll_with<F: Future + Unpin + ?Sized>(waker: Waker, future: &mut F) -> bool {
    Pin::new(future).poll(&mut Context::from_waker(&waker)).is_ready()
}
