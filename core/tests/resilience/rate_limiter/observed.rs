//! Who watches a limiter: all of its refusals and waits, whoever asks.

use super::{START, limit, ms};
use crate::kit::{Heard, on_sim, sim};
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::resilience::{
    Error, Event, EventKind, KeyedRateLimiter, Pipeline, PolicyKind, Quota, RateLimiter, RateLimiterBuilder,
    Reason,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

fn named() -> RateLimiterBuilder {
    RateLimiter::named("api").quota(Quota::per_second(10))
}

fn refusals(heard: &Heard) -> Vec<(&'static str, Reason)> {
    let reason = |(source, kind)| match kind {
        EventKind::Rejected(rejected) => {
            assert_eq!((rejected.policy(), rejected.name()), (PolicyKind::RateLimiter, "api"));
            (source, rejected.reason())
        }
        other => panic!("{other:?}"),
    };
    heard.take().into_iter().map(reason).collect()
}

#[test]
fn every_refusal_is_told_once_whoever_asks() {
    on_sim(async |rt: Sim| {
        let (own, heard) = (Heard::default(), Heard::default());
        let limiter = named().max_wait(ms(50)).observer(own.clone()).build().expect("a good quota");
        drop(limiter.try_acquire(rt.now()));
        assert!(own.take().is_empty(), "what is granted is no event");
        let users = Pipeline::named("users").observer(heard.clone()).rate_limit(&limiter).build(&rt).unwrap();

        let rejected = limiter.try_acquire(rt.now()).unwrap_err();
        assert_eq!(own.take(), [("api", EventKind::Rejected(rejected))]);
        limiter.try_acquire_many(limit(2), rt.now()).unwrap_err();
        limiter.acquire(&rt).await.unwrap_err();
        limiter.reserve(limit(1), rt.now()).unwrap_err();
        limiter.batched(limit(8)).try_acquire(|| rt.now()).unwrap_err();
        let limited = ("api", Reason::RateLimited);
        assert_eq!(refusals(&own), [("api", Reason::TooLarge { capacity: 1 }), limited, limited, limited]);
        assert!(users.call(async |_| Ok::<_, &str>(())).await.is_err());
        assert!(limiter.run(&rt, async |_| Ok::<_, &str>(())).await.is_err());
        assert_eq!(refusals(&heard), [("users", Reason::RateLimited)]);
        assert_eq!(refusals(&own), [limited, limited]);
    });
}

#[test]
fn every_wait_is_told_with_its_time() {
    on_sim(async |rt: Sim| {
        let (own, heard) = (Heard::default(), Heard::default());
        let limiter = named().observer(own.clone()).build().expect("a good quota");
        let users = Pipeline::named("users").observer(heard.clone()).rate_limit(&limiter).build(&rt).unwrap();
        drop(limiter.acquire(&rt).await);
        let both = async {
            drop(limiter.acquire(&rt).await);
        };
        let (call, ()) = futures::join!(users.call(async |_| Ok::<_, &str>(())), both);
        assert_eq!(call, Ok(()));
        let waited = |ms_waited| EventKind::Waited { policy: PolicyKind::RateLimiter, waited: ms(ms_waited) };
        assert_eq!(heard.take(), [("users", waited(100))]);
        assert_eq!(own.take(), [("api", waited(100)), ("api", waited(200))]);
    });
}

/// Its permit goes back: nobody has it.
#[test]
fn an_observer_that_panics_takes_no_permit() {
    sim(|rt: Sim| async move {
        let panics = |event: &Event| assert!(!matches!(event.kind, EventKind::Waited { .. }), "on purpose");
        let limiter = named().observer(panics).build().expect("a good quota");
        drop(limiter.try_acquire(rt.now()));
        let mut waits = Box::pin(limiter.acquire(&rt));
        let waker = std::task::Waker::noop();
        let mut poll = || waits.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_ready();
        assert!(!poll());
        rt.sleep(ms(100)).await;
        assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
        drop(waits);
        assert!(limiter.try_acquire(rt.now()).is_ok());
    });
}

#[test]
fn an_observer_may_use_the_limiter() {
    let slot = Arc::new(OnceLock::<RateLimiter>::new());
    let observer = {
        let slot = Arc::clone(&slot);
        move |event: &Event| {
            let limiter = slot.get().expect("it is built");
            let text = format!("{event} {limiter:?}");
            assert!(text.contains("waiting: 0"), "{text}");
            assert_eq!(limiter.available(START), 0);
        }
    };
    let limiter = slot.get_or_init(|| named().observer(observer).build().expect("a good quota"));
    drop(limiter.try_acquire(START));
    limiter.try_acquire(START).unwrap_err();
}

#[test]
fn a_keyed_one_tells_of_its_refusals() {
    on_sim(async |rt: Sim| {
        let own = Heard::default();
        let builder = KeyedRateLimiter::<u8>::named("api").quota(Quota::per_second(10)).max_keys(limit(1));
        let limiter = builder.observer(own.clone()).clone().build(&rt).expect("a good quota");
        drop(limiter.try_acquire(&1, START));
        assert!(own.take().is_empty());
        let rejected = limiter.try_acquire(&1, START).unwrap_err();
        assert_eq!(own.take(), [("api", EventKind::Rejected(rejected))]);
        limiter.try_acquire_many(&1, limit(2), START).unwrap_err();
        limiter.try_acquire(&2, START).unwrap_err();
        assert_eq!(refusals(&own), [("api", Reason::TooLarge { capacity: 1 }), ("api", Reason::TooManyKeys)]);
        // What it is told as an error is the same.
        let error: Error<&str> = rejected.into();
        assert_eq!(error.rejected(), Some(&rejected));
    });
}
