//! Models of a keyed breaker: a key that is used while another wants its room, and while it is forgotten.

use crate::tasks::Threads;
use backstay_core::Limit;
use backstay_core::resilience::{CircuitBreaker, CircuitState, KeyedCircuitBreaker};
use backstay_core::time::Instant;
use loom::thread;
use std::time::Duration;

const NOW: Instant = Instant::ORIGIN;

fn hosts() -> KeyedCircuitBreaker<u8> {
    let each = CircuitBreaker::named("hosts").consecutive_failures(1).open_for(Duration::from_secs(1));
    KeyedCircuitBreaker::named("hosts").breaker(each).max_keys(Limit::ONE).build(&Threads).unwrap()
}

/// Calls, and opens it, unless there is no room. Whether it has.
fn fail(hosts: &KeyedCircuitBreaker<u8>, key: u8) -> bool {
    let breaker = hosts.of(&key, NOW);
    let is_guarded = breaker.state(NOW) != CircuitState::Disabled;
    breaker.try_acquire(NOW).unwrap().failure(NOW);
    is_guarded
}

fn is_open(hosts: &KeyedCircuitBreaker<u8>, key: u8) -> bool {
    hosts.get(&key).is_some_and(|breaker| breaker.state(NOW) == CircuitState::Open)
}

#[test]
fn what_a_key_has_found_is_not_lost_to_who_wants_its_room() {
    loom::model(|| {
        let hosts = hosts();
        drop(hosts.of(&1, NOW));
        let other = thread::spawn({
            let hosts = hosts.clone();
            move || fail(&hosts, 2)
        });
        let (mine, theirs) = (fail(&hosts, 1), other.join().unwrap());
        assert_eq!((is_open(&hosts, 1), is_open(&hosts, 2)), (mine, theirs));
        assert!(!(mine && theirs) && hosts.len() <= 1);
    });
}

#[test]
fn what_a_key_has_found_is_not_lost_to_who_forgets() {
    loom::model(|| {
        let hosts = hosts();
        drop(hosts.of(&1, NOW));
        let other = thread::spawn({
            let hosts = hosts.clone();
            move || hosts.prune(NOW)
        });
        assert!(fail(&hosts, 1));
        other.join().unwrap();
        assert!(is_open(&hosts, 1));
    });
}
