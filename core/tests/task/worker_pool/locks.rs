//! The waker of who awaits a job is not cloned, woken or dropped while the job's lock is held.

#![allow(unsafe_code)]

use crate::kit::poll_with;
use backstay_core::task::WorkerPool;
use backstay_core::{BlockOn, Config};
use backstay_tokio::TokioOwner;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Mutex, mpsc};
use std::task::{Poll, RawWaker, RawWakerVTable, Waker};
use std::time::Duration;

/// A running job that is polled in whatever is done with the waker: it can't be while its lock is held.
#[derive(Default)]
struct Probe {
    job: Mutex<Option<Waker>>,
    polled: Mutex<Option<mpsc::Receiver<()>>>,
    ends: AtomicBool,
    calls: AtomicU32,
    violations: AtomicU32,
}

impl Probe {
    fn look(&self) {
        self.calls.fetch_add(1, SeqCst);
        let Some(job) = self.job.lock().expect("no panic").clone() else { return };
        let polled = self.polled.lock().expect("no panic");
        let polled = polled.as_ref().expect("it was made with one");
        while polled.try_recv().is_ok() {}
        job.wake();
        if !self.ends.load(SeqCst) && polled.recv_timeout(Duration::from_secs(5)).is_err() {
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
fn no_waker_is_touched_under_a_jobs_lock() {
    let owner = TokioOwner::new(Config::new()).unwrap();
    let pool = WorkerPool::builder().workers(1).build(owner.runtime()).unwrap();
    let (tell, polled) = mpsc::channel();
    let probe: &'static Probe = Box::leak(Box::default());
    *probe.polled.lock().unwrap() = Some(polled);
    let job = pool.try_submit(poll_fn(move |cx| {
        *probe.job.lock().expect("no panic") = Some(cx.waker().clone());
        let _nobody_listens = tell.send(());
        if probe.ends.load(SeqCst) { Poll::Ready(7) } else { Poll::Pending }
    }));
    while probe.job.lock().unwrap().is_none() {
        std::thread::yield_now();
    }
    // SAFETY: the functions of the table only read what is never freed, from any thread.
    let waker = unsafe { Waker::from_raw(raw(probe)) };
    let mut job = pin!(job.unwrap());
    for _ in 0..3 {
        assert!(poll_with(job.as_mut(), &waker).is_pending());
        probe.assert_called();
    }
    assert!(poll_with(job.as_mut(), Waker::noop()).is_pending());
    probe.assert_called();
    probe.ends.store(true, SeqCst);
    let ends = probe.job.lock().unwrap().take().unwrap();
    ends.wake();
    assert_eq!(owner.block_on(async { job.await.unwrap() }), 7);
}
