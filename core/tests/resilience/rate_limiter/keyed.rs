//! A limit for each key: apart, forgotten, bounded.

use super::{HOUR, START, is_limited, limit, limiter, ms};
use backstay::testing::{Failure, Sim};
use backstay_core::resilience::{KeyedRateLimiter, Quota, Reason};
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
        let rejected = outcomes[149].unwrap_err();
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
            let quota = Quota::per_second(7).burst(burst);
            let (keyed, mut model) = (keyed::<u16>(rt, quota), BTreeMap::new());
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
                    _ => {
                        let alone = model.entry(*key).or_insert_with(|| limiter(quota));
                        let outcome = keyed.try_acquire_many(key, limit(*n), at);
                        assert_eq!(outcome, alone.try_acquire_many(limit(*n), at).map(drop));
                    }
                }
                assert!(keyed.len() <= model.len());
            }
        });
    }
}
