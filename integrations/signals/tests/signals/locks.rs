//! No waker is cloned while the lock of a `Signals` is held.

#![allow(unsafe_code)]

use backstay_signals::{Signal, Signals, SimulatedSignals};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::thread;
use std::time::Duration;

/// Raises a signal when its waker is cloned: in another thread, so that a lock that is held is found out.
struct Probe {
    raise: SimulatedSignals,
    violations: AtomicU32,
}

impl Probe {
    fn look(&self) {
        let (looked, has_looked) = mpsc::channel();
        let raise = self.raise.clone();
        thread::spawn(move || {
            raise.raise(Signal::Hangup);
            let _nobody_waits = looked.send(());
        });
        if has_looked.recv_timeout(Duration::from_secs(5)).is_err() {
            self.violations.fetch_add(1, SeqCst);
        }
    }
}

fn raw(probe: &'static Probe) -> RawWaker {
    RawWaker::new(std::ptr::from_ref(probe).cast(), &TABLE)
}

static TABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        // SAFETY: it was made from such a reference.
        let probe = unsafe { &*data.cast::<Probe>() };
        probe.look();
        raw(probe)
    },
    |_| (),
    |_| (),
    |_| (),
);

#[test]
fn a_signal_that_comes_while_a_waker_is_cloned_is_received() {
    let (raise, mut signals) = Signals::simulated();
    let probe: &'static Probe = Box::leak(Box::new(Probe { raise, violations: AtomicU32::new(0) }));
    // SAFETY: the functions of the table only read what is never freed, from any thread.
    let waker = unsafe { Waker::from_raw(raw(probe)) };
    let poll = signals.poll_recv(&mut Context::from_waker(&waker));
    assert_eq!(probe.violations.load(SeqCst), 0, "while a lock was held");
    assert_eq!(poll, Poll::Ready(Signal::Hangup));
}
