//! Settings that make no sense are refused by name.

use crate::kit::on_sim;
use backstay_core::resilience::{CircuitBreaker, CircuitBreakerBuilder, Pipeline};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn b40_what_makes_no_sense_is_refused_by_name() {
    type Set = fn(CircuitBreakerBuilder) -> CircuitBreakerBuilder;
    let table: [(&str, Set); 28] = [
        ("consecutive_failures", |b| b.consecutive_failures(0)),
        ("count_window", |b| b.count_window(0)),
        ("count_window", |b| b.count_window(1_000_001)),
        ("count_window", |b| b.count_window(u32::MAX)),
        ("time_window", |b| b.time_window(Duration::ZERO)),
        ("failure_rate", |b| b.failure_rate(0.0)),
        ("failure_rate", |b| b.failure_rate(-0.5)),
        ("failure_rate", |b| b.failure_rate(1.000_001)),
        ("failure_rate", |b| b.failure_rate(f64::NAN)),
        ("failure_rate", |b| b.failure_rate(0.000_000_1)),
        ("time_window", |b| b.count_window(10).time_window(SECOND)),
        ("time_window", |b| b.time_window(SECOND).count_window(10)),
        ("min_calls", |b| b.min_calls(0)),
        ("min_calls", |b| b.count_window(10).min_calls(11)),
        ("min_calls", |b| b.min_calls(101)),
        ("slow_call_rate", |b| b.slow_call_duration(SECOND)),
        ("slow_call_rate", |b| b.slow_call_duration(SECOND).slow_call_rate(1.5)),
        ("slow_call_duration", |b| b.slow_call_rate(0.5)),
        ("probes", |b| b.probes(0)),
        ("success_threshold", |b| b.success_threshold(0)),
        ("probe_failure_rate", |b| b.probe_failure_rate(0.0)),
        ("probe_failure_rate", |b| b.probe_failure_rate(0.5).success_threshold(1)),
        ("half_open_timeout", |b| b.half_open_timeout(Duration::ZERO)),
        ("open_for", |b| b.open_for(Duration::ZERO)),
        ("open_multiplier", |b| b.open_multiplier(0)),
        ("max_open", |b| b.open_for(SECOND).max_open(SECOND / 2)),
        ("jitter", |b| b.jitter(1.1, 0)),
        ("jitter", |b| b.jitter(f64::NAN, 0)),
    ];
    for (row, (field, set)) in table.into_iter().enumerate() {
        let refused = set(CircuitBreaker::named("db")).build().expect_err("it makes no sense");
        assert_eq!(refused.field(), Some(field), "row {row}: {refused}");
    }
}

#[test]
fn the_largest_and_the_least_are_good() {
    let builder = CircuitBreaker::named("db").count_window(1).min_calls(1).failure_rate(0.000_001);
    let builder = builder.consecutive_failures(1).probes(u32::MAX).open_multiplier(u32::MAX);
    let builder = builder.open_for(Duration::MAX).half_open_timeout(Duration::from_nanos(1)).jitter(1.0, 1);
    let breaker = builder.build().expect("it is good");
    let now = backstay_core::time::Instant::from_nanos(5);
    breaker.try_acquire(now).expect("it passes").failure(now);
    assert!(breaker.try_acquire(now).is_err());
    let least = CircuitBreaker::named("db").time_window(Duration::from_nanos(1)).min_calls(u32::MAX);
    assert!(least.build().is_ok());
    let most = CircuitBreaker::named("db").count_window(1_000_000);
    assert!(most.build().is_ok());
    let longest = CircuitBreaker::named("db").time_window(Duration::MAX);
    let breaker = longest.min_calls(1).build().expect("it is good");
    breaker.try_acquire(now).expect("it passes").failure(now);
    assert!(breaker.try_acquire(now).is_err());
}

#[test]
fn the_defaults_are_those_of_the_table() {
    let breaker = CircuitBreaker::named("db").build().expect("they are good");
    let now = backstay_core::time::Instant::ORIGIN;
    let call = |failed: bool| {
        let permit = breaker.try_acquire(now).expect("it passes");
        if failed { permit.failure(now) } else { permit.success(now) }
    };
    (0..19).for_each(|_| call(true));
    (0..81).for_each(|_| call(false));
    assert_eq!(breaker.metrics(now).calls, 100);
    (0..19).for_each(|_| call(true)); // over the first nineteen
    assert_eq!((breaker.metrics(now).calls, breaker.metrics(now).failures), (100, 19));
    (0..31).for_each(|_| call(true));
    assert_eq!(breaker.metrics(now).openings, 1);
    let refused = breaker.try_acquire(now).expect_err("half of them failed");
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(5)));
    let later = now + Duration::from_secs(5);
    let probe = breaker.try_acquire(later).expect("one may");
    assert!(breaker.try_acquire(later).is_err());
    probe.success(later);
    assert!(breaker.try_acquire(later).is_ok_and(|permit| !permit.is_probe()));
}

#[test]
fn it_says_how_it_is_set() {
    on_sim(async |rt| {
        let named = || CircuitBreaker::named("db").open_for(5 * SECOND);
        let table = [
            (named(), "50 % failures"),
            (named().failure_rate(0.075), "7.5 % failures"),
            (named().consecutive_failures(3), "3 failures in a row"),
            (
                named()
                    .consecutive_failures(3)
                    .count_window(20)
                    .slow_call_duration(SECOND)
                    .slow_call_rate(1.0),
                "3 failures in a row or 50 % failures or 100 % slow calls",
            ),
        ];
        for (builder, opens) in table {
            let breaker = builder.build().expect("it is good");
            let users = Pipeline::named("users").breaker(&breaker).build(&rt).expect("it is good");
            let text = format!("users\n  circuit breaker `db`: opens at {opens}, for 5s");
            assert_eq!(users.describe().to_string(), text);
        }
    });
}
