//! No waker is cloned, woken or dropped while a lock is held: whatever it does there, it may use the tokens.

#![allow(unsafe_code)]

use crate::kit::{ms, poll_with};
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::task::CancelToken;
use std::future::pending;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc;
use std::task::{RawWaker, RawWakerVTable, Waker};
use std::thread;
use std::time::Duration;

/// Takes each lock there is, in whatever is done with its waker.
#[derive(Default)]
struct Probe {
    tokens: Mutex<Vec<CancelToken>>,
    calls: AtomicU32,
    violations: AtomicU32,
}

impl Probe {
    /// A waker that lives as long as the process: of its kind there are few.
    fn new() -> (&'static Self, Waker) {
        let probe: &'static Self = Box::leak(Box::default());
        // SAFETY: the functions of the table only read what is never freed, from any thread.
        (probe, unsafe { Waker::from_raw(raw(probe)) })
    }

    fn watch(&self, tokens: &[&CancelToken]) {
        *self.tokens.lock().expect("no panic") = tokens.iter().copied().cloned().collect();
    }

    fn look(&self) {
        self.calls.fetch_add(1, SeqCst);
        let tokens = self.tokens.lock().expect("no panic").clone();
        // In another thread, so that a lock that is held is found out, and not waited for until the end of time.
        let (looked, has_looked) = mpsc::channel();
        let look = move || {
            for token in tokens {
                drop((token.shield(), token.child()));
            }
            let _ = looked.send(());
        };
        thread::Builder::new().spawn(look).expect("a thread");
        if has_looked.recv_timeout(Duration::from_secs(5)).is_err() {
            self.violations.fetch_add(1, SeqCst);
        }
    }

    fn assert_called(&self) {
        assert!(self.calls.swap(0, SeqCst) > 0, "nothing was done");
        assert_eq!(self.violations.load(SeqCst), 0, "while a lock was held");
    }
}

fn raw(probe: &'static Probe) -> RawWaker {
    RawWaker::new(std::ptr::from_ref(probe).cast(), &TABLE)
}

static TABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        probe(data).look();
        raw(probe(data))
    },
    |data| probe(data).look(),
    |data| probe(data).look(),
    |data| probe(data).look(),
);

fn probe(data: *const ()) -> &'static Probe {
    // SAFETY: it was made from such a reference.
    unsafe { &*data.cast::<Probe>() }
}

#[test]
fn no_waker_is_touched_under_a_lock() {
    let root = CancelToken::new();
    let (token, sibling) = (root.child(), root.child());
    let (probe, waker) = Probe::new();
    let (other_probe, other) = Probe::new();
    for probe in [probe, other_probe] {
        probe.watch(&[&root, &token, &sibling]);
    }

    // To come, to come again, to leave.
    let mut waits = Box::pin(token.cancelled());
    for waker in [&waker, &other, &waker] {
        assert!(poll_with(waits.as_mut(), waker).is_pending());
        probe.assert_called();
    }
    other_probe.assert_called();
    drop(waits);
    probe.assert_called();

    // To be cancelled, under a shield and without one.
    let shield = token.shield();
    let mut runs = Box::pin(token.run(pending::<()>()));
    let mut waits = Box::pin(sibling.clone().cancelled_owned());
    assert!(poll_with(runs.as_mut(), &waker).is_pending());
    assert!(poll_with(waits.as_mut(), &other).is_pending());
    probe.assert_called();
    root.cancel();
    probe.assert_called();
    other_probe.assert_called();
    assert!(poll_with(waits.as_mut(), &waker).is_ready());
    assert!(poll_with(runs.as_mut(), &waker).is_pending());
    drop(shield);
    probe.assert_called();
    assert!(poll_with(runs.as_mut(), &other).is_ready());
    drop((runs, waits));
    probe.assert_called();
}

#[test]
fn no_waker_is_touched_under_a_lock_at_a_deadline() {
    let outcome = Sim::builder().run(|rt| async move {
        let token = CancelToken::with_deadline(&rt, rt.now() + ms(1));
        let (probe, waker) = Probe::new();
        let mut waits = Box::pin(token.cancelled());
        assert!(poll_with(waits.as_mut(), &waker).is_pending());
        probe.watch(&[&token]);
        rt.sleep(ms(2)).await;
        assert!(token.is_cancelled());
        probe.assert_called();
        assert!(poll_with(waits.as_mut(), &waker).is_ready());
        drop(waits);
        probe.assert_called();
        probe.watch(&[]);
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
