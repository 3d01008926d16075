//! A limit of many processes together.

mod arithmetic;
mod failing;
mod leases;
mod pipeline;
mod retry_budget;
mod scripted;
mod sweeps;

use self::scripted::{Does, Scripted};
use crate::kit::{Heard, at, limit, ms, on_sim, secs};
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::resilience::{
    EventKind, GrantedBy, InMemoryStore, OnStoreFailure, PolicyKind, Quota, QuotaStore, Reason, Rejected,
    SharedRateLimiter, SharedRateLimiterBuilder,
};
use backstay_core::time::Deadline;
use std::time::Duration;

fn builder(quota: Quota) -> SharedRateLimiterBuilder {
    SharedRateLimiter::named("api").quota(quota)
}

const fn because(reason: Reason) -> Rejected {
    Rejected::new(PolicyKind::RateLimiter, "api", reason)
}

fn good<S: QuotaStore>(builder: SharedRateLimiterBuilder<S>) -> SharedRateLimiter<S> {
    builder.build().expect("it is good")
}

#[test]
fn all_who_share_a_key_share_a_quota() {
    on_sim(|rt| async move {
        let store = InMemoryStore::new();
        let node = |key: &str| good(builder(Quota::per_second(1).burst(2)).key(key).store(store.clone()));
        let (a, b, other) = (node("k"), node("k"), node("l"));
        assert!(a.try_acquire(&rt).await.is_ok() && b.try_acquire(&rt).await.is_ok());
        let refused = because(Reason::RateLimited).with_retry_after(secs(1));
        // A refusal changes nothing.
        for _ in 0..10 {
            assert_eq!(a.try_acquire(&rt).await, Err(refused));
            assert_eq!(b.try_acquire(&rt).await, Err(refused));
        }
        assert_eq!(other.try_acquire(&rt).await.map(|permit| permit.granted_by()), Ok(GrantedBy::Store));
        rt.sleep(secs(1)).await;
        assert_eq!(b.try_acquire(&rt).await.map(|permit| permit.count()), Ok(1));
        assert_eq!((a.metrics().asked, b.metrics().asked, store.len()), (11, 12, 1));
    });
}

#[test]
fn turns_come_in_the_order_of_asking() {
    on_sim(|rt| async move {
        let (store, heard) = (InMemoryStore::new(), Heard::default());
        let node = || good(builder(Quota::per_second(10)).store(store.clone()).observer(heard.clone()));
        let nodes = [node(), node(), node()];
        let order = std::sync::Mutex::new(Vec::new());
        let ask = |call: usize| {
            let (node, order, rt) = (&nodes[call % 3], &order, &rt);
            async move {
                node.acquire(rt).await.expect("its turn comes");
                order.lock().unwrap().push((call, rt.now()));
            }
        };
        let calls = (0..5).map(ask);
        futures::future::join_all(calls).await;
        let expected: Vec<_> = (0..5).map(|call| (call, at(100 * call as u64))).collect();
        assert_eq!(*order.lock().unwrap(), expected);
        let waited = |wait| ("api", EventKind::Waited { policy: PolicyKind::RateLimiter, waited: ms(wait) });
        assert_eq!(heard.take(), [100, 200, 300, 400].map(waited));
    });
}

#[test]
fn nobody_waits_longer_than_it_may() {
    on_sim(|rt| async move {
        let heard = Heard::default();
        let limiter = good(builder(Quota::per_second(1)).max_wait(secs(2)).observer(heard.clone()));
        limiter.acquire(&rt).await.expect("there is one");
        // One second and two ahead, and no more.
        let (first, second) = (limiter.acquire(&rt), limiter.acquire(&rt));
        let third = async {
            rt.yield_now().await;
            let refused = because(Reason::RateLimited).with_retry_after(secs(1));
            assert_eq!(limiter.acquire(&rt).await, Err(refused));
            assert_eq!(heard.take(), [("api", EventKind::Rejected(refused))]);
            // Nor beyond its deadline: the third second is too late for one that has but three.
            let soon = limiter.acquire(&rt).within(Deadline::after(&rt, secs(3))).await;
            assert_eq!(soon.map_err(|rejected| rejected.reason()), Err(Reason::RateLimited));
            assert_eq!(rt.now(), at(0), "told at once");
        };
        let (first, second, ()) = futures::join!(first, second, third);
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(rt.now(), at(2_000));
        let over = limiter.try_acquire(&rt).within(Deadline::at(rt.now())).await;
        assert_eq!(over, Err(because(Reason::MaxWait { limit: Duration::ZERO })));
        assert_eq!(limiter.metrics().asked, 5);
    });
}

#[test]
fn a_turn_that_a_slow_answer_makes_too_late_is_nobodys() {
    on_sim(|rt| async move {
        let (store, heard) = (Scripted::new(&rt), Heard::default());
        let limiter = good(builder(Quota::per_second(100)).store(store.clone()).observer(heard.clone()));
        limiter.acquire(&rt).await.expect("there is one");
        // Its turn is 10 ms after the store says so: in time if that were now, and it is in 8 ms.
        store.does(Does::AnswerAfter(ms(8)));
        let refused = because(Reason::MaxWait { limit: ms(7) });
        let soon = Deadline::after(&rt, ms(15));
        assert_eq!(limiter.acquire(&rt).within(soon).await, Err(refused));
        assert_eq!((rt.now(), heard.take()), (at(8), vec![("api", EventKind::Rejected(refused))]));
        // A turn in time is one, to the last nanosecond.
        let just = Deadline::at(at(28) + Duration::from_nanos(1));
        limiter.acquire(&rt).within(just).await.expect("in time");
        assert_eq!(rt.now(), at(28));
    });
}

#[test]
fn a_store_is_told_how_long_this_one_may_wait_and_how_long_anybody_may() {
    on_sim(|rt| async move {
        let store = Scripted::new(&rt);
        let limiter = good(builder(Quota::per_second(1)).max_wait(secs(9)).store(store.clone()));
        limiter.try_acquire(&rt).await.expect("there is one");
        // A turn at the very deadline is too late.
        let refused = limiter.acquire(&rt).within(Deadline::after(&rt, secs(1))).await;
        assert_eq!(refused, Err(because(Reason::RateLimited).with_retry_after(Duration::from_nanos(1))));
        limiter.acquire(&rt).within(Deadline::after(&rt, secs(20))).await.expect("its turn comes");
        let asked: Vec<_> = store.asked().iter().map(|ask| (ask.max_wait, ask.longest_wait)).collect();
        let almost = secs(1) - Duration::from_nanos(1);
        assert_eq!(asked, [(Duration::ZERO, secs(9)), (almost, secs(9)), (secs(9), secs(9))]);
    });
}

#[test]
fn what_was_taken_at_another_quota_is_taken() {
    on_sim(|rt| async move {
        let store = InMemoryStore::new();
        let before = good(builder(Quota::per_minute(6).burst(6)).store(store.clone()));
        before.try_acquire_many(&rt, limit(4)).await.expect("the burst");
        let now = good(builder(Quota::per_minute(12).burst(12)).store(store));
        assert!(now.try_acquire_many(&rt, limit(3)).await.is_err(), "two are left");
        assert!(now.try_acquire_many(&rt, limit(2)).await.is_ok());
    });
}

#[test]
fn many_at_once() {
    on_sim(|rt| async move {
        let limiter = good(builder(Quota::per_second(10).burst(5)));
        let too_large = Err(because(Reason::TooLarge { capacity: 5 }));
        assert_eq!(limiter.try_acquire_many(&rt, limit(6)).await, too_large);
        assert_eq!(limiter.acquire_many(&rt, limit(usize::MAX)).await, too_large);
        assert_eq!(limiter.metrics().asked, 0, "without asking");
        limiter.try_acquire_many(&rt, limit(5)).await.expect("the burst");
        assert_eq!(limiter.acquire_many(&rt, limit(3)).await.map(|permit| permit.count()), Ok(3));
        assert_eq!(rt.now(), at(300));
    });
}

#[test]
fn keys_are_forgotten_and_there_are_not_too_many() {
    on_sim(|rt| async move {
        let store = InMemoryStore::new().max_keys(limit(100));
        let take = async |key: usize| {
            let quota = builder(Quota::per_second(10)).on_store_failure(OnStoreFailure::Deny);
            let limiter = good(quota.key(key.to_string()).store(store.clone()));
            (limiter.try_acquire(&rt).await, limiter.last_error())
        };
        for key in 0..100 {
            assert!(take(key).await.0.is_ok());
        }
        let (refused, error) = take(100).await;
        assert_eq!(refused, Err(because(Reason::StoreFailed)));
        assert_eq!(error.unwrap().to_string(), "as many keys are in use as may be kept: 100");
        assert!(take(7).await.0.is_err() && store.len() == 100, "and those that are there keep theirs");
        rt.sleep(ms(100)).await;
        for _ in 0..100 {
            assert!(take(100).await.0.is_ok() || !store.is_empty());
        }
        assert_eq!(store.len(), 1);
    });
}

#[test]
fn what_makes_no_sense_is_refused() {
    let quota = Quota::per_second(10).burst(5);
    let wrong = |builder: SharedRateLimiterBuilder| builder.build().map(drop).unwrap_err().to_string();
    let table = [
        (SharedRateLimiter::named("api"), "invalid `quota`: must be given"),
        (SharedRateLimiter::named("").quota(quota), "invalid `key`: must be given where there is no name"),
        (builder(quota).key(""), "invalid `key`: must not be empty"),
        (builder(Quota::strict(5, secs(1))), "invalid `quota`: must not be strict where it is shared"),
        (builder(Quota::per_second(0)), "invalid `permits` = 0: must be at least 1"),
        (
            builder(quota).store_timeout(Duration::ZERO),
            "invalid `store_timeout` = 0s: must be longer than zero",
        ),
        (builder(quota).lease(1), "invalid `lease` = 1: must be at least 2, and at most the burst"),
        (builder(quota).lease(6), "invalid `lease` = 6: must be at least 2, and at most the burst"),
        (builder(quota).lease_for(Duration::ZERO), "invalid `lease_for` = 0s: must be longer than zero"),
        (
            builder(quota).on_store_failure(OnStoreFailure::LocalShare(limit(usize::MAX))),
            "invalid `on_store_failure` = 18446744073709551615: must be few enough processes that a share of the \
             quota comes back within 2^60 ns (36 years)",
        ),
    ];
    for (builder, message) in table {
        assert_eq!(wrong(builder), message);
    }
    let largest =
        builder(quota).max_wait(Duration::MAX).store_timeout(Duration::MAX).lease_for(Duration::MAX);
    on_sim(|rt: Sim| {
        let limiter = good(largest.clone().lease(5));
        async move {
            for _ in 0..6 {
                limiter.acquire(&rt).await.expect("its turn comes");
            }
            assert_eq!(limiter.metrics().asked, 2);
        }
    });
}

#[test]
fn the_types_go_anywhere() {
    fn anywhere<T: Send + Sync + Unpin + 'static>(_: &T) {}
    fn sends<T: Send>(_: &T) {}
    let limiter = good(builder(Quota::per_second(1)));
    anywhere(&limiter);
    on_sim(|rt| {
        sends(&limiter.acquire(&rt));
        sends(&limiter.run(&rt, async |_| Ok::<_, ()>(())));
        async {}
    });
    assert_eq!(format!("{limiter:?}").split_whitespace().next(), Some("SharedRateLimiter"));
}
