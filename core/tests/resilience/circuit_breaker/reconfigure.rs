//! Other settings while it is in use: what the model can't see.

use super::{Told, admitted, builder, opened};
use crate::kit::{at, ms, on_sim};
use backstay_core::Runtime;
use backstay_core::resilience::{
    CircuitBreaker, CircuitReason as Why, CircuitState as Is, Error, Pipeline, Reason, Verdict,
};
use backstay_core::time::Instant;
use std::future::pending;
use std::time::Duration;

#[test]
fn all_handles_go_by_it_and_keep_their_own_word_on_results() {
    let breaker = builder().build().expect("it is good");
    let picky = breaker.classify(|result: Result<&(), &Error<&str>>| match result {
        Err(Error::Operation("no such user")) => Verdict::Ignore,
        Err(_) => Verdict::failure(),
        Ok(()) => Verdict::Success,
    });
    picky.reconfigure(CircuitBreaker::named("other").consecutive_failures(1), at(0)).expect("it is good");
    assert_eq!(breaker.name(), "db");
    let now = || at(0);
    assert!(picky.call_blocking(now, || Err("no such user")).is_err());
    assert_eq!(breaker.state(at(0)), Is::Closed);
    assert!(picky.call_blocking(now, || Err("down")).is_err());
    let rejected = breaker.try_acquire(at(0)).unwrap_err();
    assert_eq!((rejected.name(), rejected.retry_after()), ("db", Some(Duration::from_secs(5))));
}

#[test]
fn what_makes_no_sense_changes_nothing() {
    let breaker = builder().build().expect("it is good");
    admitted(&breaker, 0).failure(at(0));
    let before = format!("{:?} {breaker:?}", breaker.metrics(at(0)));
    let wrong = CircuitBreaker::named("db").slow_call_duration(ms(1)).slow_call_rate(0.0);
    let refused = breaker.reconfigure(wrong.consecutive_failures(9), at(0)).unwrap_err();
    assert_eq!(refused.field(), Some("slow_call_rate"));
    let wrong = CircuitBreaker::named("db").count_window(0);
    assert_eq!(breaker.reconfigure(wrong, at(0)).unwrap_err().field(), Some("count_window"));
    assert_eq!(format!("{:?} {breaker:?}", breaker.metrics(at(0))), before);
    admitted(&breaker, 0).failure(at(0));
    assert_eq!(breaker.state(at(0)), Is::Open, "two in a row, as before");
}

#[test]
fn a_change_that_it_makes_is_told_to_its_own_observer() {
    let (told, unheard) = (Told::default(), Told::default());
    let half = ms(5);
    let breaker = opened(told.clone().by(builder().half_open_timeout(half)));
    let probe = admitted(&breaker, 10);
    told.take();
    breaker.reconfigure(unheard.clone().by(builder()), at(12)).expect("it is good");
    assert_eq!(told.take(), [], "it is half-open as before");
    breaker.reconfigure(builder().half_open_timeout(half), at(13)).expect("it is good");
    // From 13 on, so its time is over at 18.
    breaker.reconfigure(builder(), at(18)).expect("it is good");
    assert_eq!(told.take(), [(Is::HalfOpen, Is::Open, Why::HalfOpenTimeOver)]);
    assert_eq!(breaker.metrics(at(18)).openings, 2);
    probe.success(at(18));
    assert_eq!(breaker.metrics(at(18)).late, 1);
    assert_eq!(unheard.take(), []);
}

/// The times of successes are needed from then on, and no more from then on.
#[test]
fn the_kind_of_window_changes_under_calls() {
    let by_time = || CircuitBreaker::named("db").time_window(ms(320)).min_calls(2).failure_rate(1.0);
    let by_calls = || CircuitBreaker::named("db").count_window(2).failure_rate(1.0);
    let breaker = by_calls().build().expect("it is good");
    let call = |now, failed: bool| {
        let read = std::cell::Cell::new(0);
        let clock = || {
            read.set(read.get() + 1);
            at(now)
        };
        let _ = breaker.call_blocking(clock, || if failed { Err(()) } else { Ok(()) });
        read.get()
    };
    assert_eq!((call(0, true), call(0, false)), (1, 0));
    breaker.reconfigure(by_time(), at(1_000)).expect("it is good");
    assert_eq!(breaker.metrics(at(1_000)).calls, 0);
    assert_eq!((call(1_000, false), call(1_000, false)), (1, 1));
    assert_eq!((breaker.metrics(at(1_319)).calls, breaker.metrics(at(1_320)).calls), (2, 0));
    breaker.reconfigure(by_calls(), at(1_000)).expect("it is good");
    assert_eq!((call(9_000, false), call(9_000, false), call(9_000, false)), (0, 0, 0));
    assert_eq!(breaker.metrics(at(9_000)).calls, 2);
}

#[test]
fn what_began_before_anybody_measured_is_not_slow() {
    let slow = |rate| builder().slow_call_duration(ms(5)).slow_call_rate(rate).count_window(2).min_calls(1);
    let breaker = builder().build().expect("it is good");
    let unmeasured = admitted(&breaker, 0);
    breaker.reconfigure(slow(0.5), at(100)).expect("it is good");
    unmeasured.success(at(1_000));
    assert_eq!((breaker.metrics(at(1_000)).calls, breaker.metrics(at(1_000)).slow_calls), (1, 0));
    let measured = admitted(&breaker, 1_000);
    let not_any_more = admitted(&breaker, 1_000);
    measured.success(at(1_006));
    assert_eq!(breaker.state(at(1_006)), Is::Open);
    breaker.reset();
    drop(not_any_more);

    let not_any_more = admitted(&breaker, 2_000);
    breaker.reconfigure(builder().count_window(2).failure_rate(1.0), at(2_000)).expect("it is good");
    not_any_more.success(at(3_000));
    assert_eq!((breaker.metrics(at(3_000)).calls, breaker.metrics(at(3_000)).slow_calls), (1, 0));

    // And so is a probe.
    let breaker = opened(builder());
    let probe = admitted(&breaker, 10);
    breaker.reconfigure(slow(0.5), at(11)).expect("it is good");
    probe.success(at(1_000));
    assert_eq!(breaker.state(at(1_000)), Is::Closed);
}

#[test]
fn a_full_half_open_one_has_room_at_once() {
    let breaker = opened(builder());
    let probe = admitted(&breaker, 10);
    assert_eq!(breaker.try_acquire(at(10)).unwrap_err().reason(), Reason::ProbesBusy);
    breaker.reconfigure(builder().probes(2).success_threshold(1), at(10)).expect("it is good");
    let second = admitted(&breaker, 10);
    assert_eq!(breaker.try_acquire(at(10)).unwrap_err().reason(), Reason::ProbesBusy);
    breaker.reconfigure(builder(), at(10)).expect("it is good");
    drop(second);
    assert_eq!(breaker.try_acquire(at(10)).unwrap_err().reason(), Reason::ProbesBusy);
    probe.success(at(10));
    assert_eq!(breaker.state(at(10)), Is::Closed);
}

#[test]
fn a_clock_that_is_behind_is_harmless() {
    let window = |length| CircuitBreaker::named("db").time_window(length).min_calls(2).failure_rate(1.0);
    let breaker = window(ms(320)).build().expect("it is good");
    admitted(&breaker, 1_000).failure(at(1_000));
    breaker.reconfigure(window(ms(640)), at(1)).expect("it is good");
    assert_eq!(breaker.metrics(at(1_001)).calls, 1);
    for (length, now) in [(Duration::MAX, Instant::MAX), (ms(1), Instant::ORIGIN), (ms(1), Instant::MAX)] {
        breaker.reconfigure(window(length), now).expect("it is good");
    }
    let now = Instant::MAX;
    breaker.try_acquire(now).expect("it is closed").failure(now);
}

#[test]
fn a_pipeline_goes_by_it_also_in_calls_under_way() {
    on_sim(async |rt| {
        let breaker = builder().build().expect("it is good");
        let users = Pipeline::named("users")
            .breaker(&breaker)
            .attempt_timeout(ms(10))
            .build(&rt)
            .expect("it is good");
        let hangs = users.call(|_| pending::<Result<(), &str>>());
        let reconfigured = async {
            rt.sleep(ms(5)).await;
            breaker.reconfigure(builder().consecutive_failures(1), rt.now()).expect("it is good");
        };
        let (hung, ()) = futures::join!(hangs, reconfigured);
        assert!(hung.is_err_and(|error| error.is_timeout()));
        assert_eq!(breaker.state(rt.now()), Is::Open);
        let described = users.describe().to_string();
        assert!(described.contains("opens at 1 failure, for 10ms"), "{described}");
    });
}

/// What is told of it while others call is one of the two settings, and no mixture.
#[test]
fn b11_threads_that_change_it_and_threads_that_call() {
    let of = |probes| builder().consecutive_failures(1).probes(probes).success_threshold(1);
    let breaker = of(1).build().expect("it is good");
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let breaker = &breaker;
            scope.spawn(move || {
                for turn in 0..2_000_u64 {
                    match thread {
                        0 => breaker.reconfigure(of(1 + (turn % 3) as u32), at(turn)).expect("it is good"),
                        _ => match breaker.try_acquire(at(turn)) {
                            Ok(permit) if turn % 7 == 0 => permit.failure(at(turn)),
                            Ok(permit) if turn % 5 == 0 => drop(permit),
                            Ok(permit) => permit.success(at(turn)),
                            Err(rejected) => assert_ne!(rejected.reason(), Reason::Isolated),
                        },
                    }
                    assert!(breaker.metrics(at(turn)).probes_in_flight <= 3);
                }
            });
        }
    });
    assert_eq!(breaker.metrics(at(9_999)).probes_in_flight, 0);
    breaker.try_acquire(at(9_999)).expect("nobody is in the way").success(at(9_999));
    assert_eq!(breaker.state(at(9_999)), Is::Closed);
}
