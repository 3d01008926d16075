//! Single flights between tasks that really run at the same time.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::resilience::{
    Attempt, Error, LastGood, Nested, Pipeline, Role, Scope, SingleFlight, Source,
};
use backstay_core::{JoinHandle, Runtime};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

test_on_every_runtime! {
    b38_leaders_that_are_aborted_keep_nobody_waiting
    b38_leaders_that_panic_keep_nobody_waiting
    d39_all_who_wait_get_the_same_error
    d40_leaders_may_be_aborted_a_thousand_times
    b31_who_follows_has_its_own_time
    never_two_of_a_key_run_at_a_time
    the_last_good_value_stands_in
}

#[derive(Debug, PartialEq, Eq)]
struct Boom;

/// Until so many follow.
async fn until_waiting<R: Runtime, K, T, E>(rt: &R, flights: &SingleFlight<K, T, E>, waiting: usize) {
    let wait = async {
        while flights.waiting() < waiting || flights.in_flight() == 0 {
            rt.yield_now().await;
        }
    };
    rt.timeout(SOON, wait).await.expect("they come");
}

async fn b38_leaders_that_are_aborted_keep_nobody_waiting<R: Runtime>(rt: R) {
    let flights = SingleFlight::<u8, u32, ()>::new(&rt);
    let leader = rt.spawn({
        let flights = flights.clone();
        async move { flights.run(7, pending()).await }
    });
    until_waiting(&rt, &flights, 0).await;
    let followers = [(); 8].map(|()| {
        let flights = flights.clone();
        rt.spawn(async move { flights.run(7, async { Ok(2) }).detailed().await })
    });
    until_waiting(&rt, &flights, 8).await;
    leader.abort();
    let mut led = 0;
    for follower in followers {
        let follower = rt.timeout(SOON, follower).await.expect("it is not kept waiting").expect("no panic");
        assert_eq!(follower.0, Ok(2));
        led += usize::from(follower.1 == Role::Leader);
    }
    // One that had not yet taken part when the first of them ended led anew.
    assert_eq!(led, 1);
    assert_eq!((flights.in_flight(), flights.waiting()), (0, 0));
}

async fn b38_leaders_that_panic_keep_nobody_waiting<R: Runtime>(rt: R) {
    let flights = SingleFlight::<u8, u32, ()>::new(&rt);
    let spawn = |panics: bool| {
        let (inner, flights) = (rt.clone(), flights.clone());
        rt.spawn(async move {
            let operation = async {
                if panics {
                    until_waiting(&inner, &flights, 4).await;
                    std::panic::resume_unwind(Box::new("out of order"));
                }
                Ok(2)
            };
            flights.run(7, operation).await
        })
    };
    let leader = spawn(true);
    until_waiting(&rt, &flights, 0).await;
    let followers = [(); 4].map(|()| spawn(false));
    assert!(rt.timeout(SOON, leader).await.expect("it ends").is_err());
    for follower in followers {
        let follower = rt.timeout(SOON, follower).await.expect("it is not kept waiting");
        assert_eq!(follower.expect("no panic"), Ok(2));
    }
    assert_eq!((flights.in_flight(), flights.waiting()), (0, 0));
}

async fn d39_all_who_wait_get_the_same_error<R: Runtime>(rt: R) {
    let flights = SingleFlight::<u8, (), Arc<Boom>>::new(&rt);
    let tasks = [(); 9].map(|()| {
        let (inner, flights) = (rt.clone(), flights.clone());
        rt.spawn(async move {
            let operation = async {
                until_waiting(&inner, &flights, 8).await;
                Err(Arc::new(Boom))
            };
            flights.run(7, operation).await.expect_err("it fails")
        })
    });
    let mut errors = Vec::new();
    for task in tasks {
        errors.push(rt.timeout(SOON, task).await.expect("it ends").expect("no panic"));
    }
    assert!(errors.iter().all(|error| Arc::ptr_eq(error, &errors[0])));
    assert_eq!(Arc::strong_count(&errors[0]), 9);
}

async fn d40_leaders_may_be_aborted_a_thousand_times<R: Runtime>(rt: R) {
    let flights = SingleFlight::<u8, u32, ()>::new(&rt);
    let begun = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for _ in 0..1_000 {
        let (flights, begun) = (flights.clone(), Arc::clone(&begun));
        tasks.push(rt.spawn(async move {
            let operation = async {
                begun.fetch_add(1, SeqCst);
                pending().await
            };
            flights.run(7, operation).await
        }));
    }
    until_waiting(&rt, &flights, 999).await;
    let last = rt.spawn({
        let flights = flights.clone();
        async move { flights.run(7, async { Ok(36) }).await }
    });
    until_waiting(&rt, &flights, 1_000).await;
    for task in &tasks {
        task.abort();
    }
    assert_eq!(rt.timeout(SOON, last).await.expect("it is not kept waiting").expect("no panic"), Ok(36));
    for task in tasks {
        // One may have got the value before its abort.
        let _ = rt.timeout(SOON, task).await.expect("it ends");
    }
    assert!((1..=1_000).contains(&begun.load(SeqCst)));
    assert_eq!((flights.in_flight(), flights.waiting()), (0, 0));
}

async fn b31_who_follows_has_its_own_time<R: Runtime>(rt: R) {
    let flights = SingleFlight::<u8, u32, Error<Boom>>::new(&rt);
    let mut leader = std::pin::pin!(flights.run(7, pending()));
    assert!(crate::kit::poll_once(leader.as_mut()).is_pending());
    let limit = ms(20);
    let users = Pipeline::named("users").deadline(limit).build(&rt).expect("it is good");
    let start = rt.now();
    let task = rt.spawn({
        let (users, flights) = (users.clone(), flights.clone());
        async move {
            let inner = |_: Attempt| pending::<Result<u32, Boom>>();
            users.call_operation(Nested(|_| flights.run(7, users.call(inner)))).await
        }
    });
    let result = rt.timeout(SOON, task).await.expect("its time is up").expect("no panic");
    assert!(matches!(result, Err(Error::TimedOut { scope: Scope::Total, .. })));
    assert!(rt.now() - start >= limit);
    assert_eq!((flights.in_flight(), flights.waiting()), (1, 0));
}

impl Clone for Boom {
    fn clone(&self) -> Self {
        Self
    }
}

async fn never_two_of_a_key_run_at_a_time<R: Runtime>(rt: R) {
    let flights = SingleFlight::<usize, usize, ()>::new(&rt);
    let running = Arc::new([(); 3].map(|()| AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..12)
        .map(|task: usize| {
            let (inner, flights, running) = (rt.clone(), flights.clone(), Arc::clone(&running));
            rt.spawn(async move {
                for turn in 0..100 {
                    let key = (task + turn) % 3;
                    let operation = async {
                        let _one = One::new(&running[key]);
                        inner.yield_now().await;
                        Ok(key)
                    };
                    let flight = flights.run(key, operation);
                    if turn % 5 == task % 5 {
                        // Dropped after a poll, as leader or as follower.
                        let mut flight = std::pin::pin!(flight);
                        let _ = crate::kit::poll_once(flight.as_mut());
                    } else {
                        assert_eq!(flight.await, Ok(key));
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        rt.timeout(SOON, task).await.expect("nobody is kept waiting").expect("no panic");
    }
    assert_eq!((flights.in_flight(), flights.waiting()), (0, 0));
}

struct One<'a>(&'a AtomicUsize);

impl<'a> One<'a> {
    fn new(running: &'a AtomicUsize) -> Self {
        assert_eq!(running.fetch_add(1, SeqCst), 0, "two at a time");
        Self(running)
    }
}

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

async fn the_last_good_value_stands_in<R: Runtime>(rt: R) {
    let last = LastGood::new(SOON);
    let rates = Pipeline::named("rates").stale_if_error(&last).attempt_timeout(ms(10)).build(&rt);
    let rates = rates.expect("it is good");
    assert!(rates.call(async |_| Ok::<_, Boom>(105)).await.is_ok());
    let answer = rates
        .call(async |_| pending::<Result<_, Boom>>().await)
        .detailed()
        .await
        .expect("it is fresh enough");
    assert!(matches!(answer.source, Source::Stale { age } if age >= ms(10)), "{answer:?}");
    assert_eq!(answer.value, 105);
}
