//! Threads that ask, hold, forget and change at once.

use super::{at, each, limit, on_sim};
use backstay_core::resilience::{CircuitState, KeyedCircuitBreaker};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

/// A key that has failed once is never forgotten here: so all failures of a key are counted by one breaker.
#[test]
fn there_are_never_two_of_one_key() {
    on_sim(|rt| async move {
        let hosts = KeyedCircuitBreaker::<u64>::named("hosts")
            .breaker(each().consecutive_failures(u32::MAX))
            .max_keys(limit(12))
            .build(&rt)
            .expect("it is good");
        let failures = [const { AtomicU32::new(0) }; 8];
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let (hosts, failures) = (&hosts, &failures);
                scope.spawn(move || {
                    for turn in 0..3_000_u64 {
                        // Some that only succeed, for those that fail to be in the way of.
                        let key = (turn * 7 + thread) % 40;
                        let breaker = hosts.of(&key, at(turn));
                        let call = breaker.try_acquire(at(turn)).expect("it passes");
                        let is_guarded = breaker.state(at(turn)) != CircuitState::Disabled;
                        if is_guarded && key < 8 && turn % 3 == 0 {
                            failures[key as usize].fetch_add(1, SeqCst);
                            call.failure(at(turn));
                        }
                        match turn % 50 {
                            0 => hosts.prune(at(turn)),
                            1 => hosts.reconfigure(each().consecutive_failures(u32::MAX), at(turn)).unwrap(),
                            2 => hosts.retain(|key| *key < 8),
                            _ => {}
                        }
                    }
                });
            }
        });
        assert!(hosts.len() <= 12);
        let mut counted = 0;
        hosts.for_each(at(3_000), |key, metrics| {
            let expected = failures.get(*key as usize).map_or(0, |failures| failures.load(SeqCst));
            assert_eq!(metrics.consecutive_failures, expected, "of {key}");
            counted += expected;
        });
        assert_eq!(counted, failures.iter().map(|failures| failures.load(SeqCst)).sum::<u32>());
        assert!(counted > 0);
        hosts.prune(at(0) + Duration::from_secs(3_600));
        hosts.prune(at(0) + Duration::from_secs(7_200));
        assert!(hosts.is_empty());
    });
}
