//! About as many calls as the service takes.

mod overload;
mod sweeps;

use crate::kit::{Heard, at, ms, on_sim, secs};
use backstay_core::Runtime;
use backstay_core::resilience::{
    Attempt, Bulkhead, CircuitBreaker, Error, EventKind, Fallback, Hedge, Lint, OwnedThrottlePermit,
    Pipeline, PolicyKind, Priority, Reason, Rejected, Retry, Throttle, ThrottleBuilder, ThrottleConfig,
    ThrottleMetrics, ThrottlePermit, Verdict,
};
use backstay_core::time::Instant;
use std::time::Duration;

/// One that judges from the first request on.
fn builder() -> ThrottleBuilder {
    Throttle::named("db").min_requests(0)
}

fn throttle() -> Throttle {
    builder().build().expect("it is good")
}

/// Nine of ten calls are refused.
fn failing() -> Throttle {
    let throttle = throttle();
    fail(&throttle, 1_000);
    throttle
}

fn fail(throttle: &Throttle, times: usize) {
    for _ in 0..times {
        throttle
            .try_acquire(Priority::Critical, Instant::ORIGIN, u64::MAX)
            .expect("by chance")
            .failure(Instant::ORIGIN);
    }
}

/// Accepted, failed, refused.
fn counts(throttle: &Throttle, now: Instant) -> [u64; 3] {
    let metrics = throttle.metrics(Priority::Critical, now);
    assert_eq!(metrics.requests(), metrics.accepted + metrics.failed + metrics.refused);
    [metrics.accepted, metrics.failed, metrics.refused]
}

const REFUSED: Rejected = Rejected::new(PolicyKind::Throttle, "db", Reason::Throttled);

async fn never() -> Result<(), &'static str> {
    panic!("it was called")
}

#[test]
fn what_a_result_says_is_what_counts() {
    on_sim(|rt| async move {
        let verdicts = [
            (Verdict::Success, [1, 0, 0]),
            (Verdict::Fatal, [1, 0, 0]),
            (Verdict::failure(), [0, 1, 0]),
            (Verdict::failure().after(secs(9)), [0, 1, 0]),
            (Verdict::Ignore, [0, 0, 0]),
        ];
        for (verdict, expected) in verdicts {
            let permitted = throttle();
            let permit = permitted.try_acquire(Priority::Critical, rt.now(), 0).expect("nothing failed");
            permit.record(verdict, rt.now());
            assert_eq!(counts(&permitted, rt.now()), expected, "{verdict:?}");

            let owned = throttle();
            let permit = owned.try_acquire_owned(Priority::Critical, rt.now(), 0).expect("nothing failed");
            rt.spawn(async move { permit.record(verdict, Instant::ORIGIN) }).await.expect("no panic");
            assert_eq!(counts(&owned, rt.now()), expected, "{verdict:?}");

            let judged = throttle();
            let by_pipeline = Pipeline::named("p").classify(move |_: Result<&(), &Error<()>>| verdict);
            let pipeline = by_pipeline.throttle(&judged).build(&rt).expect("it is good");
            assert!(pipeline.call(async |_| Ok(())).await.is_ok());
            assert_eq!(counts(&judged, rt.now()), expected, "{verdict:?}");

            // The nearer classifier counts.
            let own = judged.classify(|_: Result<&(), &Error<()>>| Verdict::failure());
            let by_pipeline = Pipeline::named("p").classify(move |_: Result<&(), &Error<()>>| verdict);
            let pipeline = by_pipeline.throttle(&own).build(&rt).expect("it is good");
            assert!(pipeline.call(async |_| Ok(())).await.is_ok());
            assert_eq!(counts(&judged, rt.now())[1], expected[1] + 1, "{verdict:?}");
        }
    });
}

#[test]
fn a_permit_that_is_dropped_counts_nothing() {
    let throttle = throttle();
    drop(throttle.try_acquire(Priority::Critical, at(0), 0));
    drop(throttle.try_acquire_owned(Priority::Critical, at(0), 0));
    assert_eq!(counts(&throttle, at(0)), [0, 0, 0]);
}

#[test]
fn a_refusal_calls_nothing_counts_and_is_told() {
    on_sim(|rt| async move {
        let (own, around) = (Heard::default(), Heard::default());
        let throttle = builder().observer(own.clone()).max_rejection(1.0).build().expect("it is good");
        let users =
            Pipeline::named("users").observer(around.clone()).throttle(&throttle).build(&rt).expect("good");
        fail(&throttle, 100_000);
        let refused = users.call(|_| never()).await;
        assert_eq!(refused, Err(Error::Rejected(REFUSED)));
        assert_eq!(
            refused.unwrap_err().to_string(),
            "throttle `db` refused the call: too few of the latest calls were accepted"
        );
        let refused = throttle.run(&rt, |_| never()).await;
        assert_eq!(refused, Err(Error::Rejected(REFUSED)));
        assert_eq!(throttle.try_acquire(Priority::Critical, rt.now(), 0).unwrap_err(), REFUSED);
        assert_eq!(throttle.try_acquire_owned(Priority::Critical, rt.now(), 0).unwrap_err(), REFUSED);
        assert_eq!(counts(&throttle, rt.now()), [0, 100_000, 4]);
        assert_eq!(around.take(), [("users", EventKind::Rejected(REFUSED))]);
        assert_eq!(own.take(), [("db", EventKind::Rejected(REFUSED)); 4]);
    });
}

#[test]
fn what_was_not_sent_counts_nothing() {
    on_sim(|rt| async move {
        // Refused by a breaker inside of it, even if the classifier takes that for a failure.
        let throttle = throttle();
        let breaker = CircuitBreaker::named("b").build().expect("it is good");
        breaker.isolate();
        let builder = Pipeline::named("p").classify(|_: Result<&(), &Error<&str>>| Verdict::failure());
        let pipeline = builder.throttle(&throttle).breaker(&breaker).build(&rt).expect("it is good");
        assert!(pipeline.call(async |_| Ok(())).await.is_err());
        assert_eq!(counts(&throttle, rt.now()), [0, 0, 0]);
    });
}

#[test]
fn a_call_with_retries_inside_counts_once() {
    on_sim(|rt| async move {
        let throttle = throttle();
        let retry = Retry::builder().max_attempts(3).build().expect("it is good");
        let users = Pipeline::named("users").throttle(&throttle).retry(retry).build(&rt).expect("it is good");
        assert!(users.call(async |_| Err::<(), _>("down")).await.is_err());
        let second = |attempt: Attempt| async move { if attempt.is_retry() { Ok(()) } else { Err("down") } };
        assert!(users.call(second).await.is_ok());
        assert_eq!(counts(&throttle, rt.now()), [1, 1, 0]);
    });
}

#[test]
fn calls_under_way_are_no_overload() {
    on_sim(|rt| async move {
        let throttle = builder().build().expect("it is good");
        let permits: Vec<_> = (0..1_000)
            .map(|_| throttle.try_acquire(Priority::Sheddable, rt.now(), 0).expect("none failed"))
            .collect();
        permits.into_iter().for_each(|permit| permit.success(rt.now()));
        assert_eq!(throttle.rejection_probability(Priority::Sheddable, rt.now()), 0.0);
    });
}

#[test]
fn handles_share_their_counts_and_not_their_priority() {
    on_sim(|rt| async move {
        let throttle = throttle();
        let export = throttle.with_priority(Priority::Sheddable);
        assert_eq!((throttle.priority(), export.priority()), (Priority::Critical, Priority::Sheddable));
        assert_eq!(
            export.clone().classify(|_: Result<&(), &Error<()>>| Verdict::Fatal).priority(),
            Priority::Sheddable
        );
        assert!(export.run(&rt, async |_| Err::<(), _>("down")).await.is_err());
        assert_eq!(throttle.metrics(Priority::Sheddable, rt.now()).failed, 1);
        assert_eq!(throttle.metrics(Priority::Critical, rt.now()).failed, 0);
        let users = Pipeline::named("p").throttle(&export).build(&rt).expect("it is good");
        assert_eq!(
            users.describe().to_string(),
            "p\n  throttle `db`: sends at most 2 times what is accepted, sheddable"
        );
        let permit = throttle.try_acquire(Priority::CriticalPlus, rt.now(), 0).expect("it did not fail");
        assert_eq!(permit.priority(), Priority::CriticalPlus);
    });
}

#[test]
fn what_is_older_than_the_window_is_forgotten() {
    let throttle = failing();
    let at_its_end = Instant::ORIGIN + secs(120);
    let before = at_its_end.saturating_sub(Duration::from_nanos(1));
    assert_eq!(throttle.rejection_probability(Priority::Critical, before), 0.9);
    assert_eq!(throttle.rejection_probability(Priority::Critical, at_its_end), 0.0);
    // To have looked at the future has changed nothing.
    assert!(throttle.try_acquire(Priority::Critical, before, 0).is_err());
    // That refusal is all that is left.
    assert_eq!(counts(&throttle, at_its_end), [0, 0, 1]);
    let later = before + secs(120);
    assert!(throttle.try_acquire(Priority::Critical, later, 0).is_ok());
}

#[test]
fn settings_change_and_what_was_counted_stays() {
    let throttle = failing();
    let now = Instant::ORIGIN + secs(60);
    throttle.reconfigure(builder().max_rejection(0.5), now).expect("it is good");
    assert_eq!(throttle.rejection_probability(Priority::Critical, now), 0.5);
    assert_eq!(counts(&throttle, now), [0, 1_000, 0]);
    let error = throttle.reconfigure(builder().ratio(0.5), now).unwrap_err();
    assert_eq!(error.field(), Some("ratio"));
    throttle.reconfigure(ThrottleConfig::default(), now).expect("it is good");
    assert_eq!(throttle.rejection_probability(Priority::Critical, now), 0.9);
    // It reaches less far.
    throttle.reconfigure(builder().window(secs(30)), now).expect("it is good");
    assert_eq!(counts(&throttle, now), [0, 0, 0]);
    assert!(throttle.try_acquire(Priority::Critical, now, 0).is_ok());
}

#[test]
fn a_longer_window_keeps_what_it_knows() {
    let throttle = failing();
    let now = Instant::ORIGIN + secs(60);
    throttle.reconfigure(builder().window(secs(3_600)), now).expect("it is good");
    assert_eq!(counts(&throttle, Instant::ORIGIN + secs(3_000)), [0, 1_000, 0]);
    assert!(throttle.try_acquire(Priority::Critical, now, 0).is_err());
}

#[test]
fn values_at_the_ends_are_ordinary_or_refused_by_name() {
    let refused = |builder: ThrottleBuilder| builder.build().unwrap_err().field().expect("it is about one");
    for ratio in [f64::NAN, f64::INFINITY, 0.0, -1.0, 0.999, 1_000.1] {
        assert_eq!(refused(builder().ratio(ratio)), "ratio");
    }
    for part in [f64::NAN, 0.0, -0.1, 1.1] {
        assert_eq!(refused(builder().max_rejection(part)), "max_rejection");
    }
    assert_eq!(refused(builder().window(Duration::ZERO)), "window");

    for builder in [
        builder().ratio(1.0),
        builder().ratio(1_000.0).min_requests(u32::MAX),
        builder().max_rejection(1.0).window(Duration::MAX),
        builder().window(Duration::from_nanos(1)),
    ] {
        let throttle = builder.build().expect("it is good");
        for now in [Instant::ORIGIN, at(1), Instant::MAX, Instant::MAX, at(2)] {
            for random in [0, u64::MAX] {
                for priority in Priority::ALL {
                    if let Ok(permit) = throttle.try_acquire(priority, now, random) {
                        permit.failure(now);
                    }
                    assert!((0.0..=1.0).contains(&throttle.rejection_probability(priority, now)));
                }
            }
        }
    }
    // With a ratio of 1 one failure is enough.
    let strict = builder().ratio(1.0).build().expect("it is good");
    strict.try_acquire(Priority::Critical, at(0), 0).expect("nothing failed").failure(at(0));
    assert_eq!(strict.rejection_probability(Priority::Critical, at(0)), 0.5);
}

#[test]
fn an_order_that_is_hardly_meant_is_named() {
    on_sim(|rt| async move {
        let outside = Pipeline::named("p").throttle(&throttle()).fallback(Fallback::value(())).build(&rt);
        assert_eq!(outside.expect("it is allowed").lints(), [Lint::FallbackInsideThrottle]);
        let inside = Pipeline::named("p").fallback(Fallback::value(())).throttle(&throttle()).build(&rt);
        assert_eq!(inside.expect("it is good").lints(), []);
    });
}

#[test]
fn what_is_shared_can_be_and_permits_go_anywhere() {
    const fn is_both<T: Send + Sync + 'static>() {}
    is_both::<(Throttle, ThrottleBuilder, ThrottleConfig, ThrottleMetrics, Priority)>();
    is_both::<(ThrottlePermit<'static>, OwnedThrottlePermit)>();
}

#[test]
fn a_call_of_a_hedge_beside_it_is_not_its_own() {
    on_sim(|rt| async move {
        let throttle = throttle();
        let busy = Bulkhead::named("b").max_in_flight(1).max_waiting(2).max_wait(ms(4));
        let busy = busy.build().expect("it is good");
        let hedge = Hedge::builder().delay(ms(1)).build().expect("it is good");
        let builder = Pipeline::named("p").classify(|result: Result<&(), &Error<&str>>| match result {
            Ok(()) => Verdict::Success,
            Err(_) => Verdict::failure(),
        });
        let users = builder.hedge(hedge).throttle(&throttle).bulkhead(&busy).build(&rt).expect("it is good");
        let place = busy.try_acquire_owned().expect("it is free");
        let other = rt.spawn({
            let rt = rt.clone();
            async move {
                rt.sleep(ms(2)).await;
                drop(place);
            }
        });
        let op = async |_| {
            rt.sleep(ms(10)).await;
            Ok(())
        };
        // Both wait; the first gets the place, and the hedge has no turn in time: nobody was asked by it.
        assert!(users.call(op).await.is_ok());
        assert_eq!(counts(&throttle, rt.now()), [1, 0, 0]);
        other.await.expect("no panic");
    });
}
