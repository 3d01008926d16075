//! What a call took in the end, and who pays for it.

use super::{START, is_limited, limit, limiter, ms};
use crate::kit::{on_sim, secs};
use backstay_core::Runtime;
use backstay_core::resilience::{KeyedRateLimiter, Quota, RateLimiter};
use backstay_core::time::Instant;
use proptest::prelude::*;
use std::time::Duration;

fn at(seconds: u64) -> Instant {
    START + secs(seconds)
}

#[test]
fn what_was_taken_too_much_goes_back_and_what_was_taken_too_little_is_owed() {
    let it = limiter(Quota::per_second(1).burst(10));
    it.try_acquire_many(limit(6), START).expect("ten").settle(2, START);
    assert_eq!(it.available(START), 8);
    it.try_acquire_many(limit(3), START).expect("eight").settle(3, START);
    it.try_acquire(START).expect("five").settle(25, START);
    // Twenty are owed, and one is wanted.
    let refused = it.try_acquire(START).unwrap_err();
    assert!(is_limited(&refused));
    assert_eq!(refused.retry_after(), Some(secs(21)));
    assert_eq!([20, 21, 30, 99].map(|seconds| it.available(at(seconds))), [0, 1, 10, 10]);
    // All of it is used, or nothing.
    it.try_acquire_many(limit(9), at(100)).expect("ten").settle(0, at(100));
    assert_eq!(it.available(at(100)), 10);
}

#[test]
fn what_has_come_back_since_is_not_given_back_once_more() {
    let it = limiter(Quota::per_second(1).burst(10));
    let permit = it.try_acquire_many(limit(8), START).expect("ten");
    // Five of the eight are there again; had it taken two, there would be all ten since the second second.
    permit.settle(2, at(5));
    assert_eq!(it.available(at(5)), 10);
    let permit = it.try_acquire_many(limit(10), at(5)).expect("ten");
    let _other = it.try_acquire_many(limit(4), at(9)).expect("four have come back");
    permit.settle(7, at(9));
    assert_eq!(it.available(at(9)), 3);
}

#[test]
fn a_debt_of_another_takes_nothing_from_who_gives_back() {
    let it = limiter(Quota::per_second(1).burst(10));
    let (mine, other) = (it.try_acquire_many(limit(5), START), it.try_acquire_many(limit(5), START));
    other.expect("ten").settle(20, START);
    mine.expect("five").settle(1, START);
    // 21 of ten.
    let refused = it.try_acquire(START).unwrap_err();
    assert_eq!(refused.retry_after(), Some(secs(12)));
    // Nor does it after somebody has paid.
    let (mine, other) = (it.try_acquire_many(limit(2), at(20)), it.try_acquire(at(20)));
    other.expect("nine").settle(3, at(20));
    let _third = it.try_acquire(at(20)).expect("four");
    mine.expect("nine").settle(1, at(20));
    assert_eq!(it.available(at(20)), 4);
}

#[test]
fn no_number_is_too_large_and_windows_owe_too() {
    for quota in [Quota::per_second(1).burst(3), Quota::strict(3, secs(10))] {
        for debt in [u64::MAX, 1 << 40] {
            let it = limiter(quota);
            it.try_acquire(START).expect("three").settle(debt, START);
            it.try_acquire(START).expect_err("it owes");
            assert_eq!(it.available(at(3_600)), 0);
            it.reserve(limit(1), at(1)).map(drop).unwrap_or_default();
            it.set_quota(Quota::per_second(5), at(2)).expect("a good quota");
            it.set_quota(Quota::strict(2, secs(1)), at(3)).expect("a good quota");
        }
    }
    let it = limiter(Quota::strict(3, secs(10)));
    it.try_acquire(START).expect("three").settle(5, START);
    // Three in the first window, and two in the next.
    let refused = it.try_acquire(START).unwrap_err();
    assert_eq!(refused.retry_after(), Some(secs(10)));
    assert_eq!([9, 10, 20].map(|seconds| it.available(at(seconds))), [0, 1, 3]);
    let permit = it.try_acquire_many(limit(3), at(100)).expect("three");
    permit.settle(1, at(100));
    assert_eq!(it.available(at(100)), 2);
}

#[test]
fn who_waits_waits_until_it_is_paid_and_goes_earlier_if_something_goes_back() {
    on_sim(async |rt| {
        let it = limiter(Quota::per_second(1).burst(10));
        let cheap = it.acquire_owned(&rt).await.expect("ten");
        let dear = it.try_acquire_many(limit(9), rt.now()).expect("nine");
        let (waits, more) = (
            rt.spawn({
                let (rt, it) = (rt.clone(), it.clone());
                async move {
                    let _ = it.acquire(&rt).await.expect("it waits");
                    rt.now()
                }
            }),
            rt.spawn({
                let (rt, it) = (rt.clone(), it.clone());
                async move {
                    rt.sleep(ms(1)).await;
                    let _ = it.acquire_many(&rt, limit(2)).await.expect("it waits");
                    rt.now()
                }
            }),
        );
        rt.sleep(ms(500)).await;
        dear.settle(14, rt.now());
        assert_eq!(waits.await.expect("no panic"), at(6));
        // It has come back meanwhile.
        cheap.settle(0, rt.now());
        assert_eq!(more.await.expect("no panic"), at(8));
    });
}

#[test]
fn who_is_told_of_a_limiter_that_owes_is_told_when_it_is_paid() {
    for quota in [Quota::per_second(1).burst(5), Quota::strict(5, secs(5))] {
        let it = limiter(quota);
        it.try_acquire(START).expect("five").settle(15, START);
        let told = it.told("api", START);
        assert_eq!((told.remaining, told.reset), (Some(0), Some(secs(15))), "{quota}");
        // So it is where it was taken for times to come.
        let it = limiter(quota);
        for _ in 0..3 {
            it.reserve(limit(5), START).expect("it waits").commit();
        }
        assert_eq!(it.told("api", START).reset, Some(secs(15)), "{quota}");
    }
    on_sim(async |rt| {
        let it = KeyedRateLimiter::<u32>::new(&rt, Quota::per_second(1).burst(5)).expect("a good quota");
        it.settle(&1, it.try_acquire(&1, rt.now()).expect("five"), 15, rt.now());
        assert_eq!(it.told(&1, "api", rt.now()).reset, Some(secs(15)));
        assert_eq!(it.told(&2, "api", rt.now()).reset, Some(secs(0)));
    });
}

#[test]
fn a_key_owes_by_itself() {
    on_sim(async |rt| {
        let it =
            KeyedRateLimiter::<u32>::named("keys").quota(Quota::per_second(1).burst(5)).max_keys(limit(2));
        let it = it.build(&rt).expect("it is good");
        let four = it.try_acquire_many(&1, limit(4), rt.now()).expect("five");
        it.settle(&1, four, 1, rt.now());
        assert_eq!([1, 2].map(|key| it.available(&key, rt.now())), [4, 5]);
        let four = it.try_acquire_many(&1, limit(4), rt.now()).expect("four");
        rt.sleep(secs(3)).await;
        // One is still lacking of the four.
        it.settle(&1, four, 0, rt.now());
        assert_eq!(it.available(&1, rt.now()), 4);
        let one = it.try_acquire(&1, rt.now()).expect("four");
        it.settle(&1, one, 10, rt.now());
        assert_eq!(it.try_acquire(&1, rt.now()).unwrap_err().retry_after(), Some(secs(7)));
        // A key that was forgotten is kept again.
        let one = it.try_acquire(&2, rt.now()).expect("five");
        it.retain(|_| false);
        it.settle(&2, one, 9, rt.now());
        assert_eq!((it.available(&2, rt.now()), it.len()), (0, 1));
        // Up to the most there may be.
        let one = it.try_acquire(&3, rt.now()).expect("five");
        it.retain(|key| *key != 3);
        let _two = [4].map(|key| it.try_acquire(&key, rt.now()).expect("five"));
        it.settle(&3, one, u64::MAX, rt.now());
        assert_eq!((it.available(&3, rt.now()), it.len()), (5, 2));
        it.settle(&4, it.try_acquire(&4, rt.now()).expect("four"), u64::MAX, rt.now());
        assert_eq!(it.available(&4, rt.now() + secs(1 << 30)), 0);
    });
}

/// What there is, in parts of a permit: exact, by everything that was ever used.
#[derive(Clone, Debug)]
struct Model {
    permits: u128,
    per: u128,
    burst: u128,
    /// When, and how much in the end.
    uses: Vec<(Instant, u64)>,
}

impl Model {
    /// Had it been known from the beginning: what there is. The limiter counts finer than in nanoseconds, and so each time
    /// may be one nanosecond later in truth.
    fn available(&self, now: Instant, later: u128) -> u64 {
        let full = (self.burst * self.per + later * self.permits) as i128;
        let (mut level, mut last) = (full, START);
        for (at, used) in self.uses.iter().chain([&(now, 0)]) {
            level += ((*at - last).as_nanos() * self.permits) as i128;
            level = level.min(full);
            level -= i128::from(*used) * self.per as i128;
            last = *at;
        }
        u64::try_from(level.max(0) / self.per as i128).unwrap_or(0)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(800) })]

    /// Nothing is there twice; and nothing is lost, as long as what was taken too much goes back before it has been refilled.
    #[test]
    fn b25_what_there_is_is_what_was_used(
        permits in 1..20_u32,
        per in 1..3_000_u64,
        burst in 1..30_u32,
        steps in proptest::collection::vec((0..4_u8, 1..12_usize, 0..20_u64, 0..2_000_u64), 1..60),
    ) {
        prop_assume!(u64::from(permits) <= per);
        let quota = Quota::new(permits, Duration::from_nanos(per)).burst(burst);
        let it = limiter(quota);
        let mut model =
            Model { permits: permits.into(), per: per.into(), burst: burst.into(), uses: Vec::new() };
        let (mut now, mut under_way, mut is_exact) = (START, Vec::new(), true);
        for (what, n, actual, wait) in steps {
            match what {
                0 | 1 => if let Ok(permit) = it.try_acquire_many(limit(n), now) {
                    under_way.push((permit, model.uses.len()));
                    model.uses.push((now, n as u64));
                }
                2 if !under_way.is_empty() => {
                    let (permit, index) = under_way.remove(n % under_way.len());
                    let taken = permit.count();
                    permit.settle(actual, now);
                    if actual > taken {
                        // What it owes, it owes from now on.
                        model.uses.push((now, actual - taken));
                    } else {
                        is_exact &= actual == taken || model.uses[index].0 == now;
                        model.uses[index].1 = actual;
                    }
                }
                _ => now += Duration::from_nanos(wait),
            }
            let (available, least, most) = (it.available(now), model.available(now, 0), model.available(now, 1));
            prop_assert!(available <= most, "{} of {}", available, most);
            prop_assert!(!is_exact || available >= least, "{} of {}", available, least);
        }
    }

    /// Over any time: the burst, the rate, and what those take too much who are under way.
    #[test]
    fn b25_all_that_was_used_is_within_the_quota_and_an_overshoot_of_each_under_way(
        burst in 1..30_u32,
        at_once in 1..5_usize,
        calls in proptest::collection::vec((1..20_usize, 0..200_u64, 0..900_u64), 1..120),
    ) {
        let it = limiter(Quota::per_second(10).burst(burst));
        let (mut now, mut used, mut overshoots, mut under_way) = (START, 0_u64, Vec::new(), Vec::new());
        for (estimate, actual, wait) in calls {
            now += ms(wait);
            if let Ok(permit) = it.try_acquire_many(limit(estimate.min(burst as usize)), now) {
                under_way.push((permit, actual));
            }
            if under_way.len() == at_once {
                for (permit, actual) in under_way.drain(..) {
                    overshoots.push(actual.saturating_sub(permit.count()));
                    used += actual;
                    permit.settle(actual, now);
                }
                overshoots.sort_unstable();
                let worst: u64 = overshoots.iter().rev().take(at_once).sum();
                let most = u64::from(burst) + (now - START).as_millis() as u64 / 100 + worst;
                prop_assert!(used <= most, "{used} of {most}");
            }
        }
    }

    #[test]
    fn settled_at_once_it_is_as_if_it_had_asked_for_that(n in 1..20_usize, actual in 1..20_usize, wait in 0..5_000_u64) {
        let [settled, asked]: [RateLimiter; 2] = [(); 2].map(|()| limiter(Quota::per_second(3).burst(20)));
        settled.try_acquire_many(limit(n), START).expect("twenty").settle(actual as u64, START);
        let _ = asked.try_acquire_many(limit(actual), START).expect("twenty");
        let now = START + ms(wait);
        prop_assert_eq!(settled.available(now), asked.available(now));
    }
}

#[test]
fn what_was_too_much_is_at_once_whose_turn_it_is() {
    on_sim(|rt| async move {
        let it = RateLimiter::new(Quota::per_minute(1).burst(10)).expect("a good quota");
        let permit = it.try_acquire_many(limit(10), rt.now()).expect("ten");
        let (waits, settles) = (it.acquire_many(&rt, limit(4)), async {
            rt.yield_now().await;
            permit.settle(6, rt.now());
        });
        let (waited, ()) = futures::join!(waits, settles);
        assert!(waited.is_ok());
        assert_eq!(rt.now(), Instant::ORIGIN);
    });
}
