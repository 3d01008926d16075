//! The bulkhead between tasks that really run at the same time, and in blocking jobs.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::resilience::{Attempt, Bulkhead, Error, Reason, Scope};
use backstay_core::{JoinHandle, Limit, Runtime};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

test_on_every_runtime! {
    never_more_than_there_are_nor_more_that_wait
    b20_aborted_waiters_keep_nobody_waiting
    b22_a_blocking_job_keeps_its_place
    b24_b32_a_wait_has_its_limit_and_no_less
    resizing_and_closing_wake_those_who_wait
}

#[derive(Debug, PartialEq, Eq)]
struct Broken;

fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("not zero")
}

fn bulkhead(places: usize, waiting: usize) -> Bulkhead {
    Bulkhead::named("b").max_in_flight(places).max_waiting(waiting).build().expect("it is good")
}

async fn never_more_than_there_are_nor_more_that_wait<R: Runtime>(rt: R) {
    let (bulkhead, inside, done) =
        (bulkhead(3, 2), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..8)
        .map(|task: usize| {
            let (rt, inside, done) = (rt.clone(), Arc::clone(&inside), Arc::clone(&done));
            let weight = task % 3 + 1;
            let bulkhead = bulkhead.weighing(limit(weight));
            rt.clone().spawn(async move {
                for _ in 0..20 {
                    assert!(bulkhead.waiting() <= 2);
                    let op = |_: Attempt| {
                        let (rt, inside) = (&rt, &inside);
                        async move {
                            assert!(inside.fetch_add(weight, SeqCst) + weight <= 3);
                            rt.yield_now().await;
                            inside.fetch_sub(weight, SeqCst);
                            Ok::<_, Broken>(())
                        }
                    };
                    match bulkhead.run(&rt, op).await {
                        Ok(()) => done.fetch_add(1, SeqCst),
                        Err(Error::Rejected(rejected)) if rejected.reason() == Reason::QueueFull => 0,
                        Err(error) => panic!("{error:?}"),
                    };
                    rt.yield_now().await;
                }
            })
        })
        .collect();
    for task in tasks {
        rt.timeout(SOON, task).await.expect("nobody starves").expect("no panic");
    }
    assert!(done.load(SeqCst) > 0);
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}

async fn b20_aborted_waiters_keep_nobody_waiting<R: Runtime>(rt: R) {
    let bulkhead = bulkhead(5, 9);
    let held = bulkhead.acquire(&rt).await.expect("it is free");
    let [first, second, third, fourth] = [5, 1, 5, 1].map(|weight| {
        let (rt, bulkhead) = (rt.clone(), bulkhead.weighing(limit(weight)));
        rt.clone().spawn(async move { bulkhead.run(&rt, async |_| Ok::<_, Broken>(())).await })
    });
    first.abort();
    third.abort();
    for task in [second, fourth] {
        let outcome = rt.timeout(SOON, task).await.expect("nobody is in the way").expect("no panic");
        assert_eq!(outcome, Ok(()));
    }
    let _ = (first.await, third.await);
    drop(held);
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}

async fn b22_a_blocking_job_keeps_its_place<R: Runtime>(rt: R) {
    let (bulkhead, has_ended) = (bulkhead(1, 1), Arc::new(AtomicBool::new(false)));
    let job = rt.spawn({
        let (rt, bulkhead, has_ended) = (rt.clone(), bulkhead.clone(), Arc::clone(&has_ended));
        async move {
            let job = move || {
                has_ended.store(true, SeqCst);
                Ok::<_, Broken>(())
            };
            bulkhead.run_blocking(&rt, job).await
        }
    });
    rt.yield_now().await;
    job.abort();
    let outcome = job.await;
    // Whatever came of the task: who is let in next finds the job ended, or never begun.
    let place = rt.timeout(SOON, bulkhead.acquire(&rt)).await.expect("it comes back").expect("it is open");
    assert!(has_ended.load(SeqCst) || outcome.is_err());
    drop(place);
    assert_eq!(bulkhead.run_blocking(&rt, || Err::<(), _>(Broken)).await, Err(Error::Operation(Broken)));
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}

async fn b24_b32_a_wait_has_its_limit_and_no_less<R: Runtime>(rt: R) {
    let wait = ms(5);
    let bulkhead =
        Bulkhead::named("b").max_in_flight(1).max_waiting(3).max_wait(wait).build().expect("it is good");
    let place = bulkhead.try_acquire().expect("it is free");
    let start = rt.now();
    let rejected = bulkhead.acquire(&rt).await.unwrap_err();
    assert_eq!(rejected.reason(), Reason::MaxWait { limit: wait });
    assert!(rt.now() - start >= wait);
    let start = rt.now();
    let result = bulkhead.run(&rt, async |_| Ok::<_, Broken>(())).await;
    assert_eq!(result, Err(Error::TimedOut { scope: Scope::Queue, limit: wait }));
    assert!(rt.now() - start >= wait);
    drop(place);
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}

async fn resizing_and_closing_wake_those_who_wait<R: Runtime>(rt: R) {
    let bulkhead = bulkhead(1, 9);
    let held = bulkhead.acquire(&rt).await.expect("it is free");
    let call = |weight| {
        let (rt, bulkhead) = (rt.clone(), bulkhead.weighing(limit(weight)));
        rt.clone().spawn(async move { bulkhead.run(&rt, async |_| Ok::<_, Broken>(())).await })
    };
    let light = [call(1), call(1)];
    rt.sleep(ms(2)).await;
    bulkhead.resize(limit(3));
    for task in light {
        let outcome = rt.timeout(SOON, task).await.expect("there is room").expect("no panic");
        assert_eq!(outcome, Ok(()));
    }
    let heavy = [call(3), call(3)];
    rt.sleep(ms(2)).await;
    bulkhead.close();
    for task in heavy {
        let outcome = rt.timeout(SOON, task).await.expect("woken").expect("no panic");
        assert!(matches!(outcome, Err(Error::Rejected(rejected)) if rejected.reason() == Reason::Closed));
    }
    drop(held);
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}
