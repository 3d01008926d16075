//! Who is told of what, and when.

use super::{Told, admitted, builder};
use crate::kit::at;
use backstay_core::resilience::CircuitReason as Why;
use backstay_core::resilience::CircuitState as Is;
use backstay_core::resilience::{CircuitBreaker, Event, EventKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};

#[test]
fn every_change_is_told_once_with_its_reason() {
    let told = Told::default();
    let half = crate::kit::ms(5);
    let breaker = told.clone().by(builder().half_open_timeout(half)).build().expect("it is good");
    admitted(&breaker, 0).failure(at(0));
    admitted(&breaker, 0).failure(at(0));
    assert_eq!(told.take(), [(Is::Closed, Is::Open, Why::ConsecutiveFailures)]);
    let _ = (breaker.state(at(99)), breaker.would_permit(at(99)), breaker.metrics(at(99)));
    assert_eq!(told.take(), [], "a question changes nothing");
    let probe = admitted(&breaker, 10);
    assert_eq!(told.take(), [(Is::Open, Is::HalfOpen, Why::OpenTimeOver)]);
    drop(admitted(&breaker, 99));
    let both = [(Is::HalfOpen, Is::Open, Why::HalfOpenTimeOver), (Is::Open, Is::HalfOpen, Why::OpenTimeOver)];
    assert_eq!(told.take(), both);
    drop(probe);
    admitted(&breaker, 99).failure(at(99));
    assert_eq!(told.take(), [(Is::HalfOpen, Is::Open, Why::ProbeFailed)]);
    breaker.disable();
    breaker.disable();
    breaker.metrics_only();
    breaker.isolate();
    breaker.reset();
    breaker.reset();
    let by_hand = [Is::Open, Is::Disabled, Is::MetricsOnly, Is::Isolated, Is::Closed];
    let by_hand: Vec<_> = by_hand.windows(2).map(|pair| (pair[0], pair[1], Why::ByHand)).collect();
    assert_eq!(told.take(), by_hand);
}

#[test]
fn b18_an_observer_may_use_the_breaker() {
    let slot: Arc<OnceLock<CircuitBreaker>> = Arc::default();
    let log: Arc<Mutex<Vec<(Is, Is)>>> = Arc::default();
    let observer = {
        let (slot, log) = (Arc::clone(&slot), Arc::clone(&log));
        move |event: &Event| {
            let EventKind::CircuitChanged { from, to, .. } = event.kind else { return };
            let breaker: &CircuitBreaker = slot.get().expect("it is there");
            log.lock().unwrap().push((from, to));
            let _ = (breaker.metrics(at(0)), breaker.try_acquire(at(0)), format!("{breaker:?}"));
            if to == Is::Open {
                breaker.isolate(); // told after this, not within it
                log.lock().unwrap().push((Is::Isolated, Is::Isolated));
            }
        }
    };
    let breaker = slot.get_or_init(|| builder().observer(observer).build().expect("it is good"));
    admitted(breaker, 0).failure(at(0));
    admitted(breaker, 0).failure(at(0));
    let log = std::mem::take(&mut *log.lock().unwrap());
    assert_eq!(log, [(Is::Closed, Is::Open), (Is::Isolated, Is::Isolated), (Is::Open, Is::Isolated)]);
    assert_eq!(breaker.state(at(0)), Is::Isolated);
}

#[test]
fn b18_an_observer_that_panics_leaves_it_whole() {
    let log: Arc<Mutex<Vec<Is>>> = Arc::default();
    let panics = {
        let log = Arc::clone(&log);
        move |event: &Event| {
            let EventKind::CircuitChanged { to, .. } = event.kind else { return };
            log.lock().unwrap().push(to);
            assert_ne!(to, Is::HalfOpen, "an observer's");
        }
    };
    let breaker = builder().observer(panics).build().expect("it is good");
    admitted(&breaker, 0).failure(at(0));
    admitted(&breaker, 0).failure(at(0));
    assert!(catch_unwind(AssertUnwindSafe(|| breaker.try_acquire(at(10)))).is_err());
    // The state is what it was told to be, nobody has the place, and others are told on.
    assert_eq!(breaker.state(at(10)), Is::HalfOpen);
    assert_eq!(breaker.metrics(at(10)).probes_in_flight, 0);
    drop(admitted(&breaker, 10));
    breaker.reset();
    assert_eq!(*log.lock().unwrap(), [Is::Open, Is::HalfOpen, Is::Closed]);
}

#[test]
fn changes_of_many_threads_are_told_in_their_order() {
    let told = Told::default();
    let breaker = told.clone().by(builder()).build().expect("it is good");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    breaker.isolate();
                    breaker.reset();
                    breaker.disable();
                }
            });
        }
    });
    let told = told.take();
    assert!(told.len() >= 3 && told[0].0 == Is::Closed);
    for pair in told.windows(2) {
        assert_eq!(pair[0].1, pair[1].0, "each begins where the one before ended");
    }
    assert_eq!(told.last().expect("there are").1, breaker.state(at(0)));
}
