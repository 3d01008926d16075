//! What other breakers do wrong, done right.

use super::{admitted, builder, opened};
use crate::kit::{at, ms, on_sim};
use backstay_core::Runtime;
use backstay_core::resilience::{CircuitBreaker, CircuitState};
use std::time::Duration;

fn ring(calls: u32) -> CircuitBreaker {
    let builder = CircuitBreaker::named("db").count_window(calls).failure_rate(0.5);
    builder.min_calls(calls).build().expect("it is good")
}

#[test]
fn d01_old_successes_make_it_no_slower() {
    for successes in [10, 11, 100, 1_000, 10_000] {
        let breaker = ring(10);
        for _ in 0..successes {
            admitted(&breaker, 0).success(at(0));
        }
        for _ in 0..4 {
            admitted(&breaker, 0).failure(at(0));
            assert_eq!(breaker.state(at(0)), CircuitState::Closed);
        }
        admitted(&breaker, 0).failure(at(0));
        assert_eq!(breaker.state(at(0)), CircuitState::Open, "after {successes} successes");
    }
}

#[test]
fn d02_a_late_failure_does_not_open_a_half_open_one() {
    let breaker = builder().probes(3).build().expect("it is good");
    let late = admitted(&breaker, 0);
    admitted(&breaker, 0).failure(at(0));
    admitted(&breaker, 0).failure(at(0));
    admitted(&breaker, 10).success(at(10)); // one of three
    late.failure(at(11));
    assert_eq!(breaker.state(at(11)), CircuitState::HalfOpen);
}

#[test]
fn d03_isolated_is_isolated_until_it_is_reset() {
    let breaker = builder().build().expect("it is good");
    breaker.isolate();
    assert!(breaker.try_acquire(at(80)).is_err());
    assert!(breaker.try_acquire(backstay_core::time::Instant::MAX).is_err());
    breaker.reset();
    assert!(breaker.try_acquire(at(80)).is_ok());
}

#[test]
fn d04_time_is_the_runtimes() {
    on_sim(|rt| async move {
        let builder = CircuitBreaker::named("db").consecutive_failures(1).open_for(Duration::from_secs(60));
        let breaker = builder.build().expect("it is good");
        breaker.try_acquire(rt.now()).expect("it passes").failure(rt.now());
        assert_eq!(breaker.state(rt.now()), CircuitState::Open);
        rt.sleep(Duration::from_secs(3_600)).await;
        assert_eq!(breaker.state(rt.now()), CircuitState::HalfOpen);
    });
}

#[test]
fn d12_d15_as_many_probes_as_it_says() {
    for probes in [1, 2, 7] {
        let breaker = opened(builder().probes(probes));
        let passed: Vec<_> = (0..100).filter_map(|_| breaker.try_acquire(at(10)).ok()).collect();
        assert_eq!(passed.len(), probes as usize);
    }
}

#[test]
fn d13_a_late_success_does_not_close_a_half_open_one() {
    let breaker = builder().build().expect("it is good");
    let late = admitted(&breaker, 0);
    admitted(&breaker, 0).failure(at(0));
    admitted(&breaker, 0).failure(at(0));
    let _probe = admitted(&breaker, 10);
    late.success(at(11));
    assert_eq!(breaker.state(at(11)), CircuitState::HalfOpen);
}

#[test]
fn d14_two_of_two_is_enough() {
    let breaker = ring(2);
    admitted(&breaker, 0).failure(at(0));
    assert_eq!(breaker.state(at(0)), CircuitState::Closed);
    admitted(&breaker, 0).failure(at(0));
    assert_eq!(breaker.state(at(0)), CircuitState::Open);
}

#[test]
fn d16_the_failure_that_crosses_opens_it_and_no_success_does() {
    let breaker = ring(10);
    for failures in 1..=10 {
        assert_eq!(breaker.state(at(0)), CircuitState::Closed, "after {failures}");
        admitted(&breaker, 0).failure(at(0));
    }
    assert_eq!(breaker.state(at(0)), CircuitState::Open);

    let breaker = ring(10);
    (0..9).for_each(|_| admitted(&breaker, 0).failure(at(0)));
    admitted(&breaker, 0).success(at(0)); // the tenth: nine of ten have failed
    assert_eq!(breaker.state(at(0)), CircuitState::Closed);
    admitted(&breaker, 0).failure(at(0));
    assert_eq!(breaker.state(at(0)), CircuitState::Open);
    assert_eq!(breaker.try_acquire(at(0)).unwrap_err().retry_after(), Some(ms(5_000)));
}

#[test]
fn d13_a_late_success_is_late_also_where_all_is_well() {
    let breaker = super::breaker();
    let late = admitted(&breaker, 0);
    breaker.reset();
    late.success(at(0));
    admitted(&breaker, 0).success(at(0));
    assert_eq!(breaker.metrics(at(0)).late, 1);
}
