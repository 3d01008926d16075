//! The limiter of many processes, between tasks that really run at the same time.

use crate::kit::{SOON, drop_after, ms};
use backstay::test_on_every_runtime;
use backstay_core::Runtime;
use backstay_core::resilience::{
    Ask, Backoff, Error, InMemoryStore, OnStoreFailure, Pipeline, Quota, QuotaStore, Reason, Retry,
    SharedRateLimiter, StoreFull, Taken,
};
use backstay_core::{ConfigError, Limit};
use std::future::{Pending, pending};
use std::sync::Arc;
use std::time::Duration;

test_on_every_runtime! {
    no_permit_is_granted_twice
    who_waits_is_never_early
    a_store_that_hangs_is_left_in_time
    retries_of_many_tasks_are_paid_from_one_store
}

async fn no_permit_is_granted_twice<R: Runtime>(rt: R) {
    let store = InMemoryStore::new();
    let tasks: Vec<_> = (0..8_u32)
        .map(|task| {
            let quota =
                SharedRateLimiter::named("api").quota(Quota::per_hour(1).burst(100)).store(store.clone());
            let quota = if task % 2 == 0 { quota.lease(5) } else { quota };
            let (rt, limiter) = (rt.clone(), quota.build().expect("it is good"));
            rt.clone().spawn(async move {
                let mut granted = 0_u64;
                for call in 0..50 {
                    if call % 7 == 0 {
                        granted += u64::from(drop_after(&rt, 0, limiter.try_acquire(&rt)).await.is_some());
                    }
                    granted += u64::from(limiter.try_acquire(&rt).await.is_ok());
                    rt.yield_now().await;
                }
                granted + u64::from(limiter.leased(rt.now()))
            })
        })
        .collect();
    let mut granted = 0;
    for task in tasks {
        granted += rt.timeout(SOON, task).await.expect("nobody waits").expect("no panic");
    }
    assert_eq!(granted, 100);
}

async fn who_waits_is_never_early<R: Runtime>(rt: R) {
    let limiter = SharedRateLimiter::named("api").quota(Quota::per_second(200)).max_wait(SOON);
    let limiter = limiter.build().expect("it is good");
    let started = rt.now();
    for _ in 0..6 {
        limiter.acquire(&rt).await.expect("its turn comes");
    }
    assert!(rt.now() - started >= ms(25));
}

struct Hangs;

impl QuotaStore for Hangs {
    type Error = StoreFull;
    type Take = Pending<Result<Taken, StoreFull>>;

    fn take(&self, _: &Arc<str>, _: Ask) -> Self::Take {
        pending()
    }

    fn check(&self, _: &Quota, _: Duration) -> Result<(), ConfigError> {
        Ok(())
    }
}

async fn a_store_that_hangs_is_left_in_time<R: Runtime>(rt: R) {
    let shared = |instead| {
        let quota =
            SharedRateLimiter::named("api").quota(Quota::per_hour(1)).store(Hangs).store_timeout(ms(5));
        quota.on_store_failure(instead).build().expect("it is good")
    };
    let denied = rt.timeout(SOON, shared(OnStoreFailure::Deny).try_acquire(&rt)).await.expect("it is left");
    assert_eq!(denied.map_err(|rejected| rejected.reason()), Err(Reason::StoreFailed));
    let local = shared(OnStoreFailure::LocalShare(Limit::ONE));
    assert!(local.run(&rt, async |_| Ok::<_, ()>(())).await.is_ok());
    assert!(local.try_acquire(&rt).await.is_err());
}

async fn retries_of_many_tasks_are_paid_from_one_store<R: Runtime>(rt: R) {
    let store = InMemoryStore::new();
    let retry =
        Retry::builder().max_attempts(3).backoff(Backoff::constant(ms(1))).build().expect("it is good");
    let tasks: Vec<_> = (0..8_u32)
        .map(|_| {
            let limiter =
                SharedRateLimiter::named("api").quota(Quota::per_hour(1).burst(9)).store(store.clone());
            let limiter = limiter.store_timeout(SOON).build().expect("it is good");
            let calls = Pipeline::named("api").retry(retry.clone()).retry_budget_shared(&limiter);
            let calls = calls.build(&rt).expect("it is good");
            rt.spawn(async move {
                let mut attempts = 0;
                let result = calls.call(|_| {
                    attempts += 1;
                    async { Err::<(), _>("down") }
                });
                assert!(matches!(result.await, Err(Error::RetriesExhausted { .. })));
                attempts
            })
        })
        .collect();
    let mut attempts = 0;
    for task in tasks {
        attempts += rt.timeout(SOON, task).await.expect("nobody waits").expect("no panic");
    }
    assert_eq!(attempts, 8 + 9);
}
