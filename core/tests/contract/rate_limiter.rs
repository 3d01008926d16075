//! Rate limiters between tasks that really run at the same time, by real clocks.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::resilience::{Error, KeyedRateLimiter, Pipeline, Quota, RateLimiter};
use backstay_core::{JoinHandle, Limit, Runtime};
use std::convert::Infallible;
use std::time::Duration;

test_on_every_runtime! {
    b25_tasks_together_have_no_more_than_the_quota
    who_waits_is_served_at_the_rate
    d19_s25_aborted_waiters_keep_nobody_waiting
    calls_of_a_pipeline_take_their_turn
    keys_are_limited_apart
}

fn limiter(quota: Quota) -> RateLimiter {
    RateLimiter::new(quota).expect("a good quota")
}

async fn b25_tasks_together_have_no_more_than_the_quota<R: Runtime>(rt: R) {
    // Five thousand a second: some come back while the tasks run.
    let limiter = limiter(Quota::per_second(5_000).burst(100));
    let start = rt.now();
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let (rt, limiter) = (rt.clone(), limiter.clone());
            rt.clone().spawn(async move {
                let mut batched = limiter.batched(Limit::new(5).expect("not zero"));
                let mut granted = 0;
                for turn in 0..200 {
                    let is_granted = match task % 2 {
                        0 => limiter.try_acquire(rt.now()).is_ok(),
                        _ => batched.try_acquire(|| rt.now()).is_ok(),
                    };
                    granted += u64::from(is_granted);
                    if turn % 20 == 0 {
                        rt.yield_now().await;
                    }
                }
                granted
            })
        })
        .collect();
    let mut granted = 0;
    for task in tasks {
        granted += rt.timeout(SOON, task).await.expect("nobody starves").expect("no panic");
    }
    let elapsed = rt.now() - start;
    let most = 100 + 5_000 * (elapsed.as_nanos() as u64 + 1) / 1_000_000_000;
    assert!((100..=most).contains(&granted), "{granted} in {elapsed:?}");
}

async fn who_waits_is_served_at_the_rate<R: Runtime>(rt: R) {
    let limiter = limiter(Quota::new(1, ms(2)).burst(2));
    let start = rt.now();
    let tasks: Vec<_> = (0..7)
        .map(|_| {
            let (rt, limiter) = (rt.clone(), limiter.clone());
            rt.clone().spawn(async move { limiter.acquire(&rt).await.map(drop) })
        })
        .collect();
    for task in tasks {
        let outcome = rt.timeout(SOON, task).await.expect("it has its turn").expect("no panic");
        assert_eq!(outcome, Ok(()));
    }
    // Two at once, and five at their rate.
    assert!(rt.now() - start >= ms(10));
    assert_eq!(limiter.waiting(), 0);
}

async fn d19_s25_aborted_waiters_keep_nobody_waiting<R: Runtime>(rt: R) {
    let limiter = limiter(Quota::new(1, ms(1)).burst(1_000));
    let all = limiter.acquire_many(&rt, Limit::new(1_000).expect("not zero")).await.expect("it is full");
    let ask = |n| {
        let (rt, limiter) = (rt.clone(), limiter.clone());
        rt.clone().spawn(async move {
            let n = Limit::new(n).expect("not zero");
            limiter.acquire_many(&rt, n).await.map(drop)
        })
    };
    // Nine hundred milliseconds away; it must not be waited for.
    let head = ask(900);
    rt.sleep(ms(2)).await;
    let behind = [ask(1), ask(2)];
    head.abort();
    let _ = head.await;
    for task in behind {
        let outcome = rt.timeout(ms(800), task).await.expect("nobody is in the way").expect("no panic");
        assert_eq!(outcome, Ok(()));
    }
    all.give_back(rt.now());
    assert_eq!(limiter.waiting(), 0);
}

async fn calls_of_a_pipeline_take_their_turn<R: Runtime>(rt: R) {
    let limiter = RateLimiter::named("contract").quota(Quota::new(1, ms(5))).build().expect("a good quota");
    let pipeline = Pipeline::named("contract").rate_limit(&limiter).build(&rt).expect("it is good");
    let start = rt.now();
    let tasks = [(); 4].map(|()| {
        let pipeline = pipeline.clone();
        rt.spawn(async move {
            let local = String::from("borrowed");
            let local = &local;
            pipeline.call(|_| async move { Ok::<_, Infallible>(local.len()) }).await
        })
    });
    for task in tasks {
        let outcome = rt.timeout(SOON, task).await.expect("it has its turn").expect("no panic");
        assert_eq!(outcome, Ok(8));
    }
    assert!(rt.now() - start >= ms(15));

    limiter.set_quota(Quota::per_hour(1), rt.now()).expect("a good quota");
    let pipeline = Pipeline::named("contract").attempt_timeout(ms(50)).rate_limit(&limiter).build(&rt);
    let pipeline = pipeline.expect("it is good");
    let before = rt.now();
    let outcome = pipeline.call(async |_| Ok::<_, Infallible>(())).await;
    let Err(Error::Rejected(rejected)) = outcome else { panic!("{outcome:?}") };
    assert!(rejected.retry_after() > Some(Duration::from_secs(1_000)));
    assert!(rt.now() - before < SOON, "refused, not waited for");
}

async fn keys_are_limited_apart<R: Runtime>(rt: R) {
    let quota = Quota::per_hour(1).burst(10);
    let limiter = KeyedRateLimiter::<u64>::new(&rt, quota).expect("a good quota");
    let tasks = [(); 3].map(|()| {
        let (rt, limiter) = (rt.clone(), limiter.clone());
        rt.clone().spawn(async move {
            let tries = (0..50 * 10_u64).filter(|turn| limiter.try_acquire(&(turn % 50), rt.now()).is_ok());
            tries.count()
        })
    });
    let mut granted = 0;
    for task in tasks {
        granted += task.await.expect("no panic");
    }
    assert_eq!((granted, limiter.len()), (500, 50));
}
