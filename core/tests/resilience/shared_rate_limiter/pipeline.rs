//! Before an operation.

use super::scripted::{Does, Scripted};
use super::{because, builder, good};
use crate::kit::{Heard, at, ms, on_sim, secs};
use backstay_core::Runtime;
use backstay_core::resilience::{
    Backoff, CircuitState, Error, EventKind, InMemoryStore, Lint, Pipeline, PolicyKind, Quota, Reason, Retry,
    Scope, StoreFailure,
};

#[test]
fn each_attempt_takes_a_permit_of_all() {
    on_sim(|rt| async move {
        let (store, heard) = (InMemoryStore::new(), Heard::default());
        let node = || good(builder(Quota::per_second(10)).store(store.clone()));
        let (mine, other) = (node(), node());
        let retry =
            Retry::builder().max_attempts(3).backoff(Backoff::constant(ms(1))).build().expect("it is good");
        let users = Pipeline::named("users").retry(retry).rate_limit_shared(&mine).observer(heard.clone());
        let users = users.build(&rt).expect("it is good");
        other.acquire(&rt).await.expect("there is one");
        assert!(users.call(async |_| Err::<(), _>("down")).await.is_err());
        assert_eq!(rt.now(), at(300));
        let waits = heard.take().iter().filter(|(_, kind)| matches!(kind, EventKind::Waited { .. })).count();
        assert_eq!(waits, 3);
        let described = users.describe().to_string();
        assert!(
            described.contains("rate limiter `api`: 10 in 1s, 1 at once for all with the key `api`"),
            "{described}"
        );
    });
}

#[test]
fn its_place_is_a_rate_limiters() {
    on_sim(|rt| async move {
        let limiter = good(builder(Quota::per_second(10)));
        let outside = Pipeline::named("users").rate_limit_shared(&limiter).retry(Retry::default());
        let outside = outside.build(&rt).expect("it is good");
        assert_eq!(outside.lints(), [Lint::RateLimiterOutsideRetry]);
        assert_eq!(outside.describe().kinds().next(), Some(PolicyKind::RateLimiter));
    });
}

#[test]
fn a_refusal_is_the_calls() {
    on_sim(|rt| async move {
        let heard = Heard::default();
        let limiter = good(builder(Quota::per_minute(1)));
        let users = Pipeline::named("users").rate_limit_shared(&limiter).observer(heard.clone());
        let users = users.build(&rt).expect("it is good");
        assert!(users.call(async |_| Ok::<_, ()>(())).await.is_ok());
        let refused = because(Reason::RateLimited).with_retry_after(secs(59));
        assert_eq!(users.call(async |_| Ok::<_, ()>(())).await, Err(Error::Rejected(refused)));
        assert_eq!(heard.take(), [("users", EventKind::Rejected(refused))]);
    });
}

#[test]
fn the_deadline_of_the_call_is_the_stores() {
    on_sim(|rt| async move {
        let (store, heard) = (Scripted::new(&rt), Heard::default());
        let limiter = good(builder(Quota::per_second(1)).store(store.clone()).observer(heard.clone()));
        let users = Pipeline::named("users")
            .deadline(ms(5))
            .rate_limit_shared(&limiter)
            .build(&rt)
            .expect("it is good");
        store.does(Does::Hang);
        let error = users
            .call(async |_| if rt.now() > at(4) { panic!("it was called") } else { Ok::<_, ()>(()) })
            .await
            .unwrap_err();
        assert!(matches!(error, Error::TimedOut { scope: Scope::Total, .. }), "{error}");
        assert_eq!((rt.now(), limiter.metrics().timeouts), (at(5), 1));
        // A store that hangs is found out, also by those with less time than its timeout.
        for _ in 0..4 {
            assert!(users.call(async |_| Ok::<_, ()>(())).await.is_err());
        }
        assert_eq!(limiter.breaker().state(rt.now()), CircuitState::Open);
        assert!(users.call(async |_| Ok::<_, ()>(())).await.is_ok(), "not asked, and all may pass");
        let causes: Vec<_> = heard.take().into_iter().map(|(_, kind)| kind).collect();
        assert!(
            matches!(causes[..], [EventKind::StoreFailed { cause: StoreFailure::NotAsked, .. }]),
            "{causes:?}"
        );
    });
}

#[test]
fn who_would_have_its_turn_too_late_is_told_when_the_store_has_said_so() {
    on_sim(|rt| async move {
        let store = Scripted::new(&rt);
        let limiter = good(builder(Quota::per_second(100)).store(store.clone()));
        limiter.acquire(&rt).await.expect("there is one");
        store.does(Does::AnswerAfter(ms(8)));
        let users = Pipeline::named("users").deadline(ms(15)).rate_limit_shared(&limiter);
        let users = users.build(&rt).expect("it is good");
        let in_vain = Error::TimedOut { scope: Scope::Queue, limit: ms(7) };
        assert_eq!(users.call(async |_| Ok::<_, ()>(())).await, Err(in_vain));
        assert_eq!(rt.now(), at(8));
    });
}
