//! Stores that fail, or take too long.

use super::scripted::{Does, Down, Scripted};
use super::{because, builder, good};
use crate::kit::{Heard, at, limit, ms, on_sim, secs};
use backstay_core::Runtime;
use backstay_core::resilience::{
    CircuitBreaker, CircuitState, EventKind, GrantedBy, OnStoreFailure, Quota, Reason, StoreFailure,
};
use backstay_core::time::Deadline;

const LOCAL: fn(usize) -> OnStoreFailure = |of| OnStoreFailure::LocalShare(limit(of));

#[test]
fn a_store_that_hangs_costs_its_timeout_and_no_more() {
    on_sim(|rt| async move {
        let (store, heard) = (Scripted::new(&rt), Heard::default());
        let limiter = good(builder(Quota::per_second(1)).store(store.clone()).observer(heard.clone()));
        store.does(Does::Hang);
        let permit = limiter.acquire(&rt).await.expect("all may pass");
        assert_eq!((permit.granted_by(), rt.now()), (GrantedBy::Nobody, at(20)));
        let (cause, instead) = (StoreFailure::Timeout, OnStoreFailure::Allow);
        assert_eq!(heard.take(), [("api", EventKind::StoreFailed { cause, instead })]);
        // A deadline that is nearer is the limit.
        let near = Deadline::after(&rt, ms(3));
        assert!(limiter.try_acquire(&rt).within(near).await.is_ok());
        assert_eq!((rt.now(), limiter.metrics().timeouts), (at(23), 2));
        assert_eq!(heard.take(), [], "it is no failure of the store's that is told");
        // One that is further away is not.
        let far = Deadline::after(&rt, ms(30));
        assert!(limiter.try_acquire(&rt).within(far).await.is_ok());
        assert_eq!((rt.now(), heard.take().len()), (at(43), 1));
    });
}

#[test]
fn what_happens_instead() {
    on_sim(|rt| async move {
        for (does, cause) in [(Does::Hang, StoreFailure::Timeout), (Does::Fail, StoreFailure::Error)] {
            for instead in [OnStoreFailure::Allow, OnStoreFailure::Deny, LOCAL(2)] {
                let (store, heard) = (Scripted::new(&rt), Heard::default());
                store.does(does);
                let quota = Quota::per_second(2).burst(4);
                let limiter = builder(quota).on_store_failure(instead).observer(heard.clone());
                let limiter = good(limiter.store(store.clone()));
                let got = limiter.try_acquire(&rt).await;
                match instead {
                    OnStoreFailure::Allow => {
                        assert_eq!(got.map(|got| got.granted_by()), Ok(GrantedBy::Nobody))
                    }
                    OnStoreFailure::Deny => assert_eq!(got, Err(because(Reason::StoreFailed))),
                    _ => assert_eq!(got.map(|got| got.granted_by()), Ok(GrantedBy::LocalShare)),
                }
                assert_eq!(heard.take()[0], ("api", EventKind::StoreFailed { cause, instead }));
                let metrics = limiter.metrics();
                let failed = [metrics.timeouts, metrics.errors];
                assert_eq!(failed, if cause == StoreFailure::Timeout { [1, 0] } else { [0, 1] });
                assert_eq!(limiter.last_error().as_deref(), matches!(does, Does::Fail).then_some(&Down));
            }
        }
    });
}

#[test]
fn a_local_share_is_a_limit() {
    on_sim(|rt| async move {
        let store = Scripted::new(&rt);
        store.does(Does::Fail);
        let quota = Quota::per_second(10).burst(7);
        let limiter = good(builder(quota).on_store_failure(LOCAL(3)).store(store.clone()));
        // A third of the burst, and a third of the rate.
        assert!(limiter.try_acquire(&rt).await.is_ok() && limiter.try_acquire(&rt).await.is_ok());
        let refused = because(Reason::RateLimited).with_retry_after(ms(300));
        assert_eq!(limiter.try_acquire(&rt).await, Err(refused));
        limiter.acquire(&rt).await.expect("its turn comes");
        assert_eq!(rt.now(), at(300));
        // None is reserved for who may not wait for it.
        let soon = Deadline::after(&rt, ms(100));
        assert!(limiter.acquire(&rt).within(soon).await.is_err());
        limiter.acquire(&rt).await.expect("its turn comes");
        assert_eq!(rt.now(), at(600));
        // More than the share is not more than there is.
        assert_eq!(limiter.try_acquire_many(&rt, limit(3)).await, Err(because(Reason::StoreFailed)));
        store.does(Does::Answer);
        rt.sleep(secs(1)).await;
        let permit = limiter.try_acquire_many(&rt, limit(3)).await.expect("it is asked again");
        assert_eq!(permit.granted_by(), GrantedBy::Store);
    });
}

#[test]
fn after_failures_it_is_not_asked_for_a_while() {
    on_sim(|rt| async move {
        let store = Scripted::new(&rt);
        let quota = builder(Quota::per_second(1_000).burst(10)).on_store_failure(OnStoreFailure::Deny);
        let limiter = good(quota.store(store.clone()));
        store.does(Does::Hang);
        for _ in 0..5 {
            assert!(limiter.try_acquire(&rt).await.is_err());
        }
        assert_eq!((rt.now(), limiter.metrics().asked), (at(100), 5));
        assert_eq!(limiter.breaker().state(rt.now()), CircuitState::Open);
        for _ in 0..100 {
            let refused = because(Reason::StoreFailed).with_retry_after(secs(1));
            assert_eq!(limiter.acquire(&rt).await, Err(refused));
        }
        let metrics = limiter.metrics();
        assert_eq!((rt.now(), metrics.asked, metrics.not_asked), (at(100), 5, 100), "it costs no time");
        // One finds out that it still hangs, and the next that it works again.
        rt.sleep(secs(1)).await;
        assert!(limiter.try_acquire(&rt).await.is_err());
        assert_eq!(limiter.metrics().asked, 6);
        store.does(Does::Answer);
        rt.sleep(secs(1)).await;
        limiter.try_acquire(&rt).await.expect("it works");
        assert_eq!(limiter.breaker().state(rt.now()), CircuitState::Closed);
    });
}

#[test]
fn a_breaker_can_be_shared_and_set() {
    on_sim(|rt| async move {
        let store = Scripted::new(&rt);
        let breaker = CircuitBreaker::named("store").consecutive_failures(1).build().expect("it is good");
        let of = |key| good(builder(Quota::per_second(1)).key(key).breaker(&breaker).store(store.clone()));
        let (a, b) = (of("a"), of("b"));
        store.does(Does::Fail);
        assert!(a.try_acquire(&rt).await.is_ok() && b.try_acquire(&rt).await.is_ok());
        assert_eq!((a.metrics().asked, b.metrics().asked, b.metrics().not_asked), (1, 0, 1));
    });
}

#[test]
fn a_late_answer_is_nobodys() {
    on_sim(|rt| async move {
        let store = Scripted::new(&rt);
        let quota = builder(Quota::per_minute(1)).on_store_failure(OnStoreFailure::Deny);
        let limiter = good(quota.store(store.clone()));
        store.does(Does::AnswerAfter(ms(21)));
        assert_eq!(limiter.try_acquire(&rt).await, Err(because(Reason::StoreFailed)));
        // It had granted that: it is spent, and nobody has it.
        store.does(Does::AnswerAfter(ms(19)));
        let refused = limiter.try_acquire(&rt).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::RateLimited);
        assert_eq!(limiter.breaker().state(rt.now()), CircuitState::Closed);
        // Both ready at the same time: the answer counts.
        store.does(Does::AnswerAfter(ms(20)));
        let reason = limiter.try_acquire(&rt).await.unwrap_err().reason();
        assert!(matches!(reason, Reason::RateLimited), "{reason}");
    });
}
