//! No waker is cloned, woken or dropped while a lock of the pool's or of a job's is held.

use crate::kit::poll_with;
use crate::lock_probe::{LockProbe, assert_waits_without_lock};
use backstay_core::task::{CancelToken, Job, WorkerPool};
use backstay_core::{BlockOn, Config};
use backstay_tokio::TokioOwner;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

#[test]
fn no_waker_is_touched_under_a_jobs_lock() {
    let owner = TokioOwner::new(Config::new()).unwrap();
    let pool = WorkerPool::builder().workers(1).build(owner.runtime()).unwrap();
    let (tell, polled) = mpsc::channel();
    let (running, ends) = (Arc::new(Mutex::new(None::<Waker>)), Arc::new(AtomicBool::new(false)));
    let (leaves, ended) = (Arc::clone(&running), Arc::clone(&ends));
    let job = pool.try_submit(poll_fn(move |cx| {
        *leaves.lock().expect("no panic") = Some(cx.waker().clone());
        let _nobody_listens = tell.send(());
        if ended.load(SeqCst) { Poll::Ready(7) } else { Poll::Pending }
    }));
    polled.recv().unwrap();
    let (looked_at, has_ended, polled) = (Arc::clone(&running), Arc::clone(&ends), Mutex::new(polled));
    // The job is polled: it can't be while its lock is held.
    let probe = LockProbe::new(move || {
        let Some(job) = looked_at.lock().expect("no panic").clone() else { return };
        let polled = polled.lock().expect("no panic");
        while polled.try_recv().is_ok() {}
        job.wake();
        let _ = has_ended.load(SeqCst) || polled.recv().is_ok();
    });
    let mut job = pin!(job.unwrap());
    for _ in 0..3 {
        assert!(probe.poll(job.as_mut()).is_pending());
        probe.assert_touched();
    }
    assert!(poll_with(job.as_mut(), Waker::noop()).is_pending());
    probe.assert_touched();
    ends.store(true, SeqCst);
    let ends = running.lock().unwrap().take().unwrap();
    ends.wake();
    assert_eq!(owner.block_on(async { job.await.unwrap() }), 7);
}

#[test]
fn no_waker_is_touched_under_a_pools_lock() {
    let owner = TokioOwner::new(Config::new()).unwrap();
    let pool = WorkerPool::builder().workers(1).queue(1).build(owner.runtime()).unwrap();
    let _runs = pool.try_submit(pending::<()>()).unwrap();
    while pool.stats().running == 0 {
        thread::yield_now();
    }
    let queued = pool.try_submit(async {}).unwrap();
    let handle = pool.handle().clone();
    let look = move || assert_eq!(handle.stats().running, 1);
    assert_waits_without_lock(look, || pool.submit(async {}), || queued.abort());
}

#[test]
fn no_waker_is_touched_under_the_lock_of_a_pools_accounts() {
    let owner = TokioOwner::new(Config::new()).unwrap();
    let pool = WorkerPool::builder().workers(1).build(owner.runtime()).unwrap();
    let (release, released) = mpsc::channel::<()>();
    let _runs = pool.try_submit(Job::blocking(move || released.recv().is_err())).unwrap();
    while pool.stats().running == 0 {
        thread::yield_now();
    }
    let (handle, looked_at) = (pool.handle().clone(), pool.handle().clone());
    let look = move || assert!(looked_at.stats().blocking <= 1);
    let (one, other) = (LockProbe::new(look.clone()), LockProbe::new(look));
    let stop = CancelToken::new();
    stop.cancel();
    let mut drain = Box::pin(pool.drain(&stop, Duration::MAX));
    // It waits for its worker, which is aborted, and then for the blocking job alone.
    assert!(one.poll(drain.as_mut()).is_pending());
    while handle.stats().workers > 0 {
        thread::yield_now();
    }
    while one.poll(drain.as_mut()).is_pending() && handle.stats().workers > 0 {}
    for probe in [&one, &other, &one] {
        assert!(probe.poll(drain.as_mut()).is_pending());
        probe.assert_touched();
    }
    drop(release);
    while handle.stats().blocking > 0 {
        thread::yield_now();
    }
    one.assert_touched();
    assert_eq!(owner.block_on(drain).finished, 1);
}
