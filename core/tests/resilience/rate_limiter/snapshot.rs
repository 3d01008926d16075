//! What a limiter has granted, kept over the end of its process.

use super::{HOUR, START, limit, limiter, ms};
use crate::kit::on_sim;
use crate::lock_probe::LockProbe;
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::resilience::{Quota, RateLimiter, RateSnapshot, Reason};
use backstay_core::time::Instant;
use proptest::prelude::*;
use std::pin::pin;
use std::time::Duration;

/// The limiter of the next process, which has what was written.
fn restarted(quota: Quota, kept: &RateSnapshot, now: Instant) -> RateLimiter {
    let text = serde_json::to_string(kept).unwrap();
    let read: RateSnapshot = serde_json::from_str(&text).unwrap();
    assert_eq!(&read, kept, "{text}");
    let limiter = limiter(quota);
    limiter.restore(&read, now).expect("it can be");
    limiter
}

fn emptied(quota: Quota, now: Instant) -> RateLimiter {
    let limiter = limiter(quota);
    while limiter.try_acquire(now).is_ok() {}
    limiter
}

#[test]
fn one_that_was_emptied_has_no_whole_burst_again() {
    for (quota, each) in
        [(Quota::per_second(10).burst(20), ms(100)), (Quota::per_second(1).burst(5), ms(1_000))]
    {
        let old = emptied(quota, START + HOUR);
        let kept = old.snapshot(START + HOUR);
        assert_eq!((kept.full_after, kept.quota), (each * quota.max_burst(), quota));
        for permits in 0..=quota.max_burst() + 2 {
            let new = restarted(quota, &kept.clone().aged(each * permits), START);
            assert_eq!(new.available(START), u64::from(permits.min(quota.max_burst())));
            let nearly = restarted(
                quota,
                &kept.clone().aged(each * permits - Duration::from_nanos(u64::from(permits > 0))),
                START,
            );
            assert_eq!(nearly.available(START), u64::from(permits.saturating_sub(1).min(quota.max_burst())));
        }
        assert_eq!(
            restarted(quota, &kept.aged(Duration::MAX), START).available(START),
            u64::from(quota.max_burst())
        );
    }
}

#[test]
fn permits_of_a_strict_window_come_back_when_they_would_have() {
    let quota = Quota::strict(5, ms(1_000));
    let old = limiter(quota);
    for taken_at in [0, 0, 300, 500] {
        assert!(old.try_acquire(START + HOUR + ms(taken_at)).is_ok());
    }
    let kept = old.snapshot(START + HOUR + ms(600));
    let taken: Vec<_> = kept.taken.iter().map(|taken| (taken.back_after, taken.permits)).collect();
    assert_eq!(taken, [(ms(400), 2), (ms(700), 1), (ms(900), 1)]);
    // The process is down for 100 ms.
    let new = restarted(quota, &kept.clone().aged(ms(100)), START);
    for (now, available) in [(0, 1), (299, 1), (300, 3), (600, 4), (800, 5)] {
        assert_eq!(new.available(START + ms(now)), available, "at {now}");
    }
    // By its own settings: smaller, larger, shorter and longer.
    let at = |quota, now| restarted(quota, &kept, START).available(START + ms(now));
    let smaller = Quota::strict(2, ms(1_000));
    assert_eq!([0, 399, 700, 900].map(|now| at(smaller, now)), [0, 0, 1, 2], "the latest two");
    // Those that there was no room for are not forgotten when there is.
    let grown = restarted(smaller, &kept, START);
    grown.set_quota(quota, START).unwrap();
    assert_eq!([0, 399, 400, 900].map(|now| grown.available(START + ms(now))), [0, 0, 3, 5]);
    let larger = Quota::strict(9, ms(1_000));
    assert_eq!([0, 400, 900].map(|now| at(larger, now)), [5, 7, 9]);
    let shorter = Quota::strict(5, ms(500));
    assert_eq!([0, 200, 400].map(|now| at(shorter, now)), [3, 4, 5], "300 and 500 are in it still");
    let longer = Quota::strict(5, ms(2_000));
    assert_eq!([0, 1_399, 1_400, 1_900].map(|now| at(longer, now)), [1, 1, 3, 5]);
}

#[test]
fn its_quota_is_its_own() {
    // As if it had been changed now.
    let old = emptied(Quota::per_second(1).burst(10), START + HOUR);
    let now = START + HOUR + ms(4_000); // four are there
    let kept = old.snapshot(now);
    for (quota, available) in [
        (Quota::per_second(100).burst(50), 4),
        (Quota::per_second(100).burst(3), 3),
        (Quota::per_minute(1).burst(9), 4),
        (Quota::strict(6, ms(1_000)), 4),
        (Quota::strict(3, ms(1_000)), 3),
    ] {
        old.set_quota(Quota::per_second(1).burst(10), now).unwrap();
        let changed = restarted(Quota::per_second(1).burst(10), &kept, now);
        changed.set_quota(quota, now).unwrap();
        let new = restarted(quota, &kept, START);
        for later in [0, 5, 10, 500, 999, 1_000, 5_000, 70_000].map(ms) {
            assert_eq!(new.available(START + later), changed.available(now + later), "{quota} {later:?}");
        }
        assert_eq!(new.available(START + HOUR), u64::from(quota.max_burst()));
        assert_eq!(restarted(quota, &kept, START).available(START), available);
    }
    let strict = limiter(Quota::strict(6, ms(1_000)));
    assert!(strict.try_acquire_many(limit(4), START + HOUR).is_ok());
    let kept = strict.snapshot(START + HOUR);
    assert_eq!(restarted(Quota::per_second(1).burst(9), &kept, START).available(START), 2);
}

#[test]
fn a_strict_window_that_is_longer_counts_what_had_come_back_since() {
    let (short, long) = (Quota::strict(5, ms(1_000)), Quota::strict(5, ms(2_000)));
    let old = emptied(short, START + HOUR);
    let kept = old.snapshot(START + HOUR + ms(600));
    old.set_quota(long, START + HOUR + ms(600)).unwrap();
    for down in [0, 399, 400, 500, 1_399, 1_400, 5_000].map(ms) {
        let new = restarted(long, &kept.clone().aged(down), START);
        assert_eq!(new.available(START), old.available(START + HOUR + ms(600) + down), "{down:?}");
    }
}

#[test]
fn what_was_reserved_is_owed_still() {
    let quota = Quota::per_second(1).burst(2);
    let old = emptied(quota, START);
    for _ in 0..3 {
        let _ = old.reserve(limit(1), START).unwrap().commit();
    }
    let kept = old.snapshot(START);
    assert_eq!(kept.full_after, ms(5_000));
    let new = restarted(quota, &kept, START);
    assert_eq!(new.try_acquire(START).unwrap_err().retry_after(), Some(ms(4_000)));
    let strict = restarted(Quota::strict(2, ms(1_000)), &kept, START);
    old.set_quota(Quota::strict(2, ms(1_000)), START).unwrap();
    for now in [0, 1_000, 3_999, 4_000, 6_000] {
        assert_eq!(strict.available(START + ms(now)), old.available(START + ms(now)), "at {now}");
    }
}

#[test]
fn what_was_granted_here_counts_too() {
    let quota = Quota::per_second(1).burst(10);
    let half = limiter(quota);
    assert!(half.try_acquire_many(limit(5), START).is_ok());
    let kept = half.snapshot(START);
    for (taken, available) in [(0, 5), (3, 5), (5, 5), (8, 2)] {
        let new = limiter(quota);
        let mut permit = None;
        if taken > 0 {
            permit = Some(new.try_acquire_many(limit(taken), START).unwrap());
        }
        new.restore(&kept, START).unwrap();
        assert_eq!(new.available(START), available);
        // And is not given back any more.
        if let Some(permit) = permit {
            permit.give_back(START);
        }
        assert_eq!(new.available(START), available);
    }
    let strict = Quota::strict(4, ms(1_000));
    let [old, new] = [limiter(strict), limiter(strict)];
    assert!(
        old.try_acquire_many(limit(2), START).is_ok()
            && new.try_acquire_many(limit(3), START + ms(500)).is_ok()
    );
    new.restore(&old.snapshot(START), START + ms(500)).unwrap();
    assert_eq!([500, 1_499, 1_500].map(|now| new.available(START + ms(now))), [1, 1, 4]);
}

#[test]
fn who_waits_has_its_turn_by_what_is_left() {
    on_sim(|rt: Sim| async move {
        let quota = Quota::per_second(1).burst(1);
        let new = limiter(quota);
        drop(new.try_acquire(rt.now()).unwrap());
        let waits = rt.spawn({
            let (rt, new) = (rt.clone(), new.clone());
            async move {
                drop(new.acquire(&rt).await.unwrap());
                rt.now()
            }
        });
        rt.sleep(ms(500)).await;
        let kept = emptied(quota, rt.now()).snapshot(rt.now());
        new.restore(&kept, rt.now()).unwrap();
        assert_eq!(waits.await.unwrap(), START + ms(1_500));
    });
}

#[test]
fn who_is_woken_by_a_change_may_ask_at_once() {
    on_sim(|rt: Sim| async move {
        let quota = Quota::per_hour(1);
        let slow = limiter(quota);
        let kept = slow.snapshot(rt.now());
        drop(slow.try_acquire(rt.now()).unwrap());
        let looked = slow.clone();
        let probe = LockProbe::new(move || assert_eq!(looked.quota().permits(), 1));
        for change in [
            Box::new(|slow: &RateLimiter, now| slow.set_quota(Quota::per_hour(1).burst(2), now).unwrap())
                as Box<dyn Fn(&RateLimiter, Instant)>,
            Box::new(move |slow, now| slow.restore(&kept, now + 2 * HOUR).unwrap()),
            Box::new(|slow, now| drop(slow.snapshot(now + 4 * HOUR))),
        ] {
            let mut waits = pin!(slow.acquire(&rt));
            assert!(probe.poll(waits.as_mut()).is_pending());
            change(&slow, rt.now());
            probe.assert_touched();
        }
    });
}

#[test]
fn what_can_not_be_is_refused_and_changes_nothing() {
    let (paced, strict) = (limiter(Quota::per_second(1).burst(10)), limiter(Quota::strict(3, ms(1_000))));
    assert!(paced.try_acquire_many(limit(4), START).is_ok() && strict.try_acquire(START).is_ok());
    let (of_paced, of_strict) = (paced.snapshot(START), strict.snapshot(START));
    let mut cases = Vec::new();
    for (field, quota) in [
        ("permits", Quota::per_second(0)),
        ("per", Quota::new(1, Duration::ZERO)),
        ("per", Quota::new(1, Duration::MAX)),
        ("burst", Quota::per_second(1).burst(0)),
        ("burst", Quota::per_hour(1).burst(u32::MAX)),
        ("permits", Quota::strict(Quota::MAX_STRICT + 1, ms(1))),
    ] {
        let mut wrong = of_paced.clone();
        (wrong.quota, wrong.full_after) = (quota, Duration::ZERO);
        cases.push((field, wrong));
    }
    let mut wrong = of_strict.clone();
    (wrong.full_after, wrong.taken) = (ms(1), Vec::new());
    cases.push(("full_after", wrong));
    let mut wrong = of_strict.clone();
    wrong.quota = of_paced.quota;
    cases.push(("taken", wrong));
    for (field, wrong) in cases {
        for limiter in [&paced, &strict] {
            let before = limiter.available(START);
            assert_eq!(limiter.restore(&wrong, START).unwrap_err().field(), Some(field), "{wrong:?}");
            assert_eq!(limiter.available(START), before);
        }
    }
    let quota = r#""quota":{"permits":1,"per":"1s"}"#;
    for (text, words) in [
        ("{}".to_owned(), "invalid `quota`: must be given"),
        (format!(r#"{{{quota},"newer":1}}"#), "unknown field `newer`"),
        (format!(r#"{{{quota},"full_after":"-1s"}}"#), "invalid `full_after`"),
        (
            format!(r#"{{{quota},"taken":[{{"back_after":"1s","permits":1}}]}}"#),
            "invalid `taken`: must not be given",
        ),
        (format!(r#"{{{quota},"taken":[{{"permits":1}}]}}"#), "invalid `back_after`: must be given"),
        (r#"{"quota":{"permits":0,"per":"1s"}}"#.to_owned(), "invalid `permits` = 0"),
    ] {
        let error = serde_json::from_str::<RateSnapshot>(&text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

/// Quotas whose permits are whole nanoseconds apart, and others.
fn quota() -> impl Strategy<Value = Quota> {
    prop_oneof![
        (prop::sample::select(vec![1_u32, 2, 8, 10, 1_000, 1_000_000_000]), 1_u32..20)
            .prop_map(|(permits, burst)| Quota::per_second(permits).burst(burst)),
        (1_u32..2_000, 1_u64..3_000, 1_u32..20).prop_map(|(permits, per, burst)| Quota::new(
            permits,
            Duration::from_nanos(per.max(permits.into()))
        )
        .burst(burst)),
        (1_u32..9, 1_u64..3_000).prop_map(|(permits, per)| Quota::strict(permits, Duration::from_nanos(per))),
    ]
}

/// Whether there is a whole number of nanoseconds between two permits.
fn is_even(quota: Quota) -> bool {
    quota.is_strict() || quota.per().as_nanos().is_multiple_of(quota.permits().into())
}

fn nanos(quota: Quota, part: u64) -> Duration {
    // Of what it takes for the burst to come back.
    let all = quota.per().as_nanos() as u64 / u64::from(quota.permits()) * u64::from(quota.max_burst());
    Duration::from_nanos((all.max(100) as u128 * u128::from(part) / 1_000) as u64)
}

proptest! {
    #[test]
    fn it_grants_what_the_one_before_would_have(
        quota in quota(),
        before in prop::collection::vec((0_u64..300, 1_usize..4, any::<bool>()), 0..40),
        began in 0_u64..1_000_000,
        down in 0_u64..1_500,
        origin in 0_u64..1_000_000,
        after in prop::collection::vec((0_u64..300, 1_usize..4, any::<bool>()), 0..40),
    ) {
        let (old, mut now) = (limiter(quota), START + Duration::from_nanos(began));
        for (part, n, gives_back) in before {
            now += nanos(quota, part);
            if let Ok(permit) = old.try_acquire_many(limit(n), now) && gives_back {
                permit.give_back(now);
            }
        }
        let kept = old.snapshot(now).aged(nanos(quota, down));
        let toml = toml::to_string(&kept).unwrap();
        prop_assert_eq!(&toml::from_str::<RateSnapshot>(&toml).unwrap(), &kept);
        now += nanos(quota, down);
        // Uneven ones are the same to the nanosecond only by the same clock.
        let shift = Duration::from_nanos(if is_even(quota) { origin } else { now.as_nanos() });
        let mut here = START + shift;
        let new = restarted(quota, &kept, here);
        for (part, n, gives_back) in after {
            let permit = new.try_acquire_many(limit(n), here).map_err(|refused| refused.retry_after());
            if is_even(quota) {
                let other = old.try_acquire_many(limit(n), now).map_err(|refused| refused.retry_after());
                prop_assert_eq!(permit.as_ref().map(drop), other.as_ref().map(drop));
                if gives_back && let (Ok(permit), Ok(other)) = (permit, other) {
                    permit.give_back(here);
                    other.give_back(now);
                }
            } else {
                // Never more, and no more than two nanoseconds later: followed for as long as they are the same.
                let other = old.try_acquire_many(limit(n), now).map_err(|refused| refused.retry_after());
                match (permit, other) {
                    (Ok(_), other) => prop_assert!(other.is_ok(), "more than the one before"),
                    (Err(_), Err(_)) => {}
                    (Err(later), Ok(_)) => {
                        if let Some(later) = later {
                            prop_assert!(later <= Duration::from_nanos(2), "{:?}", later);
                        }
                        break;
                    }
                }
            }
            (now, here) = (now + nanos(quota, part), here + nanos(quota, part));
        }
    }

    #[test]
    fn no_restart_makes_it_grant_more(
        quota in quota(),
        steps in prop::collection::vec((0_u64..300, 1_usize..4, any::<bool>(), 0_u64..500), 0..80),
    ) {
        // One that is started anew now and then, each time at another origin, beside one that is not.
        let (never, mut now) = (limiter(quota), START + HOUR);
        let (mut again, mut here) = (limiter(quota), START);
        let mut granted: Vec<(Instant, usize)> = Vec::new();
        for (part, n, restarts, down) in steps {
            (now, here) = (now + nanos(quota, part), here + nanos(quota, part));
            if restarts {
                let kept = again.snapshot(here).aged(nanos(quota, down));
                now += nanos(quota, down);
                here = START;
                again = restarted(quota, &kept, here);
            }
            let permit = again.try_acquire_many(limit(n), here).map(drop);
            if is_even(quota) {
                prop_assert_eq!(permit.is_ok(), never.try_acquire_many(limit(n), now).is_ok());
            } else if permit.is_ok() {
                // By the rule itself: in any time no more than the burst and what the rate gives in it, but for the
                // nanosecond that another origin can make.
                granted.push((now, n));
                for (from, (began, _)) in granted.iter().enumerate() {
                    let all: usize = granted[from..].iter().map(|(_, n)| n).sum();
                    let time = (now - *began).as_nanos() + 2;
                    let most = u128::from(quota.max_burst()) * quota.per().as_nanos()
                        + time * u128::from(quota.permits());
                    prop_assert!(all as u128 * quota.per().as_nanos() <= most, "{all} in {time} ns");
                }
            }
        }
    }

    #[test]
    fn no_snapshot_makes_it_panic(
        of in quota(),
        quota in quota(),
        age in any::<u64>(),
        left in prop_oneof![any::<u64>(), Just(u64::MAX), Just(0)],
        taken in prop::collection::vec((prop_oneof![any::<u64>(), 0_u64..3_000], any::<u32>()), 0..6),
        now in prop_oneof![Just(0), any::<u64>(), Just(u64::MAX)],
        after in prop::collection::vec((any::<u64>(), 1_usize..4), 0..10),
    ) {
        let mut kept = serde_json::json!({ "quota": of, "age": format!("{age}ns") });
        if of.is_strict() {
            kept["taken"] = taken.iter()
                .map(|(left, permits)| serde_json::json!({ "back_after": format!("{left}ns"), "permits": permits }))
                .collect();
        } else {
            kept["full_after"] = format!("{left}ns").into();
        }
        let mut kept: RateSnapshot = serde_json::from_value(kept).unwrap();
        let limiter = limiter(quota);
        for strange in [false, true] {
            if strange {
                (kept.age, kept.full_after) = (Duration::ZERO, if of.is_strict() { Duration::ZERO } else { Duration::MAX });
            }
            let mut now = Instant::from_nanos(now);
            limiter.restore(&kept, now).unwrap();
            for (passes, n) in &after {
                limiter.snapshot(now).validate().unwrap();
                match limiter.try_acquire_many(limit(*n), now) {
                    Ok(permit) => permit.give_back(now),
                    Err(refused) => {
                        let known = matches!(refused.reason(), Reason::RateLimited | Reason::TooLarge { .. });
                        prop_assert!(known, "{:?}", refused);
                    }
                }
                now += Duration::from_nanos(*passes);
            }
        }
    }
}
