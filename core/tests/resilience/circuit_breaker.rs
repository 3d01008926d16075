//! The circuit breaker: what needs no runtime here, the rest beside it.

mod config;
mod differential;
mod model;
mod observed;
mod reconfigure;
mod run;
mod snapshot;
mod sweeps;

use crate::kit::{at, ms};
use backstay_core::resilience::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitMetrics, CircuitPermit, CircuitReason, CircuitState, Event,
    EventKind, OwnedCircuitPermit, Reason, Verdict,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Opens on the second failure in a row, for ten milliseconds.
fn builder() -> CircuitBreakerBuilder {
    CircuitBreaker::named("db").consecutive_failures(2).open_for(ms(10))
}

fn breaker() -> CircuitBreaker {
    builder().build().expect("it is good")
}

fn admitted(breaker: &CircuitBreaker, now: u64) -> CircuitPermit<'_> {
    breaker.try_acquire(at(now)).expect("it passes")
}

fn opened(builder: CircuitBreakerBuilder) -> CircuitBreaker {
    let breaker = builder.build().expect("it is good");
    admitted(&breaker, 0).failure(at(0));
    admitted(&breaker, 0).failure(at(0));
    assert_eq!(breaker.state(at(0)), CircuitState::Open);
    breaker
}

/// What an observer was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<(CircuitState, CircuitState, CircuitReason)>>>);

impl Told {
    fn by(self, builder: CircuitBreakerBuilder) -> CircuitBreakerBuilder {
        builder.observer(move |event: &Event| {
            let EventKind::CircuitChanged { from, to, reason } = event.kind else { panic!("{event:?}") };
            assert_eq!((event.source, event.kind.name()), ("db", "circuit.changed"));
            self.0.lock().unwrap().push((from, to, reason));
        })
    }

    fn take(&self) -> Vec<(CircuitState, CircuitState, CircuitReason)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[test]
fn b11_of_a_thousand_threads_one_is_the_probe() {
    let breaker = opened(builder());
    let start = std::sync::Barrier::new(1_000);
    let passed: Vec<OwnedCircuitPermit> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..1_000)
            .map(|_| {
                std::thread::Builder::new()
                    .stack_size(64 * 1024)
                    .spawn_scoped(scope, || {
                        start.wait();
                        breaker.try_acquire_owned(at(10)).ok()
                    })
                    .expect("there are threads")
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(passed.len(), 1);
    assert!(passed[0].is_probe());
    assert_eq!(breaker.metrics(at(10)).probes_in_flight, 1);
    drop(passed);
    assert_eq!(breaker.metrics(at(10)).probes_in_flight, 0);
}

#[test]
fn b12_nothing_keeps_it_half_open_for_ever() {
    // A result that says nothing, and one that nobody tells.
    let breaker = opened(builder());
    for _ in 0..10 {
        admitted(&breaker, 10).record(Verdict::Ignore, at(10));
        drop(admitted(&breaker, 10));
    }
    assert_eq!(breaker.state(at(10)), CircuitState::HalfOpen);
    admitted(&breaker, 10).success(at(10));
    assert_eq!(breaker.state(at(10)), CircuitState::Closed);

    // A probe that hangs.
    let breaker = opened(builder().half_open_timeout(ms(50)));
    let hangs = admitted(&breaker, 10);
    assert_eq!(breaker.try_acquire(at(59)).unwrap_err().reason(), Reason::ProbesBusy);
    assert_eq!(breaker.try_acquire(at(60)).unwrap_err().retry_after(), Some(ms(10)));
    admitted(&breaker, 70).success(at(70));
    hangs.failure(at(70));
    assert_eq!(breaker.state(at(70)), CircuitState::Closed);

    // A question takes no place.
    let breaker = opened(builder());
    for _ in 0..10 {
        assert!(breaker.would_permit(at(10)) && !breaker.would_permit(at(9)));
        assert_eq!(breaker.state(at(10)), CircuitState::HalfOpen);
        assert_eq!(breaker.metrics(at(10)).probes_in_flight, 0);
    }
    let probe = admitted(&breaker, 10);
    assert!(!breaker.would_permit(at(10)) && probe.is_probe());

    // Fewer probes than the calls that a rate needs.
    let breaker = opened(builder().min_calls(20).probes(1).probe_failure_rate(0.5));
    drop(probe);
    admitted(&breaker, 10).success(at(10));
    assert_eq!(breaker.state(at(10)), CircuitState::Closed);
}

#[test]
fn b13_what_an_older_state_began_changes_nothing() {
    let told = Told::default();
    let breaker = told.clone().by(builder().success_threshold(2).probes(2)).build().expect("it is good");
    let closed = [(); 4].map(|()| admitted(&breaker, 0));
    admitted(&breaker, 0).failure(at(0));
    admitted(&breaker, 0).failure(at(0));
    let [one, two, three, four] = closed;
    one.success(at(1)); // while it is open
    two.failure(at(1));
    assert_eq!((breaker.state(at(1)), breaker.metrics(at(1)).late), (CircuitState::Open, 2));
    assert_eq!(breaker.try_acquire(at(1)).unwrap_err().retry_after(), Some(ms(9)), "no longer than it was");

    admitted(&breaker, 10).success(at(10)); // one of two
    let probe = admitted(&breaker, 10);
    three.success(at(11)); // while it is half-open: no second
    four.failure(at(11)); // nor a failure
    assert_eq!(breaker.state(at(11)), CircuitState::HalfOpen);
    admitted(&breaker, 11).success(at(11));
    assert_eq!(breaker.state(at(11)), CircuitState::Closed);

    probe.failure(at(12)); // of the half-open state, in the closed one
    admitted(&breaker, 12).failure(at(12));
    assert_eq!(breaker.state(at(12)), CircuitState::Closed, "one failure of this state");
    assert_eq!(breaker.metrics(at(12)).late, 5);
    assert_eq!(told.take().len(), 3);
}

#[test]
fn b13_a_late_result_is_counted_as_late_also_where_it_changes_nothing() {
    let breaker = breaker();
    let late = admitted(&breaker, 0);
    breaker.reset();
    late.success(at(0));
    assert_eq!(breaker.metrics(at(0)).late, 1);
}

#[test]
fn b14_a_place_goes_back_to_the_state_that_gave_it() {
    let breaker = builder().build().expect("it is good");
    let closed = [(); 5].map(|()| admitted(&breaker, 0));
    admitted(&breaker, 0).failure(at(0));
    admitted(&breaker, 0).failure(at(0));
    let probe = admitted(&breaker, 10);
    drop(closed);
    assert_eq!(breaker.try_acquire(at(10)).unwrap_err().reason(), Reason::ProbesBusy);

    // A probe of an older half-open state, in a newer.
    let late = admitted_after_isolation(&breaker);
    drop(probe);
    assert_eq!(breaker.try_acquire(at(30)).unwrap_err().reason(), Reason::ProbesBusy);
    drop(late);
    drop(admitted(&breaker, 30));
}

/// The probe of another half-open state, at 30.
fn admitted_after_isolation(breaker: &CircuitBreaker) -> CircuitPermit<'_> {
    breaker.isolate();
    breaker.reset();
    admitted(breaker, 20).failure(at(20));
    admitted(breaker, 20).failure(at(20));
    admitted(breaker, 30)
}

#[test]
fn b15_a_hundred_late_failures_are_one_event() {
    let told = Told::default();
    let breaker = told.clone().by(builder()).build().expect("it is good");
    let calls: Vec<_> = (0..100).map(|_| admitted(&breaker, 0)).collect();
    for (now, call) in (0..).zip(calls) {
        call.failure(at(now));
    }
    let opened = (CircuitState::Closed, CircuitState::Open, CircuitReason::ConsecutiveFailures);
    assert_eq!(told.take(), [opened]);
    assert_eq!(breaker.metrics(at(0)).openings, 1);
    // Open since the second, at 1.
    assert!(!breaker.would_permit(at(10)) && breaker.would_permit(at(11)));
}

#[test]
fn b15_threads_that_fail_at_once_are_one_event() {
    let told = Told::default();
    let breaker = told.clone().by(builder()).build().expect("it is good");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    if let Ok(permit) = breaker.try_acquire(at(0)) {
                        permit.failure(at(0));
                    }
                }
            });
        }
    });
    assert_eq!((told.take().len(), breaker.metrics(at(0)).openings), (1, 1));
}

#[test]
fn b17_a_clock_that_jumps_or_stands_still_is_harmless() {
    let breaker = opened(builder());
    assert_eq!(breaker.state(at(3_600_000)), CircuitState::HalfOpen);
    admitted(&breaker, 3_600_000).success(at(0)); // read before another's
    assert_eq!(breaker.state(at(0)), CircuitState::Closed);
    let windowed = CircuitBreaker::named("db").time_window(ms(320)).min_calls(2).build().expect("it is good");
    admitted(&windowed, 1_000).failure(at(1_000));
    admitted(&windowed, 1).failure(at(1));
    assert_eq!(windowed.state(at(1_000)), CircuitState::Open);
}

#[test]
fn a_time_window_forgets_what_is_past() {
    let builder = CircuitBreaker::named("db").time_window(ms(320)).min_calls(4).failure_rate(0.5);
    let breaker = builder.build().expect("it is good");
    (0..2).for_each(|_| admitted(&breaker, 0).failure(at(0)));
    (0..2).for_each(|_| admitted(&breaker, 200).success(at(200)));
    assert_eq!(breaker.metrics(at(200)).failure_rate(), 0.5, "and no success opens it");
    assert_eq!(breaker.metrics(at(320)).failure_rate(), 0.0);
    assert_eq!(breaker.metrics(at(320)).calls, 2);
    admitted(&breaker, 320).failure(at(320)); // one of three
    admitted(&breaker, 320).success(at(320));
    assert_eq!(breaker.state(at(320)), CircuitState::Closed, "one of four");
    admitted(&breaker, 330).failure(at(330));
    assert_eq!(breaker.state(at(330)), CircuitState::Closed, "two of five");
    admitted(&breaker, 330).failure(at(330));
    assert_eq!(breaker.state(at(330)), CircuitState::Open, "three of six");
    assert_eq!(breaker.metrics(at(330)).calls, 6, "those that opened it");
}

#[test]
fn slow_calls_open_it_whether_they_succeed_or_not() {
    let builder = CircuitBreaker::named("db").count_window(4).min_calls(4).failure_rate(1.0);
    let breaker = builder.slow_call_duration(ms(5)).slow_call_rate(0.5).build().expect("it is good");
    for took in [5, 6, 5, 5, 5] {
        admitted(&breaker, 0).success(at(took));
    }
    let metrics = breaker.metrics(at(6));
    assert_eq!((metrics.calls, metrics.slow_calls, metrics.slow_call_rate()), (4, 1, 0.25));
    admitted(&breaker, 0).success(at(6));
    assert_eq!(breaker.state(at(6)), CircuitState::Closed, "one of the last four");
    admitted(&breaker, 0).failure(at(6));
    assert_eq!(breaker.state(at(6)), CircuitState::Open);
    // And a probe that is slow is no success.
    let now = 6 + 5_000;
    admitted(&breaker, now).success(at(now + 6));
    assert_eq!(breaker.state(at(now + 6)), CircuitState::Open);
}

#[test]
fn the_answer_says_how_long() {
    let breaker = builder().max_open(ms(100)).build().expect("it is good");
    let busy = |after: Duration| Verdict::failure().after(after);
    for (hint, open) in [(ms(0), 10), (ms(30), 30), (ms(1_000), 100), (Duration::MAX, 100)] {
        breaker.reset();
        admitted(&breaker, 0).record(busy(ms(99)), at(0));
        admitted(&breaker, 0).record(busy(hint), at(0));
        assert_eq!(breaker.try_acquire(at(0)).unwrap_err().retry_after(), Some(ms(open)), "{hint:?}");
    }
}

#[test]
fn a_refusal_says_what_waiting_suffices() {
    let builder = builder().jitter(0.7, 42).open_multiplier(3).max_open(Duration::from_secs(1));
    let breaker = builder.build().expect("it is good");
    let mut now = backstay_core::time::Instant::from_nanos(1);
    for _ in 0..50 {
        while let Ok(permit) = breaker.try_acquire(now) {
            permit.failure(now);
        }
        let after = breaker.try_acquire(now).unwrap_err().retry_after().expect("it is known");
        let almost = now + (after - Duration::from_nanos(1));
        assert!(breaker.try_acquire(almost).is_err() && after >= Duration::from_nanos(1));
        now += after;
        assert!(breaker.try_acquire(now).is_ok());
    }
}

#[test]
fn all_of_it_can_be_shared_and_sent() {
    fn pinned<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    pinned::<CircuitBreaker>();
    pinned::<CircuitBreakerBuilder>();
    pinned::<CircuitPermit<'_>>();
    pinned::<OwnedCircuitPermit>();
    pinned::<CircuitMetrics>();
    pinned::<(CircuitState, CircuitReason)>();
}

#[test]
fn a_clone_is_the_same_breaker() {
    let breaker = breaker();
    let clone = breaker.clone();
    admitted(&clone, 0).failure(at(0));
    admitted(&breaker, 0).record(Verdict::Fatal, at(0));
    assert_eq!(clone.state(at(0)), CircuitState::Open);
    assert_eq!(clone.name(), "db");
    assert_eq!(format!("{clone:?}"), r#"CircuitBreaker { name: "db", state: Open, .. }"#);
    breaker.isolate();
    assert_eq!(clone.try_acquire(at(99)).unwrap_err().reason(), Reason::Isolated);
    assert_eq!(clone.state(at(99)).to_string(), "isolated");
}

#[test]
fn b19_a_million_calls_take_no_more_memory_than_one() {
    // The window is of one size, and what is counted is right: see `resilience_allocations.rs` for the memory.
    let breaker =
        CircuitBreaker::named("db").time_window(ms(100)).failure_rate(1.0).build().expect("it is good");
    for now in 0..1_000_000 {
        admitted(&breaker, now / 1_000).success(at(now / 1_000));
    }
    let calls = breaker.metrics(at(999)).calls;
    assert!((96_000..=100_000).contains(&calls), "{calls} in the last 100 ms");
}
