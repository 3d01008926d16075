//! The adaptive limit between tasks that really run at the same time.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::resilience::{
    AdaptiveAlgorithm, AdaptiveLimit, Aimd, Attempt, Error, Gradient, Reason, Scope, Vegas,
};
use backstay_core::{JoinHandle, Runtime};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

test_on_every_runtime! {
    never_more_than_its_maximum_and_nothing_is_lost
    b37_aborted_calls_give_their_places_back
    a_wait_has_its_limit_and_no_less
    a_permit_goes_into_a_blocking_job
}

#[derive(Debug, PartialEq, Eq)]
struct Broken;

async fn never_more_than_its_maximum_and_nothing_is_lost<R: Runtime>(rt: R) {
    let window = ms(1);
    let algorithms: [AdaptiveAlgorithm; 3] = [
        Aimd::new().into(),
        Vegas::new().window(window).min_samples(2).probe_after(3).into(),
        Gradient::new().window(window).min_samples(2).probe_after(3).into(),
    ];
    for algorithm in algorithms {
        let limit =
            AdaptiveLimit::named("l").algorithm(algorithm).initial_limit(2).max_limit(5).max_waiting(9);
        let limit = limit.build().expect("it is good");
        let inside = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..8)
            .map(|task: usize| {
                let (rt, limit, inside) = (rt.clone(), limit.clone(), Arc::clone(&inside));
                rt.clone().spawn(async move {
                    for call in 0..20 {
                        let op = |_: Attempt| {
                            let (rt, inside) = (&rt, &inside);
                            async move {
                                assert!(inside.fetch_add(1, SeqCst) < 5);
                                rt.yield_now().await;
                                inside.fetch_sub(1, SeqCst);
                                if usize::is_multiple_of(task + call, 5) { Err(Broken) } else { Ok(()) }
                            }
                        };
                        let result = limit.run(&rt, op).await;
                        assert!(matches!(result, Ok(()) | Err(Error::Operation(Broken))), "{result:?}");
                        if usize::is_multiple_of(call, 7) {
                            let permit = limit.acquire(&rt).await.expect("there is time");
                            permit.overloaded(rt.now());
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            rt.timeout(SOON, task).await.expect("nobody starves").expect("no panic");
        }
        assert_eq!((limit.in_flight(), limit.waiting()), (0, 0));
        assert!((1..=5).contains(&limit.limit()));
    }
}

async fn b37_aborted_calls_give_their_places_back<R: Runtime>(rt: R) {
    let limit = AdaptiveLimit::named("l").initial_limit(2).max_waiting(9).build().expect("it is good");
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (rt, limit) = (rt.clone(), limit.clone());
            rt.clone().spawn(async move {
                let hang = |_: Attempt| std::future::pending::<Result<(), Broken>>();
                limit.run(&rt, hang).await
            })
        })
        .collect();
    rt.sleep(ms(2)).await;
    tasks.iter().for_each(JoinHandle::abort);
    for task in tasks {
        assert!(task.await.is_err());
    }
    assert_eq!((limit.limit(), limit.in_flight(), limit.waiting()), (2, 0, 0));
    assert_eq!(limit.run(&rt, async |_| Ok::<_, Broken>(())).await, Ok(()));
}

async fn a_wait_has_its_limit_and_no_less<R: Runtime>(rt: R) {
    let wait = ms(5);
    let limit = AdaptiveLimit::named("l").initial_limit(1).max_waiting(3).max_wait(wait);
    let limit = limit.build().expect("it is good");
    let place = limit.try_acquire(rt.now()).expect("it is free");
    let start = rt.now();
    let rejected = limit.acquire(&rt).await.unwrap_err();
    assert_eq!(rejected.reason(), Reason::MaxWait { limit: wait });
    assert!(rt.now() - start >= wait);
    let start = rt.now();
    let result = limit.run(&rt, async |_| Ok::<_, Broken>(())).await;
    assert_eq!(result, Err(Error::TimedOut { scope: Scope::Queue, limit: wait }));
    assert!(rt.now() - start >= wait);
    drop(place);
    assert_eq!((limit.in_flight(), limit.waiting()), (0, 0));
}

async fn a_permit_goes_into_a_blocking_job<R: Runtime>(rt: R) {
    let limit = AdaptiveLimit::named("l").algorithm(Aimd::new().latency_threshold(Duration::from_nanos(1)));
    let limit = limit.initial_limit(10).build().expect("it is good");
    let permit = limit.acquire_owned(&rt).await.expect("it is free");
    let clock = rt.clone();
    rt.sleep(ms(1)).await;
    let job = rt.spawn_blocking(move || permit.success(clock.now()));
    job.await.expect("no panic");
    assert_eq!((limit.in_flight(), limit.limit()), (0, 9), "it took longer than a nanosecond");
}
