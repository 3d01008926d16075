//! Blocking jobs that wait: for a retry, for a turn among tasks.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::Runtime;
use backstay_core::resilience::{Backoff, Bulkhead, Quota, RateLimiter, Retry};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

test_on_every_runtime! {
    a_job_tries_again
    jobs_and_tasks_take_turns
    a_job_waits_for_a_task
}

async fn a_job_tries_again<R: Runtime>(rt: R) {
    let retry =
        Retry::builder().max_attempts(4).backoff(Backoff::constant(ms(1))).build().expect("it is good");
    let start = rt.now();
    let job = rt.spawn_blocking({
        let rt = rt.clone();
        move || {
            retry.run_blocking(
                &rt,
                |attempt| if attempt.number() < 4 { Err("busy") } else { Ok(attempt.number()) },
            )
        }
    });
    let result = rt.timeout(SOON, job).await.expect("it ends").expect("no panic");
    assert_eq!(result, Ok(4));
    assert!(rt.now() >= start);
}

async fn jobs_and_tasks_take_turns<R: Runtime>(rt: R) {
    let limiter = RateLimiter::new(Quota::new(1, ms(1))).expect("a good quota");
    let places = Bulkhead::named("two").max_in_flight(2).max_waiting(100).build().expect("it is good");
    let inside = Arc::new(AtomicUsize::new(0));
    let start = rt.now();
    let jobs = [(); 3].map(|()| {
        let (rt, limiter, places, inside) =
            (rt.clone(), limiter.clone(), places.clone(), Arc::clone(&inside));
        rt.clone().spawn_blocking(move || {
            for _ in 0..3 {
                let _turn = limiter.acquire_blocking(&rt).expect("it may wait");
                let _place = places.acquire_blocking(&rt).expect("there is room to wait");
                assert!(inside.fetch_add(1, SeqCst) < 2);
                inside.fetch_sub(1, SeqCst);
            }
        })
    });
    let tasks = [(); 3].map(|()| {
        let (rt, limiter, places, inside) =
            (rt.clone(), limiter.clone(), places.clone(), Arc::clone(&inside));
        rt.clone().spawn(async move {
            for _ in 0..3 {
                let _turn = limiter.acquire(&rt).await.expect("it may wait");
                let _place = places.acquire(&rt).await.expect("there is room to wait");
                assert!(inside.fetch_add(1, SeqCst) < 2);
                rt.yield_now().await;
                inside.fetch_sub(1, SeqCst);
            }
        })
    });
    for job in jobs {
        rt.timeout(SOON, job).await.expect("it has its turns").expect("no panic");
    }
    for task in tasks {
        rt.timeout(SOON, task).await.expect("it has its turns").expect("no panic");
    }
    assert!(rt.now() - start >= ms(17), "eighteen turns");
    assert_eq!((limiter.waiting(), places.in_flight()), (0, 0));
}

/// The wake comes from a task, on another thread or in another turn.
async fn a_job_waits_for_a_task<R: Runtime>(rt: R) {
    let one = Bulkhead::named("one").max_in_flight(1).max_waiting(1).build().expect("it is good");
    let place = one.acquire_owned(&rt).await.expect("it is free");
    let job = rt.spawn_blocking({
        let (rt, one) = (rt.clone(), one.clone());
        move || one.acquire_blocking(&rt).is_ok()
    });
    rt.sleep(ms(2)).await;
    drop(place);
    assert!(rt.timeout(SOON, job).await.expect("it is woken").expect("no panic"));
}
