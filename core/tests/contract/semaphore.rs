//! The semaphore between tasks that really run at the same time, and in blocking jobs.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::sync::{AcquireError, Semaphore};
use backstay_core::{JoinHandle, Limit, Runtime};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

test_on_every_runtime! {
    s26_never_more_than_there_are
    a_permit_goes_into_a_blocking_job
    s25_s26_aborted_waiters_keep_nobody_waiting
    closing_a_semaphore_wakes_everybody
}

fn semaphore(permits: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(limit(permits)))
}

fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("not zero")
}

async fn s26_never_more_than_there_are<R: Runtime>(rt: R) {
    let (semaphore, inside) = (semaphore(3), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..6)
        .map(|task| {
            let (rt, semaphore, inside) = (rt.clone(), Arc::clone(&semaphore), Arc::clone(&inside));
            rt.clone().spawn(async move {
                for turn in 0..10 {
                    let wanted = (task + turn) % 3 + 1;
                    let permit = semaphore.acquire_many(limit(wanted)).await.expect("it is open");
                    assert!(inside.fetch_add(wanted, SeqCst) + wanted <= 3);
                    rt.yield_now().await;
                    inside.fetch_sub(wanted, SeqCst);
                    drop(permit);
                }
            })
        })
        .collect();
    for task in tasks {
        rt.timeout(SOON, task).await.expect("nobody starves").expect("no panic");
    }
    assert_eq!((semaphore.available(), semaphore.waiting()), (3, 0));
}

async fn a_permit_goes_into_a_blocking_job<R: Runtime>(rt: R) {
    let semaphore = semaphore(1);
    let permit = semaphore.acquire_owned().await.expect("it is open");
    let job = rt.spawn_blocking(move || drop(permit));
    // Not before the job has run.
    drop(semaphore.acquire().await.expect("it is open"));
    job.await.expect("no panic");
    assert_eq!(semaphore.available(), 1);
}

async fn s25_s26_aborted_waiters_keep_nobody_waiting<R: Runtime>(rt: R) {
    let semaphore = semaphore(2);
    let held = semaphore.acquire().await.expect("it is open");
    let waits = [2, 1, 2, 1].map(|wanted| {
        let semaphore = Arc::clone(&semaphore);
        rt.spawn(async move { semaphore.acquire_many(limit(wanted)).await.map(drop) })
    });
    let [first, second, third, fourth] = waits;
    first.abort();
    drop(held);
    third.abort();
    for task in [second, fourth] {
        let outcome = rt.timeout(SOON, task).await.expect("nobody is in the way").expect("no panic");
        assert_eq!(outcome, Ok(()));
    }
    // Ended or aborted.
    let _ = (first.await, third.await);
    assert_eq!((semaphore.available(), semaphore.waiting()), (2, 0));
}

async fn closing_a_semaphore_wakes_everybody<R: Runtime>(rt: R) {
    let semaphore = semaphore(1);
    let held = semaphore.acquire().await.expect("it is open");
    let waits = [(); 3].map(|()| {
        let semaphore = Arc::clone(&semaphore);
        rt.spawn(async move { semaphore.acquire().await.map(drop) })
    });
    rt.sleep(ms(2)).await;
    semaphore.close();
    for task in waits {
        let outcome = rt.timeout(SOON, task).await.expect("woken").expect("no panic");
        assert_eq!(outcome, Err(AcquireError::Closed));
    }
    drop(held);
    assert_eq!(semaphore.available(), 1);
}
