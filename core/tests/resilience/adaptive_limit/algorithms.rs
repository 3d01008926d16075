//! What each algorithm does, sample by sample, and what none of them ever does.

use super::{algorithms, calls, limit, rounds};
use crate::kit::{Heard, at, ms, secs};
use backstay_core::resilience::{
    AdaptiveAlgorithm, AdaptiveLimit, AdaptivePermit, Aimd, EventKind, Gradient, Vegas,
};
use backstay_core::sync::Semaphore;
use backstay_core::time::Instant;
use proptest::prelude::*;
use std::time::Duration;

/// As many calls as there may be, of which the last is refused by the service.
fn overloaded_round(limit: &AdaptiveLimit, now: Instant) -> Instant {
    let (last, end) = (limit.try_acquire(now).expect("it is free"), now + ms(10));
    last.overloaded(end);
    end
}

#[test]
fn aimd_grows_by_one_a_round_trip_and_by_what_is_said() {
    for (increase, expected) in [(1, 20), (3, 40)] {
        let limit = limit(Aimd::new().increase(increase), 10);
        rounds(&limit, 10, at(0), ms(10));
        // Half of a round's calls see few others, and don't count.
        assert!((expected / 2..=expected).contains(&limit.limit()), "{}", limit.limit());
    }
}

#[test]
fn an_overload_leaves_a_part_and_one_less_at_least() {
    for algorithm in algorithms() {
        for (initial, left) in [(100, 90), (5, 4), (2, 1), (1, 1)] {
            let limit = limit(algorithm, initial);
            overloaded_round(&limit, at(0));
            assert_eq!(limit.limit(), left, "{algorithm:?}");
        }
    }
    let half = AdaptiveLimit::named("l").backoff_ratio(0.5).min_limit(15).build().unwrap();
    overloaded_round(&half, at(0));
    assert_eq!(half.limit(), 15, "never below its minimum");
}

#[test]
fn an_overload_counts_once_in_a_round_trip() {
    for algorithm in algorithms() {
        let limit = limit(algorithm, 100);
        let permits: Vec<_> = (0..100).map(|_| limit.try_acquire(at(0)).unwrap()).collect();
        for (after, permit) in permits.into_iter().enumerate() {
            permit.overloaded(at(10 + after as u64));
        }
        assert_eq!(limit.limit(), 90, "{algorithm:?}");
        // Nor is one that was let in at that very moment.
        limit.try_acquire(at(10)).unwrap().overloaded(at(150));
        assert_eq!(limit.limit(), 90, "{algorithm:?}");
        // The next one was let in later: it is news.
        limit.try_acquire(at(200)).unwrap().overloaded(at(201));
        assert_eq!(limit.limit(), 81, "{algorithm:?}");
        // Where calls take ten milliseconds, what is refused in one of them is no news for ten.
        calls(&limit, 1, at(300), ms(10));
        limit.try_acquire(at(400)).unwrap().overloaded(at(401));
        assert_eq!(limit.limit(), 72, "{algorithm:?}");
        for now in 402..411 {
            limit.try_acquire(at(now)).unwrap().overloaded(at(now) + Duration::from_micros(999));
            assert_eq!(limit.limit(), 72, "{algorithm:?}");
        }
        limit.try_acquire(at(411)).unwrap().overloaded(at(412));
        assert_eq!(limit.limit(), 65, "{algorithm:?}");
    }
}

#[test]
fn two_that_end_in_another_order_than_they_read_the_clock_in_are_one_overload() {
    for algorithm in algorithms() {
        let limit = limit(algorithm, 100);
        let [first, second, third] = [(); 3].map(|()| limit.try_acquire(at(0)).unwrap());
        first.overloaded(at(11));
        second.overloaded(at(10));
        third.overloaded(at(9));
        assert_eq!(limit.limit(), 90, "{algorithm:?}");
        limit.try_acquire(at(12)).unwrap().overloaded(at(13));
        assert_eq!(limit.limit(), 81, "{algorithm:?}");
        // A clock that was far ahead for once has one more taken for the same.
        limit.try_acquire(at(20)).unwrap().overloaded(Instant::MAX);
        assert_eq!(limit.limit(), 72, "{algorithm:?}");
        limit.try_acquire(at(21)).unwrap().overloaded(at(22));
        assert_eq!(limit.limit(), 72, "{algorithm:?}");
        limit.try_acquire(at(23)).unwrap().overloaded(at(24));
        assert_eq!(limit.limit(), 65, "{algorithm:?}");
    }
}

#[test]
fn aimd_takes_a_call_above_the_threshold_for_an_overload() {
    let limit = limit(Aimd::new().latency_threshold(ms(10)), 50);
    let now = calls(&limit, 50, at(0), ms(10));
    assert_eq!(limit.limit(), 50, "it has grown by half a call");
    let now = calls(&limit, 50, now, Duration::from_micros(10_001));
    assert_eq!(limit.limit(), 45);
    // By an owned permit too it is from when that was had.
    limit.try_acquire_owned(now).unwrap().success(now + ms(10));
    assert_eq!(limit.limit(), 45);
    limit.try_acquire_owned(now + ms(20)).unwrap().success(now + ms(31));
    assert_eq!(limit.limit(), 40);
}

#[test]
fn vegas_goes_by_the_calls_that_wait() {
    // Of a limit of twenty: latency and the step of one window.
    for (latency, step) in [
        (Duration::from_micros(10_000), 7),  // none waits: six times log10(20)
        (Duration::from_micros(10_600), 1),  // two: fewer than alpha
        (Duration::from_micros(13_000), 0),  // five
        (Duration::from_micros(20_000), -2), // ten: more than beta
    ] {
        let limit = limit(Vegas::new(), 20);
        let now = rounds(&limit, 10, at(0), ms(10)); // the base
        assert_eq!(limit.limit(), 20);
        let mut window = now;
        while window - now < ms(100) {
            window = calls(&limit, 20, window, latency);
        }
        assert_eq!(limit.limit() as i64 - 20, step, "{latency:?}");
    }
}

#[test]
fn gradient_goes_by_how_much_slower_it_is_than_for_long() {
    // Of a limit of twenty: latency, and the aim that a fifth of the way is gone to.
    for (times, aim) in [(1.0, 24.0), (1.4, 24.0), (2.0, 19.0), (10.0, 14.0)] {
        let gradient = Gradient::new().long_window(1_000_000);
        let limit = limit(gradient, 20);
        // Ten windows of a baseline that isn't used.
        let now = (0..100).fold(at(0), |now, _| calls(&limit, 2, now, ms(10)));
        assert_eq!(limit.limit(), 20);
        let (mut window, latency) = (now, ms(10).mul_f64(times));
        while window - now < ms(100).max(2 * latency) {
            window = calls(&limit, 20, window, latency);
        }
        let expected = (20.0 + (aim - 20.0) / 5.0f64).floor();
        assert!((limit.limit() as f64 - expected).abs() <= 1.0, "{times}: {} {expected}", limit.limit());
    }
}

#[test]
fn vegas_grows_by_beta_where_one_waits_at_limits_up_to_ten() {
    let limit = limit(Vegas::new(), 10);
    let mut now = rounds(&limit, 10, at(0), ms(10)); // the base
    let end = now + ms(100);
    while now < end {
        now = calls(&limit, 10, now, Duration::from_micros(10_600));
    }
    assert_eq!(limit.limit(), 16);
}

/// With an average of so long that nothing but what is tested moves it, of twenty windows at so much latency or more.
fn averaged(limit: usize, probe_after: u32, latency: Duration) -> (AdaptiveLimit, Instant) {
    let gradient = Gradient::new().long_window(1_000_000).probe_after(probe_after);
    let limit = AdaptiveLimit::named("l").algorithm(gradient).initial_limit(limit).max_limit(limit);
    let limit = limit.build().expect("it is good");
    let now = unused(&limit, 200 * latency, at(0), latency);
    (limit, now)
}

/// Two calls after two others, for so long.
fn unused(limit: &AdaptiveLimit, time: Duration, began: Instant, latency: Duration) -> Instant {
    let mut now = began;
    while now < began + time {
        now = calls(limit, 2, now, latency);
    }
    now
}

#[test]
fn a_long_latency_that_is_more_than_twice_the_short_one_comes_down() {
    let (limit, now) = averaged(20, u32::MAX, ms(100));
    let now = unused(&limit, ms(3_000), now, ms(10));
    // Were it a hundred still, this would be quick.
    rounds(&limit, 10, now, ms(40));
    assert!(limit.limit() < 20, "{}", limit.limit());
}

#[test]
fn a_long_latency_is_not_measured_anew_where_the_limit_is_not_used() {
    let (limit, now) = averaged(20, 20, ms(10));
    let now = unused(&limit, ms(3_000), now, ms(20));
    // Four times as slow as without load, and not twice.
    rounds(&limit, 10, now, ms(40));
    assert!(limit.limit() < 19, "{}", limit.limit());
}

#[test]
fn it_does_not_shrink_where_less_than_a_quarter_is_used() {
    for (of, together, shrinks) in [(40, 9, false), (40, 10, true), (41, 10, false), (41, 11, true)] {
        let (limit, mut now) = averaged(of, u32::MAX, ms(10));
        for _ in 0..20 {
            now = calls(&limit, together, now, ms(50));
        }
        assert_eq!(limit.limit() < of, shrinks, "{together} of {of}: {}", limit.limit());
    }
}

#[test]
fn the_baseline_is_measured_with_a_quarter_of_the_limit() {
    for algorithm in
        [AdaptiveAlgorithm::from(Vegas::new().probe_after(20)), Gradient::new().probe_after(20).into()]
    {
        let heard = Heard::default();
        let limit = AdaptiveLimit::named("l").algorithm(algorithm).max_limit(40).initial_limit(40);
        let limit = limit.observer(heard.clone()).build().unwrap();
        let now = rounds(&limit, 200, at(0), ms(10));
        let changed = |from, to| ("l", EventKind::LimitChanged { from, to });
        assert_eq!(heard.take(), [changed(40, 10), changed(10, 40)], "the first one is not trusted for long");
        let now = rounds(&limit, 500, now, ms(10));
        assert_eq!((limit.limit(), heard.take()), (40, vec![]), "it is reached all the time");
        // Slower, and for good.
        let mut now = now;
        let mut least = 40;
        for _ in 0..600 {
            now = calls(&limit, limit.limit(), now, ms(20));
            least = least.min(limit.limit());
        }
        assert!(least < 10, "{algorithm:?} {least}");
        let probes = heard.take().into_iter().filter(|(_, kind)| match kind {
            EventKind::LimitChanged { from, to } => *to <= from / 2,
            _ => panic!("{kind:?}"),
        });
        assert_eq!(probes.count(), 1, "{algorithm:?}: once, and it is known");
    }
}

#[test]
fn the_baseline_is_not_measured_by_calls_from_before() {
    for algorithm in [AdaptiveAlgorithm::from(Vegas::new()), Gradient::new().into()] {
        // Whether they end before or after it began, by the clock that they have read.
        for late in [false, true] {
            let limit = AdaptiveLimit::named("l").algorithm(algorithm).max_limit(40).initial_limit(40);
            let limit = limit.build().unwrap();
            let before: Vec<_> = (0..4).map(|_| limit.try_acquire(at(0)).unwrap()).collect();
            let mut now = at(5_000);
            while limit.limit() == 40 {
                now = calls(&limit, 36, now, ms(10));
            }
            assert_eq!(limit.limit(), 10, "{algorithm:?}");
            let ended = at(0) + (now - at(0)).mul_f64(if late { 1.001 } else { 0.999 });
            before.into_iter().for_each(|permit| permit.success(ended));
            let now = rounds(&limit, 20, now, ms(10));
            assert_eq!(limit.limit(), 40, "{algorithm:?}: it is known");
            rounds(&limit, 10, now, ms(60));
            assert!(limit.limit() < 40, "{algorithm:?}, {late}: that is slow");
        }
    }
}

#[test]
fn where_the_limit_is_not_used_the_baseline_is_measured_as_it_is() {
    let heard = Heard::default();
    let limit = AdaptiveLimit::named("l").algorithm(Vegas::new().probe_after(20)).initial_limit(40);
    let limit = limit.observer(heard.clone()).build().unwrap();
    let now = (0..100).fold(at(0), |now, _| calls(&limit, 10, now, ms(10)));
    let now = (0..1_000).fold(now, |now, _| calls(&limit, 10, now, ms(20)));
    assert_eq!((limit.limit(), heard.take()), (40, vec![]));
    // If the base were ten milliseconds still, twenty would be a queue of twenty.
    rounds(&limit, 60, now, ms(20));
    assert!(limit.limit() > 40, "{}", limit.limit());
}

#[test]
fn settings_are_changed_while_it_is_used_and_what_is_known_stays() {
    let named = || AdaptiveLimit::named("");
    for algorithm in [AdaptiveAlgorithm::from(Vegas::new()), Gradient::new().into()] {
        let limit = limit(algorithm, 20);
        let now = rounds(&limit, 300, at(0), ms(10));
        let grown = limit.limit();
        assert!(grown > 20);
        limit.reconfigure(named().algorithm(algorithm).initial_limit(1)).unwrap();
        assert_eq!(limit.limit(), grown, "{algorithm:?}");
        // It knows how long calls take without load: with five times that it shrinks.
        rounds(&limit, 20, now, ms(50));
        assert!(limit.limit() < grown, "{algorithm:?}");
        limit.reconfigure(named().algorithm(algorithm).min_limit(195).initial_limit(200)).unwrap();
        assert_eq!(limit.limit(), 195);
        limit.reconfigure(named().algorithm(Aimd::new()).max_limit(30)).unwrap();
        assert_eq!(limit.limit(), 30);
        overloaded_round(&limit, at(100_000));
        assert_eq!(limit.limit(), 27);
    }
}

#[test]
fn the_largest_maximum_is_not_exceeded_by_a_rounding() {
    let (heard, most) = (Heard::default(), Semaphore::MAX_PERMITS);
    let limit = AdaptiveLimit::named("l").algorithm(Aimd::new()).initial_limit(most).max_limit(most);
    let limit = limit.observer(heard.clone()).build().unwrap();
    calls(&limit, 1, at(0), ms(10));
    assert_eq!((limit.limit(), heard.take()), (most, vec![]));
}

#[test]
fn a_baseline_that_was_measured_is_not_averaged_with_those_before() {
    let limit = AdaptiveLimit::named("l").initial_limit(40).max_limit(40).build().unwrap();
    // The first window is so slow that the second is doubtful, and the baseline is measured.
    let mut now = rounds(&limit, 2, at(0), ms(50));
    while limit.limit() == 40 {
        now = calls(&limit, 40, now, ms(20));
    }
    while limit.limit() == 10 {
        now = calls(&limit, 10, now, ms(10));
    }
    assert!(now < at(1_000), "among the first ten windows: {now:?}");
    rounds(&limit, 100, now, ms(20));
    // Twice as slow as without load: in each window of two seconds a fifth of the way to three quarters and four.
    assert!(limit.limit() < 30, "{}", limit.limit());
}

#[test]
fn the_first_baseline_is_measured_after_ten_windows_whatever_is_set_meanwhile() {
    let algorithms: [fn(u32) -> AdaptiveAlgorithm; 2] =
        [|after| Vegas::new().probe_after(after).into(), |after| Gradient::new().probe_after(after).into()];
    for algorithm in algorithms {
        for (before, after) in [(20, 1_000), (1_000, 20), (20, 20)] {
            let heard = Heard::default();
            let named = || AdaptiveLimit::named("l").initial_limit(40).max_limit(40);
            let limit = named().algorithm(algorithm(before)).observer(heard.clone()).build().unwrap();
            let now = rounds(&limit, 50, at(0), ms(10));
            limit.reconfigure(named().algorithm(algorithm(after))).unwrap();
            let now = rounds(&limit, 40, now, ms(10));
            assert_eq!(heard.take(), [], "{before} {after}");
            rounds(&limit, 40, now, ms(10));
            let changed = |from, to| ("l", EventKind::LimitChanged { from, to });
            assert_eq!(heard.take(), [changed(40, 10), changed(10, 40)], "{before} {after}");
        }
    }
}

#[test]
fn time_that_stands_still_or_goes_back_harms_nobody() {
    for algorithm in algorithms() {
        let limit = limit(algorithm, 20);
        for now in [at(0), at(1_000), at(0), Instant::MAX, at(5)] {
            for ended in [at(0), at(3), Instant::MAX] {
                let permits: Vec<_> =
                    (0..limit.limit()).filter_map(|_| limit.try_acquire(now).ok()).collect();
                permits.into_iter().for_each(|permit| permit.success(ended));
                limit.try_acquire(now).unwrap().overloaded(ended);
                assert!((1..=200).contains(&limit.limit()));
            }
        }
        // And it works on.
        let now = rounds(&limit, 2_000, at(10_000), ms(10));
        assert!(limit.limit() > 20, "{algorithm:?} {} {now:?}", limit.limit());
    }
}

#[derive(Clone, Debug)]
enum Step {
    Acquire,
    Success(usize),
    Overload(usize),
    Ignore(usize),
    Wait(u64),
    Reconfigure(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Acquire),
        6 => any::<usize>().prop_map(Step::Success),
        1 => any::<usize>().prop_map(Step::Overload),
        1 => any::<usize>().prop_map(Step::Ignore),
        4 => prop_oneof![1_000_u64..1_000_000, 1_000_000_u64..500_000_000].prop_map(Step::Wait),
        1 => (1_usize..20, 1_usize..60).prop_map(|(min, more)| Step::Reconfigure(min, min + more)),
    ]
}

fn algorithm() -> impl Strategy<Value = AdaptiveAlgorithm> {
    let windows = (1_u64..300, 1_u32..20, 1_u32..20);
    prop_oneof![
        (1_u32..10, prop::option::of(1_u64..100)).prop_map(|(increase, threshold)| {
            let mut aimd = Aimd::new().increase(increase);
            aimd.latency_threshold = threshold.map(ms);
            aimd.into()
        }),
        (1_u32..10, 0_u32..10, windows.clone()).prop_map(|(alpha, more, (window, samples, probe))| {
            let vegas = Vegas::new().alpha(alpha).beta(alpha + more).window(ms(window));
            vegas.min_samples(samples).probe_after(probe).into()
        }),
        (1.0_f64..3.0, 0.01_f64..1.0, windows).prop_map(
            |(tolerance, smoothing, (window, samples, probe))| {
                let gradient = Gradient::new().tolerance(tolerance).smoothing(smoothing).window(ms(window));
                gradient.min_samples(samples).probe_after(probe).long_window(probe).into()
            }
        ),
    ]
}

fn take<'a>(inside: &mut Vec<AdaptivePermit<'a>>, which: usize) -> Option<AdaptivePermit<'a>> {
    let which = which.checked_rem(inside.len())?;
    Some(inside.swap_remove(which))
}

proptest! {
    #[test]
    fn the_limit_is_within_its_bounds_and_nobody_is_let_in_above_it(
        algorithm in algorithm(),
        initial in 1_usize..=40,
        steps in prop::collection::vec(step(), 1..600),
    ) {
        let limit = AdaptiveLimit::named("l").algorithm(algorithm).initial_limit(initial).max_limit(40);
        let limit = limit.build().expect("it is good");
        let (mut min, mut max, mut now) = (1, 40, at(0));
        let mut inside: Vec<AdaptivePermit<'_>> = Vec::new();
        for step in steps {
            match step {
                Step::Acquire => {
                    let before = (limit.in_flight(), limit.limit());
                    match limit.try_acquire(now) {
                        Ok(permit) => {
                            prop_assert!(before.0 < before.1);
                            inside.push(permit);
                        }
                        Err(_) => prop_assert!(before.0 >= before.1),
                    }
                }
                Step::Success(which) => drop(take(&mut inside, which).map(|permit| permit.success(now))),
                Step::Overload(which) => {
                    let before = limit.limit();
                    if let Some(permit) = take(&mut inside, which) {
                        permit.overloaded(now);
                        prop_assert!(limit.limit() <= before);
                    }
                }
                Step::Ignore(which) => {
                    let before = limit.limit();
                    drop(take(&mut inside, which));
                    prop_assert_eq!(limit.limit(), before);
                }
                Step::Wait(nanos) => now += Duration::from_nanos(nanos),
                Step::Reconfigure(least, most) => {
                    (min, max) = (least, most);
                    let builder = AdaptiveLimit::named("").algorithm(algorithm);
                    let builder = builder.min_limit(min).max_limit(max).initial_limit(min);
                    limit.reconfigure(builder).expect("it is good");
                }
            }
            prop_assert!((min..=max).contains(&limit.limit()), "{}", limit.limit());
            prop_assert_eq!(limit.in_flight(), inside.len());
        }
        drop(inside);
        prop_assert_eq!((limit.in_flight(), limit.waiting()), (0, 0));
        // Wherever it is: used and in time, it is not stuck.
        let before = limit.limit();
        now += secs(1);
        for _ in 0..600 {
            now = calls(&limit, limit.limit(), now, Duration::from_micros(500)) + ms(50);
        }
        prop_assert!(limit.limit() > before || limit.limit() == max, "{} of {max}", limit.limit());
    }
}
