//! A limit for each key: apart, forgotten, bounded.

use super::{HOUR, START, is_limited, limit, limiter, ms};
use backstay::testing::{Failure, Sim};
use backstay_core::resilience::{KeyedRateLimiter, Quota, RateLimiter, Reason};
use backstay_core::time::Instant;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

fn passed<T>(outcome: Result<T, Failure>) -> T {
    outcome.unwrap_or_else(|failure| panic!("{failure}"))
}

/// In a runtime, for its random numbers.
fn with_rt(test: impl Fn(&Sim) + Clone + Send + 'static) {
    passed(Sim::builder().run(move |rt: Sim| async move { test(&rt) }));
}

fn keyed<K: std::hash::Hash + Eq>(rt: &Sim, quota: Quota) -> KeyedRateLimiter<K> {
    KeyedRateLimiter::new(rt, quota).expect("a good quota")
}

#[test]
fn each_key_has_its_own() {
    with_rt(|rt| {
        let limiter = keyed::<String>(rt, Quota::per_second(10).burst(2));
        assert!(limiter.is_empty());
        for key in ["a", "b", "c"] {
            assert!(limiter.try_acquire_many(key, limit(2), START).is_ok());
            let rejected = limiter.try_acquire(key, START).unwrap_err();
            assert!(is_limited(&rejected));
            assert_eq!(rejected.retry_after(), Some(ms(100)));
            assert!(limiter.try_acquire(key, START + ms(100)).is_ok());
        }
        assert_eq!(limiter.len(), 3);
        let rejected = limiter.try_acquire_many("d", limit(3), START).unwrap_err();
        assert_eq!(rejected.reason(), Reason::TooLarge { capacity: 2 });
        assert_eq!(limiter.len(), 3, "a refusal keeps no key");
        limiter.retain(|key| key != "b");
        assert_eq!(limiter.len(), 2);
        assert!(limiter.try_acquire_many("b", limit(2), START).is_ok(), "as good as new");
    });
}

#[test]
fn keys_that_are_as_good_as_new_are_forgotten_by_themselves() {
    with_rt(|rt| {
        let limiter = keyed::<u64>(rt, Quota::per_second(1).burst(2));
        let mut most = 0;
        // A thousand new keys a second, each used once: for a second each counts.
        for number in 0..200_000_u64 {
            assert!(limiter.try_acquire(&number, START + ms(number)).is_ok());
            most = most.max(limiter.len());
        }
        assert!(most < 4_000, "{most}");
        limiter.prune(START + HOUR);
        assert!(limiter.is_empty());
    });
}

#[test]
fn the_use_of_old_keys_forgets_others() {
    with_rt(|rt| {
        let limiter = keyed::<u64>(rt, Quota::per_second(1).burst(2));
        for number in 0..10_000_u64 {
            assert!(limiter.try_acquire(&number, START).is_ok());
        }
        // No new ones: some for each shard.
        for second in 2..1_000 {
            for number in 0..1_000_u64 {
                assert!(limiter.try_acquire(&number, START + Duration::from_secs(second)).is_ok());
            }
            if limiter.len() == 1_000 {
                return;
            }
        }
        panic!("{} are left", limiter.len());
    });
}

#[test]
fn a_key_in_use_is_not_forgotten() {
    with_rt(|rt| {
        let limiter = keyed::<u64>(rt, Quota::per_minute(1));
        let (mut granted, mut others) = (0, 0..);
        for second in 0..600 {
            let now = START + Duration::from_secs(second);
            granted += u32::from(limiter.try_acquire(&u64::MAX, now).is_ok());
            for other in others.by_ref().take(100) {
                assert!(limiter.try_acquire(&other, now).is_ok());
            }
            limiter.prune(now);
        }
        assert_eq!(granted, 10);
    });
}

#[test]
fn no_more_keys_are_kept_than_may_be() {
    with_rt(|rt| {
        let limiter = KeyedRateLimiter::<u64>::named("users")
            .quota(Quota::per_second(1))
            .max_keys(limit(100))
            .build(rt)
            .expect("a good quota");
        let outcomes: Vec<_> = (0..150).map(|key| limiter.try_acquire(&key, START)).collect();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 100);
        let rejected = outcomes[149].as_ref().unwrap_err();
        assert_eq!((rejected.reason(), rejected.name()), (Reason::TooManyKeys, "users"));
        assert_eq!(limiter.len(), 100);
        // Those that are there keep theirs.
        assert!(is_limited(&limiter.try_acquire(&3, START).unwrap_err()));
        assert!(limiter.try_acquire(&3, START + Duration::from_secs(1)).is_ok());
        // And a new one finds room once others are as good as new, in its shard or by `prune`.
        let later = START + HOUR;
        assert!((1_000..10_000).any(|key| limiter.try_acquire(&key, later).is_ok()));
        limiter.prune(later + HOUR);
        assert!((0..100).all(|key| limiter.try_acquire(&key, later + HOUR).is_ok()));
    });
}

#[test]
fn keys_that_are_as_good_as_new_make_room_in_whatever_shard_they_are() {
    with_rt(|rt| {
        for max_keys in [1, 10, 50] {
            let builder =
                KeyedRateLimiter::<u64>::named("test").quota(Quota::per_second(1)).max_keys(limit(max_keys));
            let limiter = builder.build(rt).expect("a good quota");
            for key in 0..max_keys as u64 {
                limiter.try_acquire(&key, START).expect("there is room");
            }
            // Nobody asks for these any more; a new one comes back some times, and has to get in.
            for new in 1_000..1_010_u64 {
                assert!(
                    (0..20).any(|_| limiter.try_acquire(&new, START + HOUR).is_ok()),
                    "{new} of {max_keys}"
                );
                limiter.retain(|key| *key != new);
                let old = new + 1_000_000;
                limiter.try_acquire(&old, START).expect("there is room again");
            }
        }
    });
}

#[test]
fn what_makes_no_sense_is_refused() {
    with_rt(|rt| {
        let error = KeyedRateLimiter::<u8>::named("users").build(rt).unwrap_err();
        assert_eq!(error.to_string(), "invalid `quota`: must be given");
        let builder = KeyedRateLimiter::<u8>::named("users").max_keys(limit(7));
        let text = format!("{builder:?}");
        assert!(text.starts_with("KeyedRateLimiterBuilder {") && text.contains("max_keys: 7"), "{text}");
        let refused = |quota| KeyedRateLimiter::<u8>::new(rt, quota).unwrap_err();
        assert_eq!(refused(Quota::strict(5, ms(1))).field(), Some("quota"));
        assert_eq!(refused(Quota::per_second(0)).field(), Some("permits"));
        assert_eq!(refused(Quota::per_hour(1).burst(u32::MAX)).field(), Some("burst"));
    });
}

#[test]
fn another_quota_leaves_each_key_what_it_has() {
    with_rt(|rt| {
        let limiter = keyed::<String>(rt, Quota::per_second(10).burst(4));
        let take = |key: &str, n| limiter.try_acquire_many(key, limit(n), START).expect("it has them");
        let (_all, one, _refilled) = (take("all", 4), take("one", 1), take("refilled", 1));
        let now = START + ms(50); // half a permit
        assert!(limiter.try_acquire_many("refilled", limit(4), START + ms(100)).is_ok());

        limiter.set_quota(Quota::per_second(1).burst(8), now).expect("a good quota");
        assert_eq!((limiter.quota(), limiter.len()), (Quota::per_second(1).burst(8), 3));
        let wait = |key: &str| limiter.try_acquire(key, now).unwrap_err().retry_after();
        assert_eq!(wait("all"), Some(ms(500)), "half a permit is there, and the other half is slow");
        let has = |key: &str, n| {
            assert!(limiter.try_acquire_many(key, limit(n), now).is_ok(), "{key} has {n}");
            assert!(limiter.try_acquire(key, now).is_err(), "{key} has no more");
        };
        limiter.give_back("one", one, now); // it is of another quota
        has("one", 3);
        has("new", 8);
        // A smaller burst has no room for more.
        let (more, less) = (Quota::per_second(1).burst(8), Quota::per_second(1).burst(2));
        let limiter = keyed::<String>(rt, more);
        assert!(limiter.try_acquire_many("ann", limit(3), START).is_ok());
        limiter.set_quota(less, START).expect("a good quota");
        assert_eq!(
            limiter.try_acquire_many("ann", limit(3), START).unwrap_err().reason(),
            Reason::TooLarge { capacity: 2 }
        );
        assert!(limiter.try_acquire_many("ann", limit(2), START).is_ok());
        assert!(limiter.try_acquire("ann", START).is_err());
    });
}

#[test]
fn the_same_quota_once_more_changes_nothing() {
    with_rt(|rt| {
        let quota = Quota::per_second(1).burst(2);
        let limiter = keyed::<u8>(rt, quota);
        let permit = limiter.try_acquire(&1, START).expect("it has two");
        limiter.set_quota(quota, START).expect("a good quota");
        limiter.give_back(&1, permit, START);
        assert_eq!(limiter.available(&1, START), 2);
    });
}

#[test]
fn a_key_with_all_of_its_burst_has_all_of_the_new_one_whether_it_is_kept_or_not() {
    with_rt(|rt| {
        let limiter = keyed::<u8>(rt, Quota::per_second(7).burst(2));
        let permit = limiter.try_acquire(&1, START).expect("it has two");
        let refilled = START + permit_time();
        assert_eq!(limiter.len(), 1, "it is kept");
        limiter.set_quota(Quota::per_second(7).burst(5), refilled).expect("a good quota");
        for key in [1, 2] {
            assert!(limiter.try_acquire_many(&key, limit(5), refilled).is_ok());
        }
        assert!(limiter.try_acquire(&1, refilled).is_err());
        limiter.give_back(&1, permit, refilled);
        assert!(limiter.try_acquire(&1, refilled).is_err(), "it was of another quota");
    });
}

/// A seventh of a second, rounded up to nanoseconds.
fn permit_time() -> Duration {
    Duration::from_nanos(142_857_143)
}

#[test]
fn a_quota_that_makes_no_sense_changes_nothing() {
    with_rt(|rt| {
        let limiter = keyed::<u8>(rt, Quota::per_second(7));
        for (quota, field) in [(Quota::strict(5, ms(1)), "quota"), (Quota::per_second(0), "permits")] {
            assert_eq!(limiter.set_quota(quota, START).unwrap_err().field(), Some(field));
        }
        assert_eq!(limiter.quota(), Quota::per_second(7));
        assert!(limiter.try_acquire(&1, START).is_ok());
        assert!(is_limited(&limiter.try_acquire(&1, START).unwrap_err()));
    });
}

#[test]
fn what_is_given_back_is_what_has_not_come_back_by_itself() {
    with_rt(|rt| {
        let limiter = keyed::<u8>(rt, Quota::per_second(10).burst(2));
        let both = limiter.try_acquire_many(&1, limit(2), START).expect("it has two");
        assert_eq!(both.count(), 2);
        limiter.give_back(&1, both, START);
        assert!(limiter.try_acquire_many(&1, limit(2), START).is_ok(), "as if it had not been taken");

        // After half of its time half of it.
        let permit = limiter.try_acquire(&2, START).expect("it has two");
        assert!(limiter.try_acquire(&2, START).is_ok());
        limiter.give_back(&2, permit, START + ms(50));
        assert!(limiter.try_acquire(&2, START + ms(50)).is_ok());
        let refused = limiter.try_acquire(&2, START + ms(50)).unwrap_err();
        assert_eq!(refused.retry_after(), Some(ms(100)));

        // After all of it nothing, though the others are still missing.
        let permits = [(); 2].map(|()| limiter.try_acquire(&3, START).expect("it has two"));
        for permit in permits {
            limiter.give_back(&3, permit, START + ms(100));
        }
        assert!(limiter.try_acquire(&3, START + ms(100)).is_ok());
        assert!(limiter.try_acquire(&3, START + ms(100)).is_err());
    });
}

#[test]
fn nothing_goes_back_to_whom_it_was_not_taken_from() {
    with_rt(|rt| {
        let limiter = keyed::<u8>(rt, Quota::per_second(10));
        let other = keyed::<u8>(rt, Quota::per_second(10));
        let take = |key: u8| limiter.try_acquire(&key, START).expect("it has one");
        let (one, two) = (take(1), take(2));
        limiter.give_back(&2, one, START);
        other.give_back(&1, two, START);
        assert!(limiter.try_acquire(&1, START).is_err() && limiter.try_acquire(&2, START).is_err());
        // Forgotten, and new again.
        let permit = take(3);
        limiter.retain(|key| *key != 3);
        limiter.give_back(&3, permit, START);
        assert_eq!(limiter.len(), 2, "it is not there");
        let permit = take(4);
        limiter.retain(|key| *key != 4);
        let _again = take(4);
        limiter.give_back(&4, permit, START);
        assert!(limiter.try_acquire(&4, START).is_err());
        // Nobody was.
        let permit = take(5);
        limiter.retain(|_| true);
        limiter.prune(START);
        limiter.give_back(&5, permit, START);
        assert!(limiter.try_acquire(&5, START).is_ok());
    });
}

/// Whose keys are dropped may use the limiter: no lock is held.
#[test]
fn threads_that_change_it_and_threads_that_take() {
    with_rt(|rt| {
        let limiter = keyed::<u64>(rt, Quota::per_second(10).burst(4));
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let limiter = &limiter;
                scope.spawn(move || {
                    for turn in 0..2_000_u64 {
                        let now = START + ms(turn);
                        match thread {
                            0 => {
                                let quota = Quota::per_second(10).burst(1 + (turn % 4) as u32);
                                limiter.set_quota(quota, now).expect("a good quota");
                                assert_eq!(limiter.quota(), quota);
                            }
                            _ => match limiter.try_acquire(&(turn % 50), now) {
                                Ok(permit) if turn % 3 == 0 => limiter.give_back(&(turn % 50), permit, now),
                                Ok(permit) => assert_eq!(permit.count(), 1),
                                Err(rejected) => assert!(is_limited(&rejected)),
                            },
                        }
                    }
                });
            }
        });
        assert!(limiter.len() <= 50);
        limiter.prune(START + HOUR);
        assert!(limiter.is_empty());
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    /// Each key is limited as by a limiter of its own, whatever is forgotten in between.
    #[test]
    fn a_key_is_as_a_limiter_of_its_own(
        burst in 1..4_u32,
        steps in proptest::collection::vec((0..40_u16, 0..60_000_000_u64, 1..4_usize, 0..30_u8), 1..300),
    ) {
        let steps = std::sync::Arc::new(steps);
        with_rt(move |rt| {
            let mut quota = Quota::per_second(7).burst(burst);
            let (keyed, mut model) = (keyed::<u16>(rt, quota), BTreeMap::<u16, RateLimiter>::new());
            let mut now = 0;
            for (key, pause, n, what) in steps.iter() {
                now += pause;
                let at = Instant::from_nanos(now);
                match what {
                    0 => keyed.prune(at),
                    1 => {
                        keyed.retain(|kept| kept != key);
                        model.remove(key);
                    }
                    2 => {
                        let burst = quota.max_burst();
                        quota = Quota::per_second(1 + u32::from(*key)).burst(*n as u32);
                        keyed.set_quota(quota, at).expect("a good quota");
                        // Who is as good as new has all of the new burst.
                        for alone in model.values_mut() {
                            if alone.available(at) == u64::from(burst) {
                                *alone = limiter(quota);
                            } else {
                                alone.set_quota(quota, at).expect("a good quota");
                            }
                        }
                    }
                    _ => {
                        let alone = model.entry(*key).or_insert_with(|| limiter(quota));
                        let outcome = keyed.try_acquire_many(key, limit(*n), at);
                        assert_eq!(outcome.map(drop), alone.try_acquire_many(limit(*n), at).map(drop));
                    }
                }
                assert!(keyed.len() <= model.len());
            }
        });
    }

    /// What is used, and not given back, is never more than the burst and the rate allow.
    #[test]
    fn whatever_is_given_back_the_rest_keeps_to_the_quota(
        burst in 1..5_u32,
        steps in proptest::collection::vec((0..100_u64, any::<bool>(), any::<proptest::sample::Index>()), 1..120),
    ) {
        let steps = std::sync::Arc::new(steps);
        with_rt(move |rt| {
            let keyed = keyed::<u8>(rt, Quota::per_second(10).burst(burst)); // one in 100 ms
            let (mut now, mut used, mut kept) = (START, Vec::new(), Vec::new());
            for (pause, takes, which) in steps.iter() {
                now += ms(*pause);
                if *takes {
                    kept.extend(keyed.try_acquire(&0, now).map(|permit| (now, permit)));
                } else if !kept.is_empty() {
                    let (_, permit) = kept.swap_remove(which.index(kept.len()));
                    keyed.give_back(&0, permit, now);
                }
                // Some are used, which can't come back.
                if which.index(3) == 0 && !kept.is_empty() {
                    used.push(kept.swap_remove(0).0);
                }
            }
            used.extend(kept.into_iter().map(|(at, _)| at));
            used.sort_unstable();
            for (first, from) in used.iter().enumerate() {
                for (count, to) in (1..).zip(&used[first..]) {
                    let most = u64::from(burst) + (*to - *from).as_millis() as u64 / 100;
                    assert!(count <= most, "{count} within {:?}", *to - *from);
                }
            }
        });
    }
}

#[test]
fn nothing_goes_back_to_any_other_key() {
    with_rt(|rt| {
        let limiter = keyed::<u32>(rt, Quota::per_hour(1).burst(1_000));
        for key in 0..300 {
            assert!(limiter.try_acquire(&key, START).is_ok());
        }
        for from in 0..300 {
            for to in (0..300).filter(|to| *to != from) {
                let permit = limiter.try_acquire(&from, START).expect("there are a thousand");
                limiter.give_back(&to, permit, START);
            }
        }
        // Many of them are beside each other in the table.
        for key in 0..300 {
            assert_eq!(limiter.available(&key, START), 700, "{key}");
        }
    });
}
