//! The script's arithmetic, with a clock that is the test's.

use crate::kit::{Server, Wire};
use backstay_core::resilience::{Ask, InMemoryStore, Quota, QuotaStore, Taken};
use backstay_core::time::Instant;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SOURCE: &str = include_str!("../../src/gcra.lua");

/// In microseconds, some years after the beginning.
const START: u64 = 1_700_000_000_000_000;

#[derive(Clone, Copy, Debug)]
struct Step {
    pause: u64,
    at_least: u32,
    more: u32,
    max_wait: u64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        prop_oneof![Just(0), 0..1_000_u64, 0..2_000_000_u64],
        1..6_u32,
        0..6_u32,
        prop_oneof![Just(0), 0..3_000_000_u64],
    );
    let step = step.prop_map(|(pause, at_least, more, max_wait)| Step { pause, at_least, more, max_wait });
    prop::collection::vec(step, 1..40)
}

/// It, without the server's clock, which expires keys too.
fn source() -> String {
    let (clock, expiry) = ("redis.call('TIME')", ", 'PX', math.floor(micros / 1000) + 1");
    assert!(SOURCE.contains(clock) && SOURCE.contains(expiry));
    SOURCE.replace(clock, "{ARGV[8], ARGV[9]}").replace(expiry, "")
}

/// What it gives: three numbers.
fn run(wire: &mut Wire, quota: &Quota, step: &Step, now: u64) -> [u64; 3] {
    let arguments = [
        quota.permits().into(),
        quota.per().as_micros() as u64,
        quota.max_burst().into(),
        step.at_least.into(),
        u64::from(step.at_least + step.more),
        step.max_wait,
        3_000_000,
        now / 1_000_000,
        now % 1_000_000,
    ];
    let (source, arguments) = (source(), arguments.map(|argument| argument.to_string()));
    let mut command = vec!["EVAL", &source, "1", "k"];
    command.extend(arguments.iter().map(String::as_str));
    let answer = wire.ask(&command);
    let numbers: Vec<u64> = answer.lines().skip(1).map(|line| line[1..].parse().expect("a number")).collect();
    numbers.try_into().unwrap_or_else(|_| panic!("{answer}"))
}

/// By whole numbers without end, as the papers have it.
fn exactly(ahead: &mut u128, quota: &Quota, step: &Step) -> [u64; 3] {
    let (permits, per) = (u128::from(quota.permits()), quota.per().as_micros());
    let full = u128::from(quota.max_burst()) * per;
    let there = |ahead: u128| full.saturating_sub(ahead) / per;
    let (mut granted, mut wait) = (there(*ahead).min(u128::from(step.at_least + step.more)), 0);
    if granted < u128::from(step.at_least) {
        wait = (*ahead + u128::from(step.at_least) * per - full).div_ceil(permits);
        if wait > u128::from(step.max_wait) {
            return [0, wait as u64 - step.max_wait, there(*ahead) as u64];
        }
        granted = step.at_least.into();
    }
    *ahead += granted * per;
    [granted as u64, wait as u64, there(*ahead) as u64]
}

/// The server's time goes on by so many microseconds.
fn later(ahead: &mut u128, quota: &Quota, micros: u64) {
    *ahead = ahead.saturating_sub(u128::from(micros) * u128::from(quota.permits()));
}

fn with_wire(cases: u32, test: impl Fn(&mut Wire, u32, u64, u32, Vec<Step>) -> Result<(), TestCaseError>) {
    let Some(server) = Server::start(&[]) else { return };
    let wire = Mutex::new(Wire::to(server.port));
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    let input = (1..2_000_u32, 1..5_000_000_u64, 6..20_u32, steps());
    let run = proptest::test_runner::TestRunner::new(config).run(&input, |(permits, per, burst, steps)| {
        let mut wire = wire.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        wire.ask(&["DEL", "k"]);
        test(&mut wire, permits, per, burst, steps)
    });
    run.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn it_is_exact() {
    with_wire(60, |wire, permits, per, burst, steps| {
        let quota = Quota::new(permits, Duration::from_micros(per)).burst(burst);
        let (mut now, mut ahead) = (START, 0);
        for step in steps {
            now += step.pause;
            later(&mut ahead, &quota, step.pause);
            prop_assert_eq!(run(wire, &quota, &step, now), exactly(&mut ahead, &quota, &step), "{:?}", step);
        }
        Ok(())
    });
}

#[test]
fn a_clock_that_is_set_back_a_little_gives_nothing_twice() {
    let Some(server) = Server::start(&[]) else { return };
    let mut wire = Wire::to(server.port);
    let quota = Quota::per_second(10).burst(10);
    let step = |at_least, more, max_wait| Step { pause: 0, at_least, more, max_wait };
    assert_eq!(run(&mut wire, &quota, &step(10, 0, 0), START), [10, 0, 0]);
    for turn in 1..=30 {
        assert_eq!(run(&mut wire, &quota, &step(1, 0, 3_000_000), START), [1, turn * 100_000, 0]);
    }
    for back in [1, 2, 1_000, 1_000_000] {
        let refused = [0, 3_100_000 + back, 0];
        assert_eq!(run(&mut wire, &quota, &step(1, 9, 0), START - back), refused, "by {back} microseconds");
    }
    // Much further it would lock everybody out.
    assert_eq!(run(&mut wire, &quota, &step(1, 9, 0), START - 1_000_001), [10, 0, 0]);
}

/// Where an interval is a whole number of nanoseconds, both are exact.
#[test]
fn it_agrees_with_the_store_in_memory() {
    with_wire(60, |wire, permits, interval, burst, steps| {
        let quota = Quota::new(permits, Duration::from_micros(interval * u64::from(permits))).burst(burst);
        let (store, key) = (InMemoryStore::new(), Arc::<str>::from("k"));
        let mut now = START;
        let micros = |time: Duration| time.as_nanos().div_ceil(1_000) as u64;
        for step in steps {
            now += step.pause;
            let (max_wait, at) =
                (Duration::from_micros(step.max_wait), Instant::from_nanos((now - START) * 1_000));
            let mut ask = Ask::new(quota, step.at_least, at);
            (ask.up_to, ask.max_wait) = (step.at_least + step.more, max_wait);
            let ours = match store.take(&key, ask).into_inner().expect("there is room") {
                Taken::Granted { permits, wait, left } => [permits.into(), micros(wait), left],
                Taken::Refused { retry_after } => [0, micros(retry_after), 0],
            };
            let mut theirs = run(wire, &quota, &step, now);
            if theirs[0] == 0 {
                theirs[2] = 0;
            }
            prop_assert_eq!(ours, theirs, "{:?}", step);
        }
        Ok(())
    });
}
