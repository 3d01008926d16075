//! Turns that can go anywhere, and go back where they are not used.

use super::super::kit::{on_sim, passed};
use super::{is_limited, limiter, ms};
use backstay::testing::{Sim, Subject, cancel_sweep, checked};
use backstay_core::Runtime;
use backstay_core::resilience::{Quota, RateLimiter, Reason};

#[test]
fn a_turn_is_spent_when_it_is_committed_and_otherwise_goes_back() {
    on_sim(async |rt| {
        let limiter = limiter(Quota::per_minute(1));
        let turn = checked(limiter.acquire_owned(&rt)).await.expect("there is one");
        assert_eq!((turn.count(), turn.ready_at()), (1, rt.now()));
        assert!(is_limited(&limiter.try_acquire(rt.now()).unwrap_err()));
        drop(turn);
        assert_eq!(limiter.available(rt.now()), 1);
        limiter.acquire_owned(&rt).await.expect("there is one still").commit();
        assert_eq!(limiter.available(rt.now()), 0);
    });
}

#[test]
fn who_came_first_is_served_first_whether_it_owns_or_borrows() {
    on_sim(async |rt| {
        let limiter = limiter(Quota::per_second(10));
        let _spent = limiter.try_acquire(rt.now()).expect("there is one");
        let start = rt.now();
        let owns = rt.spawn({
            let (rt, limiter) = (rt.clone(), limiter.clone());
            async move {
                checked(limiter.acquire_owned(&rt)).await.expect("it waits").commit();
                rt.now()
            }
        });
        rt.sleep(ms(1)).await;
        assert_eq!(limiter.waiting(), 1);
        let _permit = limiter.acquire(&rt).await.expect("it waits");
        assert_eq!(owns.await.expect("no panic") - start, ms(100));
        assert_eq!(rt.now() - start, ms(200));
    });
}

#[test]
fn whose_wait_would_be_too_long_is_told_at_once() {
    on_sim(async |rt| {
        let limiter = RateLimiter::named("pings").quota(Quota::per_minute(1)).max_wait(ms(10)).build();
        let limiter = limiter.expect("a good quota");
        limiter.acquire_owned(&rt).await.expect("there is one").commit();
        let rejected = limiter.acquire_owned(&rt).await.expect_err("it would be a minute");
        assert_eq!((rejected.reason(), rejected.retry_after()), (Reason::RateLimited, Some(ms(60_000))));
    });
}

#[test]
fn one_that_is_cut_anywhere_loses_nothing() {
    let scenario = |rt: Sim, subject: Subject| async move {
        let limiter = limiter(Quota::per_second(10));
        let _spent = limiter.try_acquire(rt.now()).expect("there is one");
        subject.run(async { drop(limiter.acquire_owned(&rt).await) }).await;
        limiter
    };
    let check = |rt: Sim, limiter: RateLimiter| async move {
        assert_eq!(limiter.waiting(), 0);
        rt.sleep(ms(100)).await;
        assert_eq!(limiter.available(rt.now()), 1);
    };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 2);
}
