//! Models of the circuit breaker: the probe's place, late results, and what is told, all at once.

use backstay_core::resilience::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitState, Event, EventKind, Reason,
};
use backstay_core::time::Instant;
use loom::thread;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const OPENED: Instant = Instant::from_nanos(0);
const AGAIN: Instant = Instant::from_nanos(10);

fn builder() -> CircuitBreakerBuilder {
    CircuitBreaker::named("db").consecutive_failures(1).open_for(AGAIN - OPENED)
}

fn opened(builder: CircuitBreakerBuilder) -> CircuitBreaker {
    let breaker = builder.build().unwrap();
    breaker.try_acquire(OPENED).unwrap().failure(OPENED);
    breaker
}

#[test]
fn b11_one_of_those_who_ask_at_once_is_the_probe() {
    loom::model(|| {
        let breaker = opened(builder());
        let threads = [(); 2].map(|()| {
            let breaker = breaker.clone();
            thread::spawn(move || breaker.try_acquire_owned(AGAIN).ok())
        });
        let mine = breaker.try_acquire_owned(AGAIN).ok();
        let passed: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(passed.len() + usize::from(mine.is_some()), 1);
    });
}

#[test]
fn b12_a_place_that_is_given_back_is_there_for_another() {
    loom::model(|| {
        let breaker = opened(builder());
        let probe = breaker.try_acquire_owned(AGAIN).unwrap();
        let threads = [
            thread::spawn(move || drop(probe)),
            thread::spawn({
                let breaker = breaker.clone();
                move || drop(breaker.try_acquire(AGAIN))
            }),
        ];
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(breaker.metrics(AGAIN).probes_in_flight, 0);
        let probe = breaker.try_acquire(AGAIN).unwrap();
        assert!(probe.is_probe() && breaker.try_acquire(AGAIN).is_err());
    });
}

#[test]
fn b13_a_late_result_and_a_probe_do_not_mix() {
    loom::model(|| {
        let breaker = builder().build().unwrap();
        let [late, opens] = [(); 2].map(|()| breaker.try_acquire_owned(OPENED).unwrap());
        opens.failure(OPENED);
        let thread = thread::spawn(move || late.failure(AGAIN));
        breaker.try_acquire(AGAIN).unwrap().success(AGAIN);
        thread.join().unwrap();
        assert_eq!(breaker.state(AGAIN), CircuitState::Closed);
        assert_eq!(breaker.metrics(AGAIN).openings, 1);
    });
}

/// A success that sees the window clean, beside a failure that makes it not: none of the failures is lost.
#[test]
fn a_success_that_writes_nothing_hides_no_failure() {
    loom::model(|| {
        let builder = CircuitBreaker::named("db").count_window(2).min_calls(2).failure_rate(1.0);
        let breaker = builder.build().unwrap();
        (0..2).for_each(|_| breaker.try_acquire(OPENED).unwrap().success(OPENED));
        let thread = thread::spawn({
            let breaker = breaker.clone();
            move || breaker.try_acquire(OPENED).unwrap().failure(OPENED)
        });
        breaker.try_acquire(OPENED).unwrap().success(OPENED);
        thread.join().unwrap();
        assert_eq!(breaker.metrics(OPENED).calls, 2);
        assert_eq!(breaker.metrics(OPENED).failures, 1);
        // Seen by whoever comes after it.
        breaker.try_acquire(OPENED).unwrap().failure(OPENED);
        let failures = breaker.metrics(OPENED).failures;
        let open = breaker.state(OPENED) == CircuitState::Open;
        assert_eq!(open, failures == 2);
    });
}

/// Who comes when its time is over is never refused by a word of one state and a time of another.
#[test]
fn who_has_waited_as_it_was_told_passes() {
    loom::model(|| {
        let breaker = opened(builder().probes(2).half_open_timeout(Duration::from_secs(1)));
        let after = breaker.try_acquire(OPENED).unwrap_err().retry_after().unwrap();
        let thread = thread::spawn({
            let breaker = breaker.clone();
            // It becomes half-open, with another time of its own.
            move || breaker.try_acquire_owned(AGAIN).is_ok()
        });
        assert!(breaker.try_acquire(OPENED + after).is_ok());
        assert!(thread.join().unwrap());
    });
}

#[test]
fn changes_are_told_once_and_in_their_order() {
    loom::model(|| {
        let told: Arc<Mutex<Vec<(CircuitState, CircuitState)>>> = Arc::default();
        let log = Arc::clone(&told);
        let observer = move |event: &Event| {
            let EventKind::CircuitChanged { from, to, .. } = event.kind else { return };
            log.lock().unwrap().push((from, to));
        };
        let breaker = builder().observer(observer).build().unwrap();
        let thread = thread::spawn({
            let breaker = breaker.clone();
            move || breaker.isolate()
        });
        breaker.disable();
        thread.join().unwrap();
        let told = told.lock().unwrap();
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].0, CircuitState::Closed);
        assert_eq!(told[0].1, told[1].0);
        assert_eq!(told[1].1, breaker.state(OPENED));
    });
}

#[test]
fn a_failure_beside_a_change_of_settings_counts_by_the_old_or_the_new() {
    loom::model(|| {
        let breaker = builder().consecutive_failures(2).build().unwrap();
        let fails = breaker.try_acquire_owned(OPENED).unwrap();
        let thread = thread::spawn(move || fails.failure(OPENED));
        breaker.reconfigure(builder(), OPENED).unwrap();
        thread.join().unwrap();
        assert_eq!(breaker.metrics(OPENED).consecutive_failures, 1);
        if breaker.state(OPENED) == CircuitState::Closed {
            breaker.try_acquire(OPENED).unwrap().failure(OPENED);
        }
        assert_eq!((breaker.state(OPENED), breaker.metrics(OPENED).openings), (CircuitState::Open, 1));
    });
}

/// A success that sees the old window clean, beside a larger window that is not full.
#[test]
fn a_success_beside_a_change_of_the_window_hides_no_failure() {
    loom::model(|| {
        let of = |calls| CircuitBreaker::named("db").count_window(calls).min_calls(2).failure_rate(1.0);
        let breaker = of(2).build().unwrap();
        (0..2).for_each(|_| breaker.try_acquire(OPENED).unwrap().success(OPENED));
        let thread = thread::spawn({
            let breaker = breaker.clone();
            move || breaker.reconfigure(of(3), OPENED).unwrap()
        });
        breaker.try_acquire(OPENED).unwrap().success(OPENED);
        breaker.try_acquire(OPENED).unwrap().failure(OPENED);
        thread.join().unwrap();
        let metrics = breaker.metrics(OPENED);
        assert_eq!(metrics.failures, 1);
        assert!((2..=3).contains(&metrics.calls), "{metrics:?}");
    });
}

#[test]
fn b12_a_place_is_given_back_whatever_the_settings_are_by_then() {
    loom::model(|| {
        let half = |timeout| builder().probes(2).success_threshold(1).half_open_timeout(timeout);
        let breaker = opened(half(Duration::from_secs(1)));
        let probe = breaker.try_acquire_owned(AGAIN).unwrap();
        let threads = [
            thread::spawn(move || drop(probe)),
            thread::spawn({
                let breaker = breaker.clone();
                move || {
                    breaker.reconfigure(builder().half_open_timeout(Duration::from_secs(2)), AGAIN).unwrap()
                }
            }),
        ];
        let mine = breaker.try_acquire(AGAIN);
        if let Err(rejected) = &mine {
            assert_eq!(rejected.reason(), Reason::ProbesBusy);
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(breaker.metrics(AGAIN).probes_in_flight, u32::from(mine.is_ok()));
        drop(mine);
        breaker.try_acquire(AGAIN).unwrap().success(AGAIN);
        assert_eq!(breaker.state(AGAIN), CircuitState::Closed);
    });
}
