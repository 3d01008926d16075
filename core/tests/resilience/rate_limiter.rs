//! The rate limiter: what it grants, who waits, what comes back.

mod keyed;
mod observed;
mod owned;
mod pipeline;
mod settle;
mod snapshot;
mod waiting;

use backstay_core::Limit;
use backstay_core::resilience::{PolicyKind, Quota, RateLimiter, RatePermit, Reason, Rejected, Reservation};
use backstay_core::time::Instant;
use proptest::prelude::*;
use std::time::Duration;

const START: Instant = Instant::ORIGIN;
const HOUR: Duration = Duration::from_secs(3_600);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("not zero")
}

fn limiter(quota: Quota) -> RateLimiter {
    RateLimiter::new(quota).expect("a good quota")
}

fn is_limited(rejected: &Rejected) -> bool {
    rejected.reason() == Reason::RateLimited
}

/// How many of so many tries, each so long after the one before, are granted.
fn polled(limiter: &RateLimiter, each: Duration, tries: u32) -> u32 {
    (0..tries).filter(|turn| limiter.try_acquire(START + each * *turn).is_ok()).count() as u32
}

#[test]
fn a_burst_and_then_the_rate() {
    let limiter = limiter(Quota::per_second(10).burst(3));
    let at = |ms| START + Duration::from_millis(ms);
    let granted: Vec<_> = (0..1_000).filter(|ms| limiter.try_acquire(at(*ms)).is_ok()).collect();
    assert_eq!(granted, [0, 1, 2, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
}

#[test]
fn b25_a_hint_is_rounded_up_and_never_zero() {
    let limiter = limiter(Quota::new(3, Duration::from_nanos(10)));
    let _first = limiter.try_acquire(START).expect("there is one");
    let rejected = limiter.try_acquire(START).unwrap_err();
    assert!(is_limited(&rejected));
    assert_eq!(rejected.retry_after(), Some(Duration::from_nanos(4)));
    assert!(limiter.try_acquire(START + Duration::from_nanos(3)).is_err());
    assert!(limiter.try_acquire(START + Duration::from_nanos(4)).is_ok());
    // The lateness of a nanosecond's part is not lost: 10, 20, … ns have their three each.
    let granted: Vec<_> =
        (5..31).filter(|at| limiter.try_acquire(Instant::from_nanos(*at)).is_ok()).collect();
    assert_eq!(granted, [7, 10, 14, 17, 20, 24, 27, 30]);
}

#[test]
fn b25_never_more_is_saved_than_the_burst() {
    let limiter = limiter(Quota::per_second(100).burst(5));
    for at in [START, START + HOUR, START + HOUR * 9_000] {
        assert_eq!(limiter.available(at), 5);
        assert!(limiter.try_acquire_many(limit(5), at).is_ok());
        assert!(limiter.try_acquire(at).is_err());
    }
    // A clock that is behind gains nothing.
    assert!(limiter.try_acquire(START).is_err());
}

#[test]
fn b26_a_refusal_changes_nothing() {
    let limiter = limiter(Quota::per_second(10).burst(4));
    let _taken = limiter.try_acquire_many(limit(3), START).expect("it is full");
    let hint = limiter.try_acquire_many(limit(3), START).unwrap_err().retry_after();
    assert_eq!(hint, Some(ms(200)));
    for _ in 0..10 {
        assert_eq!(limiter.try_acquire_many(limit(3), START).unwrap_err().retry_after(), hint);
        assert!(limiter.try_acquire_many(limit(5), START).is_err());
    }
    assert_eq!(limiter.available(START), 1);
    assert!(limiter.try_acquire(START).is_ok());
}

#[test]
fn b27_rate_and_burst_are_two_things() {
    let quota = Quota::per_second(100);
    assert_eq!((quota.permits(), quota.per(), quota.max_burst()), (100, Duration::from_secs(1), 1));
    assert_eq!(polled(&limiter(quota), Duration::ZERO, 10), 1);
    assert_eq!(polled(&limiter(quota.burst(7)), Duration::ZERO, 10), 7);
    assert_eq!(Quota::per_minute(3), Quota::new(3, Duration::from_secs(60)));
    assert_eq!(Quota::per_hour(3), Quota::new(3, HOUR));
    assert_eq!(quota.burst(7).to_string(), "100 in 1s, 7 at once");
}

#[test]
fn b27_a_strict_window_never_has_more() {
    let second = Duration::from_secs(1);
    let limiter = limiter(Quota::strict(10, second));
    assert_eq!(limiter.quota().burst(99), limiter.quota(), "the window's is its burst");
    assert_eq!(limiter.quota().to_string(), "never more than 10 in 1s");
    // A burst at the end of one second and one at the beginning of the next: what a fixed window lets through.
    let late = START + ms(999);
    assert_eq!((0..20).filter(|_| limiter.try_acquire(late).is_ok()).count(), 10);
    let rejected = limiter.try_acquire(START + second).unwrap_err();
    assert_eq!(rejected.retry_after(), Some(ms(999)));
    assert_eq!(
        limiter.try_acquire_many(limit(11), late).unwrap_err().reason(),
        Reason::TooLarge { capacity: 10 }
    );
    assert!(limiter.try_acquire_many(limit(10), late + second).is_ok());
}

#[test]
fn b28_a_permit_is_one_call_and_can_be_given_back() {
    let limiter = limiter(Quota::per_minute(2).burst(2));
    let permit = limiter.try_acquire_many(limit(2), START).expect("it is full");
    assert_eq!(permit.count(), 2);
    assert_eq!(limiter.available(START), 0);
    permit.give_back(START);
    assert_eq!(limiter.available(START), 2);
    drop(limiter.try_acquire(START));
    assert_eq!(limiter.available(START), 1, "dropped, it was used");
}

#[test]
fn d17_more_than_the_burst_is_refused_whatever_its_product_is() {
    let limiter = limiter(Quota::per_hour(1).burst(10));
    for n in [11, 5_124_097, usize::MAX] {
        let rejected = limiter.try_acquire_many(limit(n), START).unwrap_err();
        assert_eq!(rejected.reason(), Reason::TooLarge { capacity: 10 });
        assert_eq!(rejected.retry_after(), None, "it is never worth coming back");
        let rejected = limiter.reserve(limit(n), START).unwrap_err();
        assert_eq!(rejected.reason(), Reason::TooLarge { capacity: 10 });
    }
    assert_eq!(limiter.available(START), 10);
}

#[test]
fn d18_what_can_not_be_counted_is_refused_when_it_is_built() {
    let day = HOUR * 24;
    let year = day * 365;
    assert_eq!(RateLimiter::named("mail").build().unwrap_err().field(), Some("quota"));
    for (quota, field) in [
        (Quota::new(1, day).burst(u32::MAX), "burst"),
        (Quota::new(1, year).burst(37), "burst"),
        (Quota::per_second(0), "permits"),
        (Quota::per_second(1).burst(0), "burst"),
        (Quota::per_second(1_000_000_001), "permits"),
        (Quota::new(1, Duration::ZERO), "per"),
        (Quota::new(1, Duration::MAX), "per"),
        (Quota::new(1, year * 37), "per"),
        (Quota::strict(0, day), "permits"),
        (Quota::strict(Quota::MAX_STRICT + 1, day), "permits"),
        (Quota::strict(1, Duration::ZERO), "per"),
    ] {
        let error = RateLimiter::new(quota).unwrap_err();
        assert_eq!(error.field(), Some(field), "{quota}: {error}");
        let working = limiter(Quota::per_second(1));
        assert!(working.set_quota(quota, START).is_err());
        assert_eq!(working.quota(), Quota::per_second(1));
    }
    for quota in [
        Quota::new(1, year).burst(36),
        Quota::new(1_000_000_000, Duration::from_secs(1)).burst(u32::MAX),
        Quota::per_second(u32::MAX / 5).burst(u32::MAX),
        Quota::strict(Quota::MAX_STRICT, year * 36),
    ] {
        let limiter = limiter(quota);
        let all = limit(quota.max_burst() as usize);
        assert!(limiter.try_acquire_many(all, START).is_ok());
        assert!(limiter.try_acquire(START).is_err());
    }
}

#[test]
fn d34_ten_in_a_second_are_ten_in_any() {
    // The peer grants one at 0 and the rest at the boundary.
    for quota in [Quota::per_second(10), Quota::strict(10, Duration::from_secs(1))] {
        let limiter = limiter(quota);
        let clone = limiter.clone();
        let at = |ms: u64| START + Duration::from_millis(ms);
        let tries = [0].into_iter().chain(900..2_200);
        let granted: Vec<_> = tries.filter(|ms| clone.try_acquire(at(*ms)).is_ok()).collect();
        for (first, from) in granted.iter().enumerate() {
            let within = granted[first..].iter().take_while(|at| **at < from + 1_000).count();
            assert!(within <= 10, "{granted:?}");
        }
        assert!(limiter.try_acquire(at(2_200)).is_ok() || quota.is_strict());
    }
}

#[test]
fn d35_waiting_as_long_as_one_is_told_is_enough() {
    for permits in [7, 9, 11, 13, 999_983] {
        let limiter = limiter(Quota::per_second(permits));
        let mut now = START + ms(12_345);
        for _ in 0..1_000 {
            if let Err(rejected) = limiter.try_acquire(now) {
                now += rejected.retry_after().expect("it knows");
                assert!(limiter.try_acquire(now).is_ok());
            }
        }
    }
}

#[test]
fn d36_a_remainder_is_not_lost_between_looks() {
    for each in [ms(86), ms(172)] {
        let limiter = limiter(Quota::new(1, HOUR * 24));
        let looks = (4 * 24 * 3_600_000) / each.as_millis() as u64;
        let granted =
            (0..looks).filter(|look| limiter.try_acquire(START + ms(look * each.as_millis() as u64)).is_ok());
        assert_eq!(granted.count(), 4, "one a day in four days");
    }
}

#[test]
fn d37_a_new_rate_does_not_count_for_the_time_before() {
    let limiter = limiter(Quota::per_second(1).burst(1_000));
    assert!(limiter.try_acquire_many(limit(1_000), START).is_ok());
    let now = START + Duration::from_secs(10);
    limiter.set_quota(Quota::per_second(100).burst(1_000), now).expect("a good quota");
    assert_eq!(limiter.available(now), 10);
    assert_eq!(limiter.available(now + ms(100)), 20);
    // And back, with the part of one that had been refilled.
    let now = now + ms(105);
    limiter.set_quota(Quota::per_second(1).burst(3), now).expect("a good quota");
    assert_eq!(limiter.available(now), 3, "no more than its burst");
    assert!(limiter.try_acquire_many(limit(3), now).is_ok());
    assert_eq!(limiter.try_acquire(now).unwrap_err().retry_after(), Some(Duration::from_secs(1)));
}

#[test]
fn what_was_taken_before_does_not_come_back_however_often_the_quota_was_changed() {
    let quotas = [Quota::per_hour(1).burst(2), Quota::per_second(1).burst(2)];
    for changes in 1..200 {
        let limiter = limiter(quotas[0]);
        let permit = limiter.try_acquire(START).expect("it has two");
        for change in 1..=changes {
            limiter.set_quota(quotas[change % 2], START).expect("a good quota");
        }
        permit.give_back(START);
        assert_eq!(limiter.available(START), 1, "{changes}");
    }
}

#[test]
fn d38_whoever_looks_later_than_it_could_loses_nothing() {
    let turns = 10_000;
    assert_eq!(polled(&limiter(Quota::new(1, ms(10))), Duration::from_micros(10_900), turns), turns);
    assert_eq!(polled(&limiter(Quota::new(1, ms(1))), Duration::from_micros(1_900), turns), turns);
    // With a burst, whoever is late now and then catches up.
    let limiter = limiter(Quota::new(1, ms(10)).burst(2));
    let granted = (0..1_000).map(|turn| START + ms(10) * turn + ms(9) * (turn % 2));
    assert_eq!(granted.filter(|at| limiter.try_acquire(*at).is_ok()).count(), 1_000);
}

#[test]
fn a_refusal_names_the_limiter() {
    let limiter = RateLimiter::named("mail").quota(Quota::per_second(1)).build().expect("a good quota");
    let _permit = limiter.try_acquire(START).expect("there is one");
    let rejected = limiter.try_acquire(START).unwrap_err();
    assert_eq!((rejected.policy(), rejected.name()), (PolicyKind::RateLimiter, "mail"));
    assert_eq!(
        rejected.to_string(),
        "rate limiter `mail` refused the call: the rate is used up; try again in 1s"
    );
}

#[test]
fn reservations_have_times_and_can_be_cancelled() {
    let limiter = limiter(Quota::per_second(2).burst(2));
    let mut reserved: Vec<_> =
        [2, 1, 1, 2, 1].map(|n| limiter.reserve(limit(n), START).expect("no limit to waiting")).into();
    let times: Vec<_> = reserved.iter().map(|reservation| reservation.ready_at() - START).collect();
    assert_eq!(times, [0, 500, 1_000, 2_000, 2_500].map(ms));
    assert_eq!(limiter.try_acquire(START).unwrap_err().retry_after(), Some(ms(3_000)));
    // The last gives back all of its own.
    reserved.pop().expect("five").cancel(START);
    assert_eq!(limiter.try_acquire(START).unwrap_err().retry_after(), Some(ms(2_500)));
    // Behind the second there is one of two, which could not be saved together with its own.
    drop(reserved.remove(1));
    assert_eq!(limiter.try_acquire(START).unwrap_err().retry_after(), Some(ms(2_500)));
    assert_eq!(reserved.remove(0).commit(), START);
    let _kept: Vec<_> = reserved.into_iter().map(|reservation| reservation.commit()).collect();
    assert_eq!(limiter.try_acquire(START).unwrap_err().retry_after(), Some(ms(2_500)));
    assert!(limiter.try_acquire(START + ms(2_500)).is_ok());
}

#[test]
fn reservations_are_not_further_away_than_anybody_may_wait() {
    let limiter = RateLimiter::named("test")
        .quota(Quota::per_second(1))
        .max_wait(ms(1_000))
        .build()
        .expect("a good quota");
    let _first = limiter.reserve(Limit::ONE, START).expect("at once");
    let second = limiter.reserve(Limit::ONE, START).expect("as long as it may be");
    assert_eq!(second.count(), 1);
    let rejected = limiter.reserve(Limit::ONE, START).unwrap_err();
    assert!(is_limited(&rejected));
    assert_eq!(rejected.retry_after(), Some(ms(2_000)));
    drop(second);
    assert!(limiter.reserve(Limit::ONE, START).is_ok());
    // Nor beyond what can be counted.
    let limiter = self::limiter(Quota::new(1, HOUR * 24 * 365 * 30));
    let far: Vec<_> = (0..10).map_while(|_| limiter.reserve(Limit::ONE, START).ok()).collect();
    assert_eq!(far.len(), 2, "the third would be in sixty years");
}

#[test]
fn batches_take_several_and_give_back_what_they_hold() {
    let limiter = limiter(Quota::per_second(100).burst(20));
    let mut batched = limiter.batched(limit(8));
    let clock = std::cell::Cell::new(0);
    let now = || {
        clock.set(clock.get() + 1);
        START
    };
    // Eight, eight, and of the four that are left not more.
    assert_eq!((0..30).filter(|_| batched.try_acquire(now).is_ok()).count(), 20);
    assert_eq!(clock.get(), 3 + 10, "the clock is read for a batch, and for each that is refused");
    assert_eq!(batched.try_acquire(now).unwrap_err().retry_after(), Some(ms(10)));
    let later = START + ms(200);
    assert!(batched.try_acquire(|| later).is_ok());
    assert_eq!((batched.held(), limiter.available(later)), (7, 12));
    batched.give_back(later);
    assert_eq!((batched.held(), limiter.available(later)), (0, 19));
    assert!(batched.try_acquire(|| later).is_ok());
    drop(batched);
    assert_eq!(limiter.available(later), 18);
}

/// What came of a random trace: when each was granted.
fn trace(limiter: &RateLimiter, steps: &[(u64, usize)]) -> Vec<(u64, u64)> {
    let mut now = 0;
    let mut granted = Vec::new();
    for (pause, n) in steps {
        now += pause;
        if let Ok(permit) = limiter.try_acquire_many(limit(*n), Instant::from_nanos(now)) {
            granted.push((now, permit.count()));
        }
    }
    granted
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn b25_no_interval_of_a_random_trace_has_more_than_its_share(
        permits in 1..2_000_u32,
        burst in 1..8_u32,
        strict in any::<bool>(),
        steps in proptest::collection::vec((0..20_000_000_u64, 1..8_usize), 1..150),
    ) {
        let second = Duration::from_secs(1);
        let quota = if strict { Quota::strict(burst, ms(20)) } else { Quota::new(permits, second).burst(burst) };
        let granted = trace(&limiter(quota), &steps);
        for from in 0..granted.len() {
            let mut all = 0;
            for (at, n) in &granted[from..] {
                all += n;
                let nanos = at - granted[from].0 + 1;
                if strict {
                    prop_assert!(nanos > 20_000_000 || all <= u64::from(burst));
                } else {
                    let more = u128::from(all.saturating_sub(burst.into()));
                    prop_assert!(more * 1_000_000_000 <= u128::from(nanos) * u128::from(permits));
                }
            }
        }
    }
}

#[test]
fn what_is_given_back_by_a_clock_that_is_behind_makes_not_too_much() {
    for burst in 1..4 {
        let limiter = limiter(Quota::per_second(1_000).burst(burst));
        let slow = limiter.try_acquire(START + ms(100)).expect("it is full");
        // Others are further on, and took what came meanwhile.
        let later = START + ms(104);
        let others = (0..9).filter(|_| limiter.try_acquire(later).is_ok()).count();
        assert_eq!(others, burst as usize);
        slow.give_back(START + ms(100));
        assert!(limiter.try_acquire(later).is_err(), "{burst} at once");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    /// Whatever is taken, reserved and cancelled, early or late, in batches or not: what is used keeps to the quota.
    #[test]
    fn b25_what_is_given_back_anyhow_makes_not_too_much(
        permits in prop_oneof![Just(7_u32), Just(100), Just(999)],
        burst in 1..8_u32,
        strict in any::<bool>(),
        steps in proptest::collection::vec((0..30_u64, 1..8_usize, 0..6_u8, any::<usize>()), 1..80),
    ) {
        let second = Duration::from_secs(1);
        let window = ms(1_000 * u64::from(burst) / u64::from(permits));
        let quota = if strict { Quota::strict(burst, window) } else { Quota::new(permits, second).burst(burst) };
        let limiter = limiter(quota);
        let mut batched = limiter.batched(limit(4));
        let (mut now, mut used, mut reserved) = (0, Vec::new(), Vec::new());
        let mut held: Vec<RatePermit<'_>> = Vec::new();
        let mut batch_at = 0;
        for (pause, n, what, which) in steps {
            now += pause.saturating_sub(15) * 1_000_000_000 / u64::from(permits) / 6;
            let at = Instant::from_nanos(now);
            // Used when their time has come, some of them.
            let (come, rest): (Vec<_>, Vec<_>) =
                reserved.drain(..).partition(|reservation: &Reservation| reservation.ready_at() <= at);
            reserved = rest;
            used.extend(come.into_iter().map(|come| (come.count(), come.commit())).map(|(n, at)| (at.as_nanos(), n)));
            match what {
                0 => used.extend(limiter.try_acquire_many(limit(n), at).ok().map(|permit| (now, permit.count()))),
                1 => held.extend(limiter.try_acquire_many(limit(n), at).ok()),
                2 => reserved.extend(limiter.reserve(limit(n), at).ok()),
                3 if !reserved.is_empty() => {
                    let one = reserved.swap_remove(which % reserved.len());
                    if n % 2 == 0 { one.cancel(at) } else { drop(one) }
                }
                4 if !held.is_empty() => held.swap_remove(which % held.len()).give_back(at),
                5 => {
                    // It may use them later, by its slack: they count from when they were taken.
                    if batched.held() == 0 {
                        batch_at = now;
                    }
                    if batched.try_acquire(|| at).is_ok() {
                        used.push((batch_at, 1));
                    }
                    if n == 1 {
                        batched.give_back(at);
                    }
                }
                _ => {}
            }
        }
        used.extend(reserved.into_iter().map(|one| (one.count(), one.commit())).map(|(n, at)| (at.as_nanos(), n)));
        used.sort_unstable();
        for from in 0..used.len() {
            let mut all = 0;
            for (at, n) in &used[from..] {
                all += n;
                let nanos = at - used[from].0 + 1;
                if strict {
                    prop_assert!(u128::from(nanos) > window.as_nanos() || all <= u64::from(burst), "{used:?}");
                } else {
                    let more = u128::from(all.saturating_sub(burst.into()));
                    prop_assert!(more * 1_000_000_000 <= u128::from(nanos) * u128::from(permits), "{used:?}");
                }
            }
        }
    }
}
