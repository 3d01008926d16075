use super::*;
use crate::resilience::rate_limiter::quota::Quota;
use proptest::prelude::*;
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;

fn meter(quota: Quota) -> Meter {
    Meter::new(Kind::Paced { pace: quota.pace().expect("a good quota"), tat: 0 })
}

#[test]
fn what_is_given_back_at_once_is_there_again() {
    let mut meter = meter(Quota::per_second(7).burst(5));
    let now = 3 * SECOND;
    let stamp = meter.take(4, now).expect("it is full");
    assert_eq!(meter.available(now), 1);
    meter.give_back(stamp, now);
    assert_eq!(meter.available(now), 5);
}

#[test]
fn what_was_refilled_meanwhile_is_not_given_back_too() {
    let mut meter = meter(Quota::per_second(1).burst(5));
    let stamp = meter.take(4, 0).expect("it is full");
    meter.give_back(stamp, 3 * SECOND);
    assert_eq!(meter.available(3 * SECOND), 5);
    let stamp = meter.take(5, 10 * SECOND).expect("it is full");
    let other = meter.take(1, 11 * SECOND).expect("refilled");
    meter.give_back(stamp, 11 * SECOND);
    assert_eq!(meter.available(11 * SECOND), 4, "one less than if none had been taken: it was full");
    meter.give_back(other, 11 * SECOND);
    assert_eq!(meter.available(11 * SECOND), 5);
}

#[test]
fn what_is_given_back_in_any_order_is_there_again() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
        let mut meter = meter(Quota::per_second(7).burst(6));
        let stamps = [1, 2, 3].map(|n| meter.take(n, SECOND).expect("it is full"));
        for which in order {
            meter.give_back(stamps[which], SECOND);
        }
        assert_eq!(meter.available(SECOND), 6, "{order:?}");
    }
    // Also of very many, which are not told apart: less, but not more.
    let mut meter = meter(Quota::per_second(7).burst(200));
    let stamps: Vec<_> = (0..200).map(|_| meter.take(1, SECOND).expect("it is full")).collect();
    stamps.iter().rev().for_each(|stamp| meter.give_back(*stamp, SECOND));
    assert_eq!(meter.available(SECOND), 200);
}

#[test]
fn what_gives_nothing_back_makes_nothing_less_exact() {
    let mut meter = meter(Quota::per_second(1).burst(200));
    let old: Vec<_> = (0..100).map(|_| meter.take(1, 0).expect("it is full")).collect();
    let now = 1_000 * SECOND;
    let [first, second] = [1, 2].map(|n| meter.take(n, now).expect("it is full"));
    meter.give_back(second, now);
    old.into_iter().for_each(|stamp| meter.give_back(stamp, now));
    meter.give_back(first, now);
    assert_eq!(meter.available(now), 200);
}

#[test]
fn nothing_is_promised_beyond_the_end_of_time() {
    let pace = Quota::per_second(1).pace().expect("a good quota");
    let last = MAX_TICK - pace.interval;
    for (tat, is_promised) in [(last, true), (last + 1, false), (MAX_TICK, false)] {
        let mut meter = Meter::new(Kind::Paced { pace, tat });
        assert_eq!(meter.promise(1, 0).is_some(), is_promised, "{tat}");
    }
}

#[test]
fn a_longer_window_is_longer_also_for_what_was_taken_before() {
    let strict = |seconds| {
        let quota = Quota::strict(1, Duration::from_secs(seconds));
        Kind::Strict(quota.window().expect("a good quota"))
    };
    let mut meter = Meter::new(strict(1));
    meter.change(strict(2), 0);
    assert_eq!(meter.available(0), 1, "none was taken");
    assert!(meter.take(1, 0).is_some());
    meter.change(strict(3), 0);
    for start in [0, 3 * SECOND] {
        assert_eq!(meter.take(1, start + 3 * SECOND - 1), None);
        assert!(meter.take(1, start + 3 * SECOND).is_some());
    }
}

#[test]
fn a_strict_window_is_told_exactly_where_all_take_one() {
    let window = Quota::strict(2, Duration::from_secs(1)).window().expect("a good quota");
    let mut meter = Meter::new(Kind::Strict(window));
    assert!(meter.take(1, 0).is_some() && meter.take(1, SECOND / 2).is_some());
    let when = |ahead, callers| meter.when(ahead, callers, 1, SECOND / 2);
    assert_eq!([when(0, 0), when(1, 1), when(2, 2)], [SECOND, SECOND * 3 / 2, 2 * SECOND]);
    assert_eq!(when(2, 1), SECOND * 5 / 2, "of two at once: at most");
}

#[test]
fn what_was_given_back_and_used_is_not_given_back_again() {
    let mut meter = meter(Quota::per_second(1).burst(5));
    let [three, two] = [3, 2].map(|n| meter.take(n, 0).expect("it is full"));
    meter.give_back(three, 0);
    // Full again, and all of it used: so it would have been without the two as well.
    assert!(meter.take(5, 2 * SECOND).is_some());
    meter.give_back(two, 2 * SECOND);
    assert_eq!(meter.available(2 * SECOND), 0);
}

/// The table of Go's rule: who reserves and cancels, and when the next could have one.
#[test]
fn what_later_reservations_took_is_not_given_back_twice() {
    for (cancelled, next) in [
        (&[2][..], 2), // the last: all of it
        (&[1], 3),     // its second can't be saved until then
        (&[1, 2], 2),  // nor when the last goes too: nobody knows any more
        (&[2, 1], 1),
    ] {
        let mut meter = meter(Quota::per_second(1));
        let grants: Vec<_> = (0..3).map(|_| meter.promise(1, 0).expect("it is near")).collect();
        assert_eq!(grants.iter().map(|grant| grant.ready).collect::<Vec<_>>(), [0, SECOND, 2 * SECOND]);
        for &which in cancelled {
            meter.give_back(grants[which].stamp, 0);
        }
        assert_eq!(meter.when(0, 0, 1, 0), next * SECOND, "{cancelled:?}");
    }
    // Where there is room to save it, it is there.
    let mut meter = meter(Quota::per_second(1).burst(5));
    meter.take(5, 0).expect("it is full");
    let three = meter.promise(3, 0).expect("it is near");
    let one = meter.promise(1, 0).expect("it is near");
    assert_eq!((three.ready, one.ready), (3 * SECOND, 4 * SECOND));
    meter.give_back(three.stamp, 0);
    assert_eq!(meter.when(0, 0, 3, 0), 4 * SECOND);
}

#[test]
fn times_that_have_come_are_forgotten() {
    let mut meter = meter(Quota::per_second(1));
    for second in 0..1_000 {
        let _kept = meter.promise(1, second * SECOND).expect("it is near");
        let _kept = meter.promise(1, second * SECOND + SECOND / 2);
        meter.promised.iter().for_each(|promised| assert!(*promised > 0));
    }
    let stamp = meter.promise(1, 10_000 * SECOND).expect("it is near").stamp;
    assert!(meter.promised.len() <= 1, "{}", meter.promised.len());
    meter.give_back(stamp, 10_000 * SECOND);
}

#[test]
fn permits_of_another_quota_are_not_given_back() {
    let kinds = || {
        let paced = Quota::per_second(1).burst(3);
        let strict = Quota::strict(3, Duration::from_secs(3));
        [
            Kind::Paced { pace: paced.pace().expect("good"), tat: 0 },
            Kind::Strict(strict.window().expect("good")),
        ]
    };
    for from in 0..2 {
        for to in 0..2 {
            let [mut a, mut b] = [kinds(), kinds()].map(Vec::from);
            let mut meter = Meter::new(a.swap_remove(from));
            let stamp = meter.take(2, 0).expect("it is full");
            meter.change(b.swap_remove(to), 0);
            assert_eq!(meter.available(0), 1, "{from} {to}");
            meter.give_back(stamp, 0);
            assert_eq!(meter.available(0), 1);
            assert_eq!(meter.available(3 * SECOND), 3);
        }
    }
}

#[test]
fn what_was_promised_is_owed_under_another_quota() {
    for strict in [false, true] {
        let mut meter = meter(Quota::per_second(1));
        for _ in 0..4 {
            meter.promise(1, 0).expect("it is near");
        }
        let quota = if strict { Quota::strict(2, Duration::from_secs(1)) } else { Quota::per_second(2) };
        let kind = match strict {
            true => Kind::Strict(quota.window().expect("good")),
            false => Kind::Paced { pace: quota.pace().expect("good"), tat: 0 },
        };
        meter.change(kind, 0);
        // Four are out; three of them for a time to come.
        let next = if strict { 4 * SECOND } else { 2 * SECOND };
        assert_eq!(meter.when(0, 0, 1, 0), next, "strict {strict}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Take(u64),
    Promise(u64),
    /// Takes and keeps, to be given back.
    Hold(u64),
    GiveBack(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..6_u64).prop_map(Step::Take),
        (1..6_u64).prop_map(Step::Promise),
        (1..6_u64).prop_map(Step::Hold),
        any::<usize>().prop_map(Step::GiveBack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    /// Whatever is reserved and given back: what is used is within the limits.
    #[test]
    fn what_is_given_back_never_makes_too_much(
        burst in 1..6_u32,
        permits in prop_oneof![Just(7_u32), Just(999_983), Just(999_999_999), Just(1_000_000_000)],
        steps in proptest::collection::vec((step(), 0..10_u64), 1..40),
    ) {
        let mut meter = meter(Quota::per_second(permits).burst(burst));
        let third = (SECOND / u64::from(permits)).div_ceil(3);
        let (mut now, mut used, mut held) = (0, Vec::new(), Vec::new());
        for (step, pause) in steps {
            now += pause.saturating_sub(5) * third;
            // What was promised is used when its time comes, and only then.
            held.retain(|grant: &Grant| {
                let due = grant.stamp.promised > 0 && grant.ready <= now;
                if due {
                    used.push((grant.ready, grant.stamp.n));
                }
                !due
            });
            match step {
                Step::Take(n) | Step::Promise(n) | Step::Hold(n) if n > u64::from(burst) => {}
                Step::Take(n) => used.extend(meter.take(n, now).map(|stamp| (now, stamp.n))),
                Step::Hold(n) => held.extend(meter.take(n, now).map(|stamp| Grant { stamp, ready: now })),
                Step::Promise(n) => held.push(meter.promise(n, now).expect("it is near")),
                Step::GiveBack(_) if held.is_empty() => {}
                Step::GiveBack(which) => {
                    let grant = held.swap_remove(which % held.len());
                    meter.give_back(grant.stamp, now);
                }
            }
        }
        used.extend(held.iter().filter(|grant| grant.stamp.promised > 0).map(|grant| (grant.ready, grant.stamp.n)));
        used.sort_unstable();
        for from in 0..used.len() {
            let mut all = 0;
            for &(at, n) in &used[from..] {
                all += n;
                let nanos = u128::from(at - used[from].0 + 1);
                let more = u128::from(all.saturating_sub(burst.into()));
                prop_assert!(more * u128::from(SECOND) <= nanos * u128::from(permits), "{used:?}");
            }
        }
    }

    /// Given back and never refilled: as if it had not been.
    #[test]
    fn who_takes_and_gives_back_leaves_no_trace(
        burst in 1..6_u32,
        takes in proptest::collection::vec((1..6_u64, 0..5_u64), 0..10),
        n in 1..6_u64,
    ) {
        let quota = Quota::per_second(7).burst(burst);
        let (mut with, mut without) = (meter(quota), meter(quota));
        let mut now = 0;
        for (n, pause) in takes {
            now += pause * SECOND / 20;
            if n <= u64::from(burst) {
                prop_assert_eq!(with.take(n, now).is_some(), without.take(n, now).is_some());
            }
        }
        if n <= u64::from(burst) {
            let grant = with.promise(n, now).expect("it is near");
            with.give_back(grant.stamp, now);
        }
        for ahead in 0..4 {
            prop_assert_eq!(with.when(ahead, 0, 1, now), without.when(ahead, 0, 1, now));
        }
    }
}
