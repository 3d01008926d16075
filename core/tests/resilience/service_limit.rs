//! Limits that the service states: who may go when, by what it has said.

mod servers;
mod sweeps;

use crate::kit::{Heard, at, limit, ms, on_sim, secs};
use backstay_core::Runtime;
use backstay_core::resilience::{
    ByVerdict, Error, EventKind, Pacing, Pipeline, PolicyKind, Reason, Rejected, Retry, ServiceLimit,
    ServiceLimitBuilder, ServiceLimitConfig, ServiceLimitPermit, Told, ToldQuota, Verdict,
};
use backstay_core::time::{Deadline, Instant};
use std::cell::{Cell, RefCell};
use std::time::Duration;

fn builder() -> ServiceLimitBuilder {
    ServiceLimit::named("api")
}

fn built(builder: ServiceLimitBuilder) -> ServiceLimit {
    builder.build().expect("it is good")
}

fn left(remaining: u64, reset: Duration) -> Told {
    Told::new().quota(ToldQuota::of("q").remaining(remaining).reset(reset))
}

/// One call that is told this at once.
fn told(limit: &ServiceLimit, told: &Told, now: Instant) {
    limit.try_acquire(now).expect("it may go").told(told, now, 0);
}

fn refusal(result: Result<ServiceLimitPermit, Rejected>) -> (Reason, Option<Duration>) {
    let rejected = result.expect_err("it may not go");
    assert_eq!((rejected.policy(), rejected.name()), (PolicyKind::ServiceLimit, "api"));
    (rejected.reason(), rejected.retry_after())
}

#[test]
fn a_refusal_says_why_and_when_to_come_back() {
    let api = built(builder());
    told(&api, &left(1, secs(5)), at(0));
    let _under_way = api.try_acquire(at(0)).expect("one is left");
    assert_eq!(refusal(api.try_acquire(at(2_000))), (Reason::RateLimited, Some(secs(3))));
    let asks = api.try_acquire(at(5_000)).expect("one asks");
    assert_eq!(refusal(api.try_acquire(at(5_000))), (Reason::RateLimited, None));
    asks.told(&Told::new().retry_after(secs(9)), at(5_000), 0);
    assert_eq!(refusal(api.try_acquire(at(6_000))), (Reason::Paused, Some(secs(8))));
    assert_eq!(api.paused_until(at(6_000)), Some(at(14_000)));
    let quota = ToldQuota::of("q").quota(4).window(secs(1)).remaining(4);
    api.try_acquire(at(14_000)).expect("it is over").told(&Told::new().quota(quota), at(14_000), 0);
    let five = api.try_acquire_many(limit(5), at(14_000));
    assert_eq!(refusal(five), (Reason::TooLarge { capacity: 4 }, None));
}

#[test]
fn a_permit_that_is_dropped_counts_and_one_that_is_given_back_does_not() {
    let api = built(builder());
    told(&api, &left(3, secs(5)), at(0));
    drop(api.try_acquire(at(0)).expect("three are left"));
    assert_eq!(api.remaining(at(0)), Some(2));
    api.try_acquire(at(0)).expect("two are left").give_back();
    assert_eq!(api.remaining(at(0)), Some(2));
}

#[test]
fn who_waits_is_served_in_order_as_soon_as_there_is_more() {
    on_sim(async |rt| {
        let (api, log) = (built(builder()), std::sync::Arc::new(std::sync::Mutex::new(Vec::new())));
        told(&api, &left(2, secs(10)), rt.now());
        let ask = |n: usize, after| {
            let (rt, api, log) = (rt.clone(), api.clone(), std::sync::Arc::clone(&log));
            rt.clone().spawn(async move {
                rt.sleep(ms(after)).await;
                let permit = api.acquire_many(&rt, limit(n)).await.expect("it waits");
                log.lock().unwrap().push((n, rt.now()));
                rt.sleep(ms(100)).await;
                permit.told(&left(2, secs(10)), rt.now(), 0);
            })
        };
        // Three are too many, and nobody overtakes.
        let tasks = [ask(3, 0), ask(2, 1), ask(1, 2)];
        rt.sleep(ms(5)).await;
        assert_eq!(api.waiting(), 3);
        assert!(api.try_acquire(rt.now()).is_err());
        for task in tasks {
            task.await.expect("no panic");
        }
        // After the reset the first asks, and is told that two are left.
        assert_eq!(*log.lock().unwrap(), [(3, at(10_000)), (2, at(10_100)), (1, at(10_200))]);
        assert_eq!(api.waiting(), 0);
    });
}

#[test]
fn who_comes_behind_others_is_told_of_a_turn_behind_theirs() {
    on_sim(|rt| async move {
        let limit = built(builder());
        let minute = ToldQuota::of("q").quota(2).window(secs(60)).remaining(0).reset(secs(10));
        told(&limit, &Told::new().quota(minute), rt.now());
        let waiting = || {
            let (rt, limit) = (rt.clone(), limit.clone());
            rt.clone().spawn(async move { limit.acquire(&rt).await.map(drop) })
        };
        let others = [waiting(), waiting()];
        rt.sleep(secs(1)).await;
        let refused = refusal(limit.try_acquire(rt.now()));
        assert_eq!(refused, (Reason::RateLimited, Some(secs(69))), "two go at the reset");
        for other in others {
            other.await.unwrap().expect("its turn comes");
        }
        assert_eq!(rt.now(), at(10_000));
    });
}

#[test]
fn where_an_answer_is_lost_that_others_wait_for_the_next_asks() {
    on_sim(|rt| async move {
        let limit = built(builder());
        told(&limit, &Told::new().retry_after(secs(1)), rt.now());
        let asks = limit.acquire(&rt).await.expect("the pause is over");
        let next = {
            let (rt, limit) = (rt.clone(), limit.clone());
            rt.clone().spawn(async move { limit.acquire(&rt).await.map(drop) })
        };
        rt.sleep(secs(1)).await;
        assert_eq!(limit.waiting(), 1);
        drop(asks);
        next.await.unwrap().expect("it is the next to ask");
        assert_eq!(rt.now(), at(2_000));
    });
}

#[test]
fn who_would_wait_too_long_or_finds_too_many_is_refused_at_once() {
    on_sim(async |rt| {
        let api = built(builder().max_wait(secs(5)).max_waiting(limit(1)));
        told(&api, &left(0, secs(6)), rt.now());
        assert_eq!(refusal(api.acquire(&rt).await), (Reason::RateLimited, Some(secs(6))));
        rt.sleep(secs(2)).await;
        let waits = rt.spawn(api.acquire(&rt));
        rt.sleep(secs(1)).await;
        assert_eq!(refusal(api.acquire(&rt).await), (Reason::QueueFull, Some(secs(3))));
        let asks = waits.await.expect("no panic").expect("in four seconds");
        assert_eq!(rt.now(), at(6_000));
        // It depends on its answer; nobody waits for that for ever.
        let waits = rt.spawn(api.acquire(&rt));
        assert_eq!(refusal(waits.await.expect("no panic")), (Reason::MaxWait { limit: secs(5) }, None));
        assert_eq!((rt.now(), api.waiting()), (at(11_000), 0));
        drop(asks);
        // With other settings, who comes now.
        api.reconfigure(builder().max_wait(Duration::ZERO), rt.now()).expect("they are good");
        let asks = api.acquire(&rt).await.expect("nobody waits for it");
        assert_eq!(refusal(api.acquire(&rt).await), (Reason::RateLimited, None));
        drop(asks);
        let bad = api.reconfigure(builder().jitter(2.0), rt.now()).unwrap_err();
        assert_eq!(bad.field(), Some("jitter"));
    });
}

#[test]
fn who_waits_is_told_when_the_service_says_less() {
    on_sim(async |rt| {
        let api = built(builder());
        told(&api, &left(1, secs(5)), rt.now());
        let under_way = api.try_acquire(rt.now()).expect("one is left");
        let waits = rt.spawn(api.acquire_many(&rt, limit(3)));
        rt.sleep(secs(1)).await;
        let less = Told::new().quota(ToldQuota::of("q").quota(2).remaining(0).reset(secs(9)));
        under_way.told(&less, rt.now(), 0);
        assert_eq!(refusal(waits.await.expect("no panic")), (Reason::TooLarge { capacity: 2 }, None));
        assert_eq!(rt.now(), at(1_000));
    });
}

#[test]
fn its_observer_hears_of_who_waited_and_who_was_refused() {
    on_sim(async |rt| {
        let heard = Heard::default();
        let api = built(builder().max_wait(secs(2)).observer(heard.clone()));
        told(&api, &left(0, secs(2)), rt.now());
        let asks = api.acquire(&rt).await.expect("it waits");
        let waited = EventKind::Waited { policy: PolicyKind::ServiceLimit, waited: secs(2) };
        assert_eq!(heard.take(), [("api", waited)]);
        asks.told(&Told::new().retry_after(secs(3)), rt.now(), 0);
        let rejected = api.acquire(&rt).await.expect_err("too long");
        assert_eq!(heard.take(), [("api", EventKind::Rejected(rejected))]);
    });
}

/// Each call is answered by the next of these.
fn answers(told: impl IntoIterator<Item = Told>) -> impl Fn() -> Result<Told, &'static str> {
    let answers = RefCell::new(told.into_iter());
    move || answers.borrow_mut().next().ok_or("no more")
}

fn hear(result: Result<&Told, &Error<&str>>) -> Option<Told> {
    result.ok().cloned()
}

#[test]
fn a_call_of_a_pipeline_takes_its_turn_and_hears_what_is_said() {
    on_sim(async |rt| {
        let heard = Heard::default();
        let api = built(builder()).hear(hear);
        let calls = Pipeline::named("calls").observer(heard.clone()).service_limit(&api);
        let calls = calls.build(&rt).expect("it is good");
        let next = answers([left(1, secs(5)), left(0, secs(4)), left(0, secs(3))]);
        for after in [0, 0, 4_000] {
            calls.call(async |_| next()).await.expect("an answer");
            assert_eq!(rt.now(), at(after));
        }
        let waited = EventKind::Waited { policy: PolicyKind::ServiceLimit, waited: secs(4) };
        assert_eq!(heard.take(), [("calls", waited)]);
        // There is no time for it: it does not begin to wait.
        let result = calls.call(async |_| next()).within(Deadline::after(&rt, secs(3))).await;
        let Err(Error::Rejected(rejected)) = result else { panic!("{result:?}") };
        assert_eq!((rejected.retry_after(), rt.now()), (Some(secs(3)), at(4_000)));
        assert_eq!(calls.describe().to_string(), "calls\n  service limit `api`: as the service says");
    });
}

#[test]
fn without_ears_it_is_the_classifier_that_hears_of_a_pause() {
    on_sim(async |rt| {
        let api: ServiceLimit<ByVerdict> = built(builder());
        let classify = |result: Result<&(), &Error<Duration>>| match result {
            Err(Error::Operation(pause)) => Verdict::failure().after(*pause),
            _ => Verdict::Success,
        };
        let calls = Pipeline::named("calls").classify(classify).retry(Retry::default()).service_limit(&api);
        let (calls, fails) = (calls.build(&rt).expect("it is good"), Cell::new(true));
        calls
            .call(async |_| if fails.replace(false) { Err(secs(7)) } else { Ok(()) })
            .await
            .expect("the second");
        assert!((at(7_000)..at(8_000)).contains(&rt.now()), "{:?}", rt.now());
        api.run(&rt, async |_| Ok::<_, ()>(())).await.expect("it is over");
    });
}

#[test]
fn a_call_that_is_never_to_be_made_again_is_no_pause_for_the_others() {
    on_sim(async |rt| {
        let api = built(builder());
        let classify = |_: Result<&(), &Error<()>>| Verdict::failure().never_again();
        let calls = Pipeline::named("calls").classify(classify).service_limit(&api);
        let calls = calls.build(&rt).expect("it is good");
        for _ in 0..2 {
            assert!(calls.call(async |_| Err(())).await.is_err());
        }
        assert_eq!((api.paused_until(rt.now()), rt.now()), (None, at(0)));
    });
}

#[test]
fn a_call_that_never_reaches_the_operation_takes_nothing() {
    on_sim(async |rt| {
        let api = built(builder()).hear(hear);
        let breaker = backstay_core::resilience::CircuitBreaker::named("down").build().expect("it is good");
        breaker.isolate();
        let calls =
            Pipeline::named("calls").service_limit(&api).breaker(&breaker).build(&rt).expect("it is good");
        api.run(&rt, async |_| Ok(left(2, secs(5)))).await.expect("an answer");
        for _ in 0..10 {
            assert!(calls.call(async |_| Ok(Told::new())).await.is_err());
        }
        assert_eq!(api.remaining(rt.now()), Some(2));
        // One that fails has been counted, for all anybody knows.
        assert!(api.run(&rt, async |_| Err("broken")).await.is_err());
        assert_eq!(api.remaining(rt.now()), Some(1));
    });
}

#[test]
fn the_settings_are_what_was_set() {
    let set =
        builder().pacing(Pacing::Even).initial_quota(limit(2)).max_pause(secs(9)).assumed_window(secs(3));
    let config: ServiceLimitConfig = set.clone().into();
    assert_eq!(config.pacing, Pacing::Even);
    assert_eq!(built(builder().config(config)).name(), "api");
    for (bad, field) in [
        (builder().jitter(f64::NAN), "jitter"),
        (builder().jitter(-0.1), "jitter"),
        (builder().max_pause(Duration::ZERO), "max_pause"),
        (builder().assumed_window(Duration::ZERO), "assumed_window"),
    ] {
        assert_eq!(bad.build().unwrap_err().field(), Some(field));
    }
    fn pinned<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    pinned::<ServiceLimit>();
    pinned::<ServiceLimitPermit>();
    pinned::<Told>();
}
