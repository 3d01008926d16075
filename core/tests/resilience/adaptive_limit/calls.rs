//! The limit around operations: what of their results it takes for what.

use super::{algorithms, limit};
use crate::kit::{Heard, ms, sim};
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::resilience::{
    AdaptiveLimit, Aimd, Attempt, AttemptTimeout, Bulkhead, CircuitBreaker, Error, EventKind, Lint, Pipeline,
    PolicyKind, Reason, Rejected, Retry, Scope, Vegas, Verdict,
};
use futures::FutureExt;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

fn refused(reason: Reason) -> Rejected {
    Rejected::new(PolicyKind::AdaptiveLimit, "l", reason)
}

#[test]
fn timeouts_are_overloads_wherever_the_limit_on_time_is() {
    sim(|rt: Sim| async move {
        for algorithm in algorithms() {
            let limit = limit(algorithm, 100);
            let inside = Pipeline::named("inside").adaptive_limit(&limit).attempt_timeout(ms(5)).build(&rt);
            let outside = Pipeline::named("outside").deadline(ms(5)).adaptive_limit(&limit).build(&rt);
            let hang = |_: Attempt| pending::<Result<(), &str>>();
            let late = inside.expect("it is good").call(hang).await.unwrap_err();
            assert!(matches!(late, Error::TimedOut { scope: Scope::Attempt, .. }));
            assert_eq!(limit.limit(), 90);
            rt.sleep(ms(1)).await;
            let late = outside.expect("it is good").call(hang).await.unwrap_err();
            assert!(matches!(late, Error::TimedOut { scope: Scope::Total, .. }));
            assert_eq!((limit.limit(), limit.in_flight()), (81, 0));
        }
    });
}

#[test]
fn the_pipelines_classifier_says_what_is_an_overload() {
    sim(|rt: Sim| async move {
        let limit = limit(Aimd::new(), 100);
        let classify = |result: Result<&u16, &Error<&'static str>>| match result {
            Ok(503) => Verdict::failure().after(Duration::ZERO),
            Ok(500) | Err(Error::Operation("fatal")) => Verdict::Fatal,
            Ok(_) => Verdict::Success,
            Err(Error::TimedOut { .. }) => Verdict::Ignore, // the caller's patience
            Err(error) => Verdict::of_error(error),
        };
        let users = Pipeline::named("users").classify(classify).adaptive_limit(&limit).attempt_timeout(ms(5));
        let users = users.build(&rt).expect("it is good");
        for (answer, left) in
            [(Ok(200), 100), (Ok(500), 100), (Err("fatal"), 100), (Ok(503), 90), (Ok(503), 81)]
        {
            rt.sleep(ms(1)).await;
            assert_eq!(users.call(async |_| answer).await, answer.map_err(Error::Operation));
            assert_eq!(limit.limit(), left, "{answer:?}");
        }
        users.call(|_| pending::<Result<u16, &str>>()).await.unwrap_err();
        assert_eq!(limit.limit(), 81);
        // That it would be the same again makes it no less of an overload.
        let fatal = Pipeline::named("fatal").classify(|_: Result<&(), &Error<&str>>| Verdict::Fatal);
        let fatal = fatal.adaptive_limit(&limit).attempt_timeout(ms(5)).build(&rt).expect("it is good");
        rt.sleep(ms(1)).await;
        fatal.call(|_| pending::<Result<(), &str>>()).await.unwrap_err();
        assert_eq!(limit.limit(), 72);
    });
}

#[test]
fn what_was_not_called_says_nothing() {
    sim(|rt: Sim| async move {
        let limit = limit(Vegas::new(), 2);
        let breaker = CircuitBreaker::named("db").build().expect("it is good");
        breaker.isolate();
        // Each refusal comes at once: as latencies, they would be a baseline of nothing.
        let users = Pipeline::named("users").adaptive_limit(&limit).breaker(&breaker).build(&rt);
        let users = users.expect("it is good");
        for _ in 0..100 {
            users.call(async |_| Ok::<_, &str>(())).await.unwrap_err();
            rt.sleep(ms(10)).await;
        }
        // A call that waits for its turn inside of it, and does not get it in time.
        let bulkhead = Bulkhead::named("b").max_in_flight(1).max_waiting(1).build().expect("it is good");
        let _place = bulkhead.try_acquire().expect("it is free");
        let patient =
            Pipeline::named("p").deadline(ms(5)).adaptive_limit(&limit).bulkhead(&bulkhead).build(&rt);
        let late = patient.expect("it is good").call(async |_| Ok::<_, &str>(())).await;
        assert!(matches!(late, Err(Error::TimedOut { scope: Scope::Total, .. })));
        assert_eq!((limit.limit(), limit.in_flight()), (2, 0));
    });
}

#[test]
fn a_call_that_is_dropped_says_nothing_and_holds_nothing() {
    sim(|rt: Sim| async move {
        for algorithm in algorithms() {
            let limit = limit(algorithm, 1);
            for _ in 0..3 {
                let mut call = Box::pin(limit.run(&rt, |_| pending::<Result<(), &str>>()));
                assert!(futures::poll!(&mut call).is_pending());
                assert_eq!(limit.in_flight(), 1);
                let busy = limit.run(&rt, async |_| Ok::<_, &str>(())).now_or_never().expect("at once");
                assert_eq!(busy, Err(refused(Reason::Busy).into()));
                drop(call);
                assert_eq!((limit.limit(), limit.in_flight()), (1, 0));
            }
            let unpolled = limit.run(&rt, async |_| Ok::<_, &str>(()));
            assert_eq!(limit.in_flight(), 0);
            drop(unpolled);
        }
    });
}

#[test]
fn a_place_is_given_back_before_the_result_is_seen() {
    sim(|rt: Sim| async move {
        let limit = limit(Aimd::new(), 1);
        let mut call = pin!(limit.run(&rt, async |_| Ok::<_, &str>(())));
        assert_eq!(futures::poll!(call.as_mut()), std::task::Poll::Ready(Ok(())));
        assert_eq!(limit.in_flight(), 0); // the finished call is still there
    });
}

#[test]
fn the_latency_is_the_operations_and_not_that_of_the_queue() {
    sim(|rt: Sim| async move {
        // A queue as long as ten calls, and a threshold of one and a half.
        let aimd = Aimd::new().latency_threshold(ms(15));
        let limit = AdaptiveLimit::named("l").algorithm(aimd).initial_limit(1).max_limit(1).max_waiting(10);
        let heard = Heard::default();
        let limit = limit.observer(heard.clone()).build().expect("it is good");
        let op = |_: Attempt| rt.sleep(ms(10)).map(Ok::<_, &str>);
        let call = || limit.run(&rt, op);
        let results = futures::future::join_all((0..10).map(|_| call())).await;
        assert!(results.iter().all(Result::is_ok));
        let waited =
            |ms_waited| EventKind::Waited { policy: PolicyKind::AdaptiveLimit, waited: ms(ms_waited) };
        let told: Vec<_> = (1..10).map(|turn| ("l", waited(10 * turn))).collect();
        assert_eq!(heard.take(), told);
        limit.reconfigure(AdaptiveLimit::named("").algorithm(aimd).initial_limit(1).max_limit(2)).unwrap();
        call().await.expect("it is free");
        assert_eq!(limit.limit(), 2, "nothing was too slow");
    });
}

#[test]
fn changes_are_told_in_their_order_and_an_observer_may_use_the_limit() {
    let shared = std::sync::Arc::new(std::sync::OnceLock::<AdaptiveLimit>::new());
    let heard = Heard::default();
    let observer = {
        let (shared, heard) = (shared.clone(), heard.clone());
        move |event: &backstay_core::resilience::Event| {
            if !matches!(event.kind, EventKind::LimitChanged { .. }) {
                return;
            }
            backstay_core::resilience::Observer::on_event(&heard, event);
            let limit = shared.get().expect("it is built");
            // Each change makes another, until there is nothing left to change.
            let now = backstay_core::time::Instant::from_nanos(u64::MAX / 200 * (200 - limit.limit() as u64));
            if let Ok(permit) = limit.try_acquire(now) {
                permit.overloaded(now + Duration::from_nanos(1));
            }
            drop(format!("{limit:?}"));
        }
    };
    let limit = AdaptiveLimit::named("l").initial_limit(5).observer(observer).build().expect("it is good");
    shared.set(limit.clone()).expect("once");
    limit.try_acquire(crate::kit::at(0)).expect("it is free").overloaded(crate::kit::at(1));
    assert_eq!((limit.limit(), limit.in_flight()), (1, 0));
    let changed = |from, to| ("l", EventKind::LimitChanged { from, to });
    assert_eq!(heard.take(), [changed(5, 4), changed(4, 3), changed(3, 2), changed(2, 1)]);
    assert_eq!(changed(5, 4).1.to_string(), "5 -> 4 at a time");
}

#[test]
fn an_observer_that_panics_leaves_the_limit_whole() {
    let panics = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let observer = {
        let panics = panics.clone();
        move |_: &backstay_core::resilience::Event| {
            assert!(!panics.load(std::sync::atomic::Ordering::SeqCst), "it is told");
        }
    };
    let limit = AdaptiveLimit::named("l").initial_limit(10).observer(observer).build().expect("it is good");
    let overload = |ms: u64| {
        let permit = limit.try_acquire(crate::kit::at(ms)).expect("it is free");
        permit.overloaded(crate::kit::at(ms + 1));
    };
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| overload(0))).is_err());
    assert_eq!((limit.limit(), limit.in_flight()), (9, 0));
    panics.store(false, std::sync::atomic::Ordering::SeqCst);
    overload(10);
    assert_eq!((limit.limit(), limit.in_flight()), (8, 0));
}

#[test]
fn in_a_pipeline_it_says_what_it_is_and_what_is_suspicious() {
    sim(|rt: Sim| async move {
        let limit = AdaptiveLimit::named("l").max_waiting(3).max_wait(ms(5)).build().expect("it is good");
        let users = Pipeline::named("users").retry(Retry::default()).adaptive_limit(&limit);
        let users = users.attempt_timeout(ms(50)).build(&rt).expect("it is good");
        let text = users.describe().to_string();
        assert!(
            text.contains("adaptive limit `l`: gradient, 1 to 200 in flight, 3 waiting, for 5ms"),
            "{text}"
        );
        assert_eq!(users.lints(), []);
        let odd = Pipeline::named("odd").adaptive_limit(&limit).retry(Retry::default()).build(&rt);
        assert_eq!(odd.expect("it is good").lints(), [Lint::AdaptiveLimitOutsideRetry]);
        let odd = Pipeline::named("odd").attempt_timeout(AttemptTimeout::new(ms(5))).adaptive_limit(&limit);
        assert_eq!(odd.build(&rt).expect("it is good").lints(), [Lint::WaitInsideAttemptTimeout]);
    });
}
