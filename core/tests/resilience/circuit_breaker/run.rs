//! Calls under a breaker: alone, in a pipeline, in blocking code.

use super::{builder, opened};
use crate::kit::{at, ms, on_sim};
use backstay::testing::{Sim, checked};
use backstay_core::resilience::{
    Bulkhead, CircuitBreaker, CircuitState, Error, Event, EventKind, Inherit, Pipeline, PolicyKind, Reason,
    Verdict,
};
use backstay_core::time::{Deadline, Instant};
use backstay_core::{JoinHandle, Runtime};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn an_open_one_never_calls() {
    on_sim(|rt| async move {
        let breaker = opened(builder());
        let calls = Cell::new(0);
        let refused = breaker
            .run(&rt, async |_| {
                calls.set(calls.get() + 1);
                Ok::<_, &str>(())
            })
            .await
            .expect_err("it is open");
        let rejected = refused.rejected().expect("it refused");
        assert_eq!((rejected.policy(), rejected.name()), (PolicyKind::CircuitBreaker, "db"));
        assert_eq!((rejected.reason(), rejected.retry_after()), (Reason::Open, Some(ms(10))));
        let text = "circuit breaker `db` refused the call: it is open; try again in 10ms";
        assert_eq!((refused.to_string().as_str(), calls.get()), (text, 0));
        rt.sleep(ms(10)).await;
        let answer = checked(breaker.run(&rt, async |_| Ok::<_, &str>(7))).await;
        assert_eq!(answer, Ok(7));
        assert_eq!(breaker.state(rt.now()), CircuitState::Closed);
    });
}

#[test]
fn b16_no_task_and_no_timer_is_its_own() {
    let run = Sim::builder().run(|rt| async move {
        let breaker = opened(builder().half_open_timeout(ms(5)));
        assert!(breaker.run(&rt, async |_| Ok::<_, &str>(())).await.is_err());
        rt.sleep(ms(10)).await;
        let mut hangs = Box::pin(breaker.run(&rt, |_| std::future::pending::<Result<(), &str>>()));
        assert!(
            std::future::poll_fn(|cx| std::task::Poll::Ready(hangs.as_mut().poll(cx))).await.is_pending()
        );
        drop(hangs);
    });
    // The run ends with nothing alive, at the instant of the one sleep that is the test's.
    assert_eq!(crate::kit::passed(run).elapsed, ms(10));
}

#[test]
fn what_the_classifier_says_counts() {
    on_sim(|rt| async move {
        let breaker = builder().build().expect("it is good");
        let http = |result: Result<&u16, &Error<&str>>| match result {
            Ok(503) => Verdict::failure().after(Duration::from_secs(2)),
            Ok(404) => Verdict::Ignore,
            Ok(_) => Verdict::Success,
            Err(error) => Verdict::of_error(error),
        };
        let judged = breaker.classify(http);
        for status in [503, 404, 200, 503] {
            assert_eq!(judged.run(&rt, async |_| Ok::<u16, &str>(status)).await, Ok(status));
        }
        assert_eq!(breaker.state(rt.now()), CircuitState::Closed, "a success was in between");
        // In a pipeline its word is nearer than that of the pipeline.
        let deaf = |_: Result<&u16, &Error<&str>>| Verdict::Success;
        let users = Pipeline::named("users").classify(deaf).breaker(&judged).build(&rt).expect("it is good");
        assert_eq!(users.call(async |_| Ok::<u16, &str>(503)).await, Ok(503));
        assert_eq!(breaker.try_acquire(rt.now()).unwrap_err().retry_after(), Some(Duration::from_secs(2)));

        breaker.reset();
        let users = Pipeline::named("users").classify(http).breaker(&breaker).build(&rt).expect("it is good");
        for _ in 0..2 {
            assert_eq!(users.call(async |_| Ok::<u16, &str>(503)).await, Ok(503));
        }
        assert_eq!(breaker.state(rt.now()), CircuitState::Open, "the pipeline's");
        let _ = Inherit;
    });
}

#[test]
fn a_call_that_hangs_opens_it_and_one_that_never_began_does_not() {
    on_sim(|rt| async move {
        let breaker = builder().build().expect("it is good");
        let users =
            Pipeline::named("users").attempt_timeout(ms(5)).breaker(&breaker).build(&rt).expect("it is good");
        for _ in 0..2 {
            let hangs = users.call(|_| std::future::pending::<Result<(), &str>>()).await;
            assert!(hangs.expect_err("it hangs").is_timeout());
        }
        assert_eq!(breaker.state(rt.now()), CircuitState::Open);

        // No time left: the operation is never called, and that says nothing of the service.
        breaker.reset();
        breaker.try_acquire(rt.now()).expect("it passes").failure(rt.now());
        let past = Deadline::at(rt.now());
        for _ in 0..9 {
            let call = users.call(async |_| Ok::<_, &str>(())).within(past);
            assert!(call.await.expect_err("no time").is_timeout());
        }
        let metrics = breaker.metrics(rt.now());
        let still = (CircuitState::Closed, 1);
        assert_eq!((metrics.state, metrics.consecutive_failures), still, "neither a failure nor a success");

        // Refused further inside, whatever the classifier says.
        let full = Bulkhead::new(backstay_core::Limit::ONE);
        let _held = full.try_acquire().expect("it is free");
        for verdict in [Verdict::Success, Verdict::failure()] {
            let judged = breaker.classify(move |_: Result<&(), &Error<&str>>| verdict);
            let users =
                Pipeline::named("users").breaker(&judged).bulkhead(&full).build(&rt).expect("it is good");
            for _ in 0..9 {
                let call = users.call(async |_| Ok::<_, &str>(()));
                assert!(call.await.expect_err("it is full").rejected().is_some());
            }
            let metrics = breaker.metrics(rt.now());
            assert_eq!((metrics.state, metrics.consecutive_failures), still);
        }
    });
}

#[test]
fn refusals_are_told_to_the_pipelines_observer() {
    on_sim(|rt| async move {
        let breaker = opened(builder());
        let told: Arc<Mutex<Vec<(&str, EventKind)>>> = Arc::default();
        let log = Arc::clone(&told);
        let users = Pipeline::named("users")
            .observer(move |event: &Event| log.lock().unwrap().push((event.source, event.kind)))
            .breaker(&breaker)
            .build(&rt)
            .expect("it is good");
        let Err(Error::Rejected(rejected)) = users.call(async |_| Ok::<_, &str>(())).await else {
            panic!("it is open")
        };
        assert_eq!(told.lock().unwrap()[0], ("users", EventKind::Rejected(rejected)));
    });
}

#[test]
fn slow_is_from_the_admission_to_the_result() {
    on_sim(|rt| async move {
        let builder = CircuitBreaker::named("db").count_window(2).failure_rate(1.0);
        let breaker = builder.slow_call_duration(ms(5)).slow_call_rate(0.5).build().expect("it is good");
        for (sleep, open) in [(5, false), (6, true)] {
            let call = breaker.run(&rt, async |_| {
                rt.sleep(ms(sleep)).await;
                Ok::<_, &str>(())
            });
            call.await.expect("it passes");
            breaker.try_acquire(rt.now()).map(|permit| permit.success(rt.now())).unwrap_or_default();
            assert_eq!(breaker.state(rt.now()) == CircuitState::Open, open, "{sleep} ms");
        }
    });
}

#[test]
fn a_place_is_free_only_when_the_operation_has_ended() {
    struct Ends<'a>(&'a CircuitBreaker, Instant);
    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            assert_eq!(self.0.metrics(self.1).probes_in_flight, 1, "not while this lives");
        }
    }
    on_sim(|rt| async move {
        let breaker = opened(builder());
        rt.sleep(ms(10)).await;
        for waits in [true, false] {
            let call = breaker.run(&rt, |_| {
                let ends = Ends(&breaker, rt.now());
                async move {
                    if waits {
                        std::future::pending::<()>().await;
                    }
                    drop(ends);
                    Ok::<_, &str>(())
                }
            });
            let outcome = rt.timeout(ms(1), call).await;
            assert_eq!(outcome.is_err(), waits);
            assert_eq!(breaker.metrics(rt.now()).probes_in_flight, 0);
        }
        assert_eq!(breaker.state(rt.now()), CircuitState::Closed);
    });
}

#[test]
fn the_clock_is_read_where_the_time_matters() {
    let reads = Cell::new(0);
    let clock = || {
        reads.set(reads.get() + 1);
        at(1)
    };
    let reads_of = |breaker: &CircuitBreaker, result: Result<(), &'static str>| {
        reads.set(0);
        let _ = breaker.call_blocking(clock, || result);
        reads.get()
    };
    let slow = CircuitBreaker::named("db").slow_call_duration(ms(5)).slow_call_rate(0.5);
    let timed = CircuitBreaker::named("db").time_window(ms(100));
    let count = CircuitBreaker::named("db").count_window(4);
    let build =
        |builder: backstay_core::resilience::CircuitBreakerBuilder| builder.build().expect("it is good");
    let (consecutive, count, timed, slow) = (build(builder()), build(count), build(timed), build(slow));
    for _ in 0..9 {
        assert_eq!([&consecutive, &count].map(|breaker| reads_of(breaker, Ok(()))), [0, 0]);
        assert_eq!((reads_of(&timed, Ok(())), reads_of(&slow, Ok(()))), (1, 2));
    }
    assert_eq!(reads_of(&count, Err("down")), 1, "when a failure was");
    assert_eq!(reads_of(&count, Ok(())), 0, "a window with a failure in it");
    consecutive.isolate();
    assert_eq!(reads_of(&consecutive, Ok(())), 1, "whether it is time");
    consecutive.disable();
    assert_eq!(reads_of(&consecutive, Ok(())), 0);
}

#[test]
fn blocking_code_is_under_it_too() {
    let breaker = builder().build().expect("it is good");
    let now = || at(0);
    assert_eq!(breaker.call_blocking(now, || Ok::<_, &str>(7)), Ok(7));
    assert_eq!(breaker.call_blocking(now, || Err::<(), _>("down")), Err(Error::Operation("down")));
    let panics = || breaker.call_blocking(now, || -> Result<(), &str> { panic!("the operation's") });
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert_eq!(breaker.metrics(at(0)).consecutive_failures, 1, "a panic counts nothing");
    assert!(breaker.call_blocking(now, || Err::<(), _>("down")).is_err());
    assert!(matches!(breaker.call_blocking(now, || Ok::<_, &str>(())), Err(Error::Rejected(_))));
    // A probe that panics gives its place back.
    let panics = || breaker.call_blocking(|| at(10), || -> Result<(), &str> { panic!("the operation's") });
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert_eq!(breaker.metrics(at(10)).probes_in_flight, 0);
    assert_eq!(breaker.call_blocking(|| at(10), || Ok::<_, &str>(7)), Ok(7));
}

async fn calls_are_spawned_with_what_they_borrow<R: Runtime>(rt: R) {
    let breaker = builder().build().expect("it is good");
    let task = rt.spawn({
        let (rt, breaker) = (rt.clone(), breaker.clone());
        async move {
            let text = String::from("local");
            let (text, rt) = (&text, &rt);
            let call = breaker.run(rt, |attempt| async move {
                rt.sleep(ms(1)).await;
                if attempt.number() == 1 { Ok(text.len()) } else { Err("down") }
            });
            call.await
        }
    });
    assert!(!task.is_finished() || rt.name() != "sim");
    assert_eq!(task.await.expect("no panic"), Ok(5));
}

#[test]
fn a_call_that_borrows_can_be_spawned() {
    on_sim(calls_are_spawned_with_what_they_borrow);
}

#[test]
fn b23_what_waits_for_its_turn_below_is_no_slow_call() {
    on_sim(|rt| async move {
        let breaker = CircuitBreaker::named("db").count_window(4).min_calls(4).failure_rate(1.0);
        let breaker = breaker.slow_call_duration(ms(250)).slow_call_rate(0.5).build().unwrap();
        let places = Bulkhead::named("db").max_in_flight(1).max_waiting(9).build().unwrap();
        let db = Pipeline::named("db").breaker(&breaker).bulkhead(&places).build(&rt).unwrap();
        let call = |took| {
            let (db, rt) = (&db, &rt);
            db.call(move |_| async move {
                rt.sleep(ms(took)).await;
                Ok::<_, &str>(())
            })
        };
        let all = futures::join!(call(100), call(100), call(100), call(100));
        assert_eq!(all, (Ok(()), Ok(()), Ok(()), Ok(())));
        assert_eq!((rt.now(), breaker.metrics(rt.now()).slow_calls), (at(400), 0));
        // What takes long itself is one still.
        let (_, slow) = futures::join!(call(100), call(251));
        assert_eq!((slow, breaker.metrics(rt.now()).slow_calls), (Ok(()), 1));
    });
}
