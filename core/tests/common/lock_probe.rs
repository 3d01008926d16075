//! Finds out what is done with a waker while a lock is held: to be cloned, woken or dropped is foreign code, which may
//! take the same lock.

#![allow(unsafe_code)]
#![allow(dead_code, reason = "each of the tests that share it uses what it needs")]

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::thread;
use std::time::Duration;

/// A waker that takes a lock in whatever is done with it.
pub(crate) struct LockProbe {
    record: &'static Record,
    waker: Waker,
}

/// Takes the lock, and lets go of it.
type Look = Arc<dyn Fn() + Send + Sync>;

struct Record {
    look: Mutex<Look>,
    touched: AtomicU32,
    violations: AtomicU32,
}

/// Longer than any thread waits for its turn on a loaded machine.
const HELD: Duration = Duration::from_secs(10);

impl LockProbe {
    pub(crate) fn new(look: impl Fn() + Send + Sync + 'static) -> Self {
        let record = Record::leaked(look);
        Self { record, waker: record.waker() }
    }

    pub(crate) const fn waker(&self) -> &Waker {
        &self.waker
    }

    pub(crate) fn poll<F: Future + ?Sized>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&self.waker))
    }

    /// Something was done with the waker since the last time, and no lock was held.
    #[track_caller]
    pub(crate) fn assert_touched(&self) {
        assert!(self.record.touched.swap(0, SeqCst) > 0, "nothing was done");
        assert_eq!(self.record.violations.load(SeqCst), 0, "while a lock was held");
    }
}

impl Drop for LockProbe {
    fn drop(&mut self) {
        // What it looks at is not to live on with the record.
        *self.record.look.lock().expect("no panic") = Arc::new(|| ());
    }
}

/// That the futures of `make`, which are pending until `wake`, have nothing done with their wakers while a lock is
/// held that `look` takes: when they begin to wait, wait on with another waker, give up, and are woken.
#[track_caller]
pub(crate) fn assert_waits_without_lock<F: Future>(
    look: impl Fn() + Clone + Send + Sync + 'static,
    make: impl Fn() -> F,
    wake: impl FnOnce(),
) {
    let (one, other) = (LockProbe::new(look.clone()), LockProbe::new(look));
    let mut waits = Box::pin(make());
    for probe in [&one, &other, &one] {
        assert!(probe.poll(waits.as_mut()).is_pending());
        probe.assert_touched();
    }
    other.assert_touched();
    drop(waits);
    one.assert_touched();

    let mut waits = Box::pin(make());
    assert!(one.poll(waits.as_mut()).is_pending());
    one.assert_touched();
    wake();
    one.assert_touched();
    assert!(other.poll(waits.as_mut()).is_ready());
}

/// Whether the lock that `look` takes is free. It is taken in another thread, so that one that is held is found out, and
/// not waited for until the end of time.
pub(crate) fn is_free(look: impl FnOnce() + Send + 'static) -> bool {
    let (looked, has_looked) = mpsc::channel();
    let look = move || {
        look();
        let _ = looked.send(());
    };
    thread::Builder::new().spawn(look).expect("a thread");
    has_looked.recv_timeout(HELD).is_ok()
}

/// A waker that panics where a lock is held, and whose look lives as long as the process.
pub(crate) fn probing_waker(look: impl Fn() + Send + Sync + 'static) -> Waker {
    Record::leaked(look).waker()
}

impl Record {
    /// Its memory is never freed: of its kind there are few.
    fn leaked(look: impl Fn() + Send + Sync + 'static) -> &'static Self {
        let (touched, violations) = (AtomicU32::new(0), AtomicU32::new(0));
        Box::leak(Box::new(Self { look: Mutex::new(Arc::new(look)), touched, violations }))
    }

    fn waker(&'static self) -> Waker {
        // SAFETY: the functions of the table only use what is never freed, and can be used from any thread.
        unsafe { Waker::from_raw(raw(self)) }
    }

    fn look(&self) {
        self.touched.fetch_add(1, SeqCst);
        let look = self.look.lock().expect("no panic").clone();
        if !is_free(move || look()) {
            self.violations.fetch_add(1, SeqCst);
            // Where it is a test's own thread, this is enough.
            assert!(thread::panicking(), "something was done with a waker while a lock was held");
        }
    }
}

const fn raw(record: &'static Record) -> RawWaker {
    RawWaker::new(std::ptr::from_ref(record).cast(), &TABLE)
}

static TABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        record(data).look();
        raw(record(data))
    },
    |data| record(data).look(),
    |data| record(data).look(),
    |data| record(data).look(),
);

fn record(data: *const ()) -> &'static Record {
    // SAFETY: it was made from such a reference.
    unsafe { &*data.cast::<Record>() }
}
