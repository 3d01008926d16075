//! The circuit breaker between tasks that really run at the same time, and in blocking jobs.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::resilience::{CircuitBreaker, CircuitState, Error, KeyedCircuitBreaker, Pipeline};
use backstay_core::{JoinHandle, Runtime};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

test_on_every_runtime! {
    b11_one_probe_at_a_time
    b12_an_aborted_probe_gives_its_place_back
    it_opens_and_closes_with_the_service
    a_permit_goes_into_a_blocking_job
    keys_have_breakers_apart
}

/// Open, and to be half-open when somebody asks.
async fn due<R: Runtime>(rt: &R) -> CircuitBreaker {
    let builder = CircuitBreaker::named("db").consecutive_failures(1).open_for(Duration::from_nanos(1));
    let breaker = builder.build().expect("it is good");
    breaker.try_acquire(rt.now()).expect("it passes").failure(rt.now());
    rt.sleep(ms(1)).await;
    assert!(breaker.would_permit(rt.now()));
    breaker
}

async fn b11_one_probe_at_a_time<R: Runtime>(rt: R) {
    let (breaker, inside) = (due(&rt).await, Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (rt, breaker, inside) = (rt.clone(), breaker.clone(), Arc::clone(&inside));
            rt.clone().spawn(async move {
                let probe = breaker.try_acquire(rt.now());
                if probe.is_ok() {
                    assert_eq!(inside.fetch_add(1, SeqCst), 0);
                    rt.yield_now().await;
                    inside.fetch_sub(1, SeqCst);
                }
            })
        })
        .collect();
    for task in tasks {
        rt.timeout(SOON, task).await.expect("nobody waits").expect("no panic");
    }
    let metrics = breaker.metrics(rt.now());
    assert_eq!((metrics.state, metrics.probes_in_flight), (CircuitState::HalfOpen, 0));
}

async fn b12_an_aborted_probe_gives_its_place_back<R: Runtime>(rt: R) {
    let breaker = due(&rt).await;
    let hangs = rt.spawn({
        let (rt, breaker) = (rt.clone(), breaker.clone());
        async move { breaker.run(&rt, |_| std::future::pending::<Result<(), &str>>()).await }
    });
    rt.yield_now().await;
    hangs.abort();
    assert!(hangs.await.is_err());
    assert_eq!(breaker.metrics(rt.now()).probes_in_flight, 0);
    breaker.run(&rt, async |_| Ok::<_, &str>(())).await.expect("there is a place");
    assert_eq!(breaker.state(rt.now()), CircuitState::Closed);
}

async fn it_opens_and_closes_with_the_service<R: Runtime>(rt: R) {
    let breaker = CircuitBreaker::named("db")
        .count_window(10)
        .min_calls(4)
        .open_for(ms(1))
        .open_multiplier(2)
        .jitter(0.5, rt.random_u64())
        .build()
        .expect("it is good");
    let users = Pipeline::named("users").breaker(&breaker).build(&rt).expect("it is good");
    let failures = AtomicUsize::new(0);
    let service = async |_| {
        rt.yield_now().await;
        if failures.fetch_add(1, SeqCst) < 6 { Err("down") } else { Ok(7) }
    };
    let answer = async {
        loop {
            match users.call(service).await {
                Ok(answer) => break answer,
                Err(Error::Operation(_)) => {}
                Err(error) => rt.sleep(error.retry_after().expect("nobody is in the way")).await,
            }
        }
    };
    assert_eq!(rt.timeout(SOON, answer).await.expect("it comes back"), 7);
    assert_eq!(failures.load(SeqCst), 7, "four opened it, two probes failed, one did not");
    let metrics = breaker.metrics(rt.now());
    assert_eq!((metrics.state, metrics.openings), (CircuitState::Closed, 3));
}

async fn a_permit_goes_into_a_blocking_job<R: Runtime>(rt: R) {
    let breaker = due(&rt).await;
    let permit = breaker.try_acquire_owned(rt.now()).expect("it is time");
    let job = {
        let rt = rt.clone();
        rt.clone().spawn_blocking(move || permit.success(rt.now()))
    };
    job.await.expect("no panic");
    assert_eq!(breaker.state(rt.now()), CircuitState::Closed);
    let job = {
        let (rt, breaker) = (rt.clone(), breaker.clone());
        rt.clone().spawn_blocking(move || breaker.call_blocking(|| rt.now(), || Err::<(), _>("down")))
    };
    assert_eq!(job.await.expect("no panic"), Err(Error::Operation("down")));
}

async fn keys_have_breakers_apart<R: Runtime>(rt: R) {
    let each = CircuitBreaker::named("hosts").consecutive_failures(10).open_for(Duration::from_secs(60));
    let hosts = KeyedCircuitBreaker::<u64>::new(&rt, each).expect("it is good");
    let tasks = [(); 4].map(|()| {
        let (rt, hosts) = (rt.clone(), hosts.clone());
        rt.clone().spawn(async move {
            for turn in 0..200_u64 {
                let key = turn % 20;
                // Half of them are down.
                let op = async |_| if key < 10 { Err("down") } else { Ok(key) };
                let _ = hosts.run(&rt, &key, op).await;
                if turn % 40 == 0 {
                    rt.yield_now().await;
                }
            }
        })
    });
    for task in tasks {
        rt.timeout(SOON, task).await.expect("nobody waits").expect("no panic");
    }
    let mut states = Vec::new();
    hosts.for_each(rt.now(), |key, metrics| states.push((*key < 10, metrics.state, metrics.openings)));
    assert_eq!(states.len(), 20);
    for (is_down, state, openings) in states {
        let expected = if is_down { (CircuitState::Open, 1) } else { (CircuitState::Closed, 0) };
        assert_eq!((state, openings), expected);
    }
    let job = {
        let (rt, hosts) = (rt.clone(), hosts.clone());
        rt.clone()
            .spawn_blocking(move || hosts.of(&3, rt.now()).call_blocking(|| rt.now(), || Ok::<_, &str>(())))
    };
    assert!(matches!(job.await.expect("no panic"), Err(Error::Rejected(_))));
}
