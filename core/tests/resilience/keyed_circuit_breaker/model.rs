//! A key's breaker is as one of its own, whatever is forgotten in between.

use super::{IDLE, builder, each, limit, on_sim};
use backstay_core::resilience::{CircuitBreaker, CircuitMetrics, CircuitState, OwnedCircuitPermit};
use backstay_core::time::Instant;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One that is never forgotten, and a call of the same kind by it.
struct Model {
    breaker: CircuitBreaker,
    used: Instant,
    /// Calls that are under way, by both.
    calls: Vec<(OwnedCircuitPermit, OwnedCircuitPermit)>,
}

impl Model {
    /// Whether it may be forgotten then, if there is need.
    fn may_go(&self, now: Instant) -> bool {
        let CircuitMetrics { state, failures, consecutive_failures, .. } = self.breaker.metrics(now);
        let is_idle = now - self.used >= IDLE;
        self.calls.is_empty()
            && match state {
                CircuitState::Closed => is_idle || (failures == 0 && consecutive_failures == 0),
                CircuitState::HalfOpen => is_idle,
                _ => false,
            }
    }
}

fn settings(kind: u64) -> backstay_core::resilience::CircuitBreakerBuilder {
    let each = each().open_for(Duration::from_secs(30 + kind * 400));
    match kind % 3 {
        0 => each,
        1 => each.count_window(4).min_calls(2),
        _ => each.time_window(Duration::from_secs(100)).min_calls(2).probes(2),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn it_is_a_map_of_breakers(
        max_keys in 2..12_usize,
        steps in proptest::collection::vec((0..16_u64, 0..40_u8, 0..300_u64), 1..200),
    ) {
        let steps = Arc::new(steps);
        on_sim(move |rt| {
            let steps = Arc::clone(&steps);
            async move {
                let keyed = builder().breaker(settings(0)).idle_for(IDLE).max_keys(limit(max_keys));
                let keyed = keyed.build(&rt).expect("it is good");
                let mut kind = 0;
                let mut model = BTreeMap::<u64, Model>::new();
                let mut now = Instant::ORIGIN;
                for &(key, what, pause) in steps.iter() {
                    // Mostly short pauses, and some long ones.
                    now += Duration::from_secs(if pause < 280 { pause % 20 } else { 300 });
                    match what {
                        0 => keyed.prune(now),
                        1 => {
                            keyed.retain(|kept| kept % 3 != key % 3);
                            model.retain(|kept, one| kept % 3 != key % 3 || !one.calls.is_empty());
                        }
                        2 => {
                            kind = key;
                            keyed.reconfigure(settings(kind), now).unwrap();
                            for one in model.values() {
                                one.breaker.reconfigure(settings(kind), now).unwrap();
                            }
                        }
                        3..6 => {
                            if let Some(one) = model.get_mut(&key) && !one.calls.is_empty() {
                                // As of now it is used.
                                one.used = now;
                                let (call, same) = one.calls.swap_remove(0);
                                if what == 3 {
                                    call.failure(now);
                                    same.failure(now);
                                }
                            }
                        }
                        _ => {
                            let breaker = keyed.of(&key, now);
                            if breaker.state(now) == CircuitState::Disabled {
                                assert_eq!(keyed.len(), max_keys);
                                assert!(model.get(&key).is_none_or(|one| one.may_go(now)), "it had a place");
                                model.remove(&key);
                                continue;
                            }
                            // New on both sides, where it had been forgotten: its counts say so.
                            let fresh = breaker.metrics(now);
                            let one = model.entry(key).or_insert_with(|| Model {
                                breaker: settings(kind).build().expect("it is good"),
                                used: now,
                                calls: Vec::new(),
                            });
                            if fresh != one.breaker.metrics(now) {
                                assert!(one.may_go(now), "{key} was lost: {:?}", one.breaker.metrics(now));
                                one.breaker = settings(kind).build().expect("it is good");
                            }
                            one.used = now;
                            let (call, same) = (breaker.try_acquire_owned(now), one.breaker.try_acquire_owned(now));
                            match (call, same) {
                                (Ok(call), Ok(same)) => match what % 4 {
                                    0 => one.calls.push((call, same)),
                                    1 | 2 => (call.failure(now), same.failure(now)).0,
                                    _ => (call.success(now), same.success(now)).0,
                                },
                                (Err(rejected), Err(same)) => assert_eq!(rejected, same),
                                differs => panic!("{differs:?}"),
                            }
                        }
                    }
                    let mut kept = BTreeMap::new();
                    keyed.for_each(now, |key, metrics| kept.extend([(*key, metrics)]));
                    assert!(kept.len() == keyed.len() && kept.len() <= max_keys);
                    for (key, metrics) in &kept {
                        let mut same = model[key].breaker.metrics(now);
                        // What is as good as new may have been forgotten, and be there anew.
                        if *metrics != same && model[key].may_go(now) {
                            let fresh = settings(kind).build().expect("it is good");
                            same = fresh.metrics(now);
                            model.get_mut(key).unwrap().breaker = fresh;
                        }
                        assert_eq!(*metrics, same, "{key}");
                    }
                    model.retain(|key, one| {
                        assert!(kept.contains_key(key) || one.may_go(now), "{key} was lost");
                        kept.contains_key(key)
                    });
                }
            }
        });
    }
}
