//! Schedules, caps and jitter.

use crate::kit::{ms, secs};
use backstay_core::resilience::{Backoff, Jitter};
use proptest::prelude::*;
use std::time::Duration;

/// The first delays without jitter.
fn exact<const N: usize>(backoff: Backoff) -> [Duration; N] {
    let backoff = backoff.jitter(Jitter::None).build().expect("it makes sense");
    std::array::from_fn(|attempt| backoff.delay(attempt as u32 + 1, 0))
}

const NO_JITTER: [Jitter; 1] = [Jitter::None];
const DOWNWARD: [Jitter; 2] = [Jitter::Full, Jitter::Equal];
const OTHERS: [Jitter; 2] = [Jitter::Decorrelated, Jitter::Additive(ms(1))];

fn growing(first: Duration) -> [Backoff; 5] {
    [
        Backoff::exponential(first),
        Backoff::exponential(first).factor(1.1),
        Backoff::fibonacci(first),
        Backoff::linear(first),
        Backoff::constant(first),
    ]
}

#[test]
fn schedules_are_what_their_names_say() {
    assert_eq!(exact(Backoff::exponential(ms(100))), [100, 200, 400, 800].map(ms));
    assert_eq!(
        exact(Backoff::exponential(ms(100)).factor(1.5)),
        [100_000, 150_000, 225_000].map(Duration::from_micros)
    );
    assert_eq!(exact(Backoff::fibonacci(ms(100))), [100, 100, 200, 300, 500, 800].map(ms));
    assert_eq!(exact(Backoff::linear(ms(100))), [100, 200, 300].map(ms));
    assert_eq!(exact(Backoff::constant(ms(100))), [ms(100); 3]);
    assert_eq!(exact(Backoff::custom(|attempt| ms(u64::from(attempt) * 7))), [7, 14, 21].map(ms));
    assert_eq!(exact(Backoff::none()), [Duration::ZERO; 3]);
}

#[test]
fn each_schedule_names_itself() {
    let forms = [
        (Backoff::none(), "None", "no delay"),
        (Backoff::constant(ms(7)), "Constant(7ms)", "a delay of 7ms"),
        (Backoff::linear(ms(7)), "Linear(7ms)", "linear delays from 7ms"),
        (Backoff::exponential(ms(7)), "Exponential(7ms)", "exponential delays from 7ms"),
        (Backoff::fibonacci(ms(7)), "Fibonacci(7ms)", "Fibonacci delays from 7ms"),
        (Backoff::custom(|_| ms(7)), "Custom", "custom delays"),
    ];
    for (backoff, debug, text) in forms {
        let backoff = backoff.jitter(Jitter::None);
        assert!(format!("{backoff:?}").starts_with(&format!("Backoff {{ schedule: {debug},")), "{backoff:?}");
        assert_eq!(backoff.to_string(), text);
    }
}

#[test]
fn d20_no_delay_is_above_the_maximum_not_the_first_either() {
    let error = Backoff::exponential(secs(10)).max_delay(secs(1)).build().unwrap_err();
    assert_eq!(error.field(), Some("max_delay"));
    // And if nobody asked.
    let unchecked = Backoff::exponential(secs(10)).max_delay(secs(1));
    assert!((1..=9).all(|attempt| unchecked.delay(attempt, 0) <= secs(1)));
}

#[test]
fn d05_d21_b04_the_cap_holds_after_the_jitter_and_delays_at_the_cap_differ() {
    for backoff in growing(ms(100)) {
        let capped =
            |jitter| backoff.clone().max_delay(secs(4)).jitter(jitter).build().expect("it makes sense");
        for jitter in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated, Jitter::Additive(ms(500))] {
            let backoff = capped(jitter);
            let delays: Vec<_> = backoff.delays(7).skip(200).take(500).collect();
            assert!(delays.iter().all(|delay| *delay <= secs(4)), "{backoff:?}");
            let on_the_cap = delays.iter().filter(|delay| **delay == secs(4)).count();
            assert!(on_the_cap < 5, "{on_the_cap} of 500 wait for exactly the cap: {backoff:?}");
            let (least, most) = (delays.iter().min(), delays.iter().max());
            assert!(most > least, "{backoff:?}");
        }
    }
}

#[test]
fn d22_fibonacci_stops_growing_at_the_cap() {
    assert_eq!(exact(Backoff::fibonacci(secs(1)).max_delay(secs(4))), [1, 1, 2, 3, 4, 4, 4].map(secs));
}

#[test]
fn d23_doubling_is_exact() {
    let delays: [_; 30] = exact(Backoff::exponential(ms(100)));
    for (attempt, delay) in delays.into_iter().enumerate() {
        assert_eq!(delay, ms(100 << attempt));
    }
}

#[test]
fn d24_d25_what_is_too_long_is_the_longest_there_is() {
    let longest = Duration::from_nanos(u64::MAX);
    let huge = Backoff::exponential(secs(10)).factor(1e10).jitter(Jitter::None);
    assert_eq!((huge.delay(1, 0), huge.delay(3, 0), huge.delay(u32::MAX, 0)), (secs(10), longest, longest));
    for jitter in NO_JITTER.into_iter().chain(DOWNWARD).chain(OTHERS) {
        for backoff in growing(Duration::MAX) {
            let backoff = backoff.jitter(jitter);
            assert_eq!(backoff.delay(1, 0), longest, "{backoff:?}");
            assert!(backoff.delay(u32::MAX, u64::MAX) > Duration::ZERO, "{backoff:?}");
        }
    }
    assert_eq!(Backoff::custom(|_| Duration::MAX).max_delay(secs(3)).delay(1, 0), secs(3));
}

#[test]
fn d30_the_first_delay_is_no_factor() {
    assert_eq!(exact(Backoff::exponential(ms(500))), [500, 1_000, 2_000].map(ms));
}

#[test]
fn d31_each_delay_has_its_own_jitter() {
    let backoff = Backoff::constant(secs(1)).jitter(Jitter::Full);
    let mut delays: Vec<_> = backoff.delays(3).take(100).collect();
    delays.sort();
    delays.dedup();
    assert!(delays.len() > 90, "{delays:?}");
}

#[test]
fn b02_every_delay_is_more_than_nothing_and_at_most_the_cap() {
    for cap in [ms(100), secs(30), Duration::MAX] {
        for backoff in growing(ms(100)) {
            for jitter in NO_JITTER.into_iter().chain(DOWNWARD).chain([Jitter::Decorrelated]) {
                let backoff = backoff.clone().max_delay(cap).jitter(jitter).build().expect("it makes sense");
                for attempt in (0..100_000).chain([u32::MAX - 1, u32::MAX]) {
                    let random = [0, u64::MAX / 2, u64::MAX][attempt as usize % 3];
                    let delay = backoff.delay(attempt, random);
                    assert!(!delay.is_zero() && delay <= cap, "{attempt}: {delay:?} of {backoff:?}");
                }
            }
        }
    }
}

#[test]
fn b02_without_jitter_no_delay_is_shorter_than_the_one_before() {
    for backoff in growing(ms(7)) {
        let backoff = backoff.jitter(Jitter::None);
        let delays: Vec<_> = (1..100_000).map(|attempt| backoff.delay(attempt, 0)).collect();
        assert!(delays.is_sorted(), "{backoff:?}");
    }
}

#[test]
fn b03_decorrelated_delays_stay_between_the_first_and_the_cap() {
    for (first, cap) in [(ms(100), secs(20)), (Duration::from_nanos(1), Duration::MAX), (secs(1), secs(1))] {
        let backoff = Backoff::exponential(first).max_delay(cap).jitter(Jitter::Decorrelated);
        let backoff = backoff.build().expect("it makes sense");
        for seed in 0..20 {
            let mut previous = first;
            for delay in backoff.delays(seed).take(3_000) {
                assert!(first <= delay && delay <= cap, "{delay:?}");
                assert!(delay <= previous.saturating_mul(3), "{delay:?} after {previous:?}");
                previous = delay;
            }
        }
    }
}

#[test]
fn jitter_is_evenly_distributed_between_its_bounds() {
    let bounds = |jitter| {
        let backoff = Backoff::constant(ms(100)).max_delay(ms(400)).jitter(jitter);
        let delays: Vec<_> = backoff.delays(2).take(20_000).collect();
        let mean = delays.iter().sum::<Duration>() / 20_000;
        let least = backoff.delay(1, u64::MAX);
        assert!(delays.iter().all(|delay| (least..=backoff.delay(1, 0)).contains(delay)));
        (least, backoff.delay(1, 0), (mean.as_secs_f64() * 1_000.0).round() as u64)
    };
    assert_eq!(bounds(Jitter::None), (ms(100), ms(100), 100));
    assert_eq!(bounds(Jitter::Full), (Duration::from_nanos(1), ms(100), 50));
    assert_eq!(bounds(Jitter::Equal), (ms(50), ms(100), 75));
    assert_eq!(bounds(Jitter::Additive(ms(60))), (ms(100), ms(160), 130));
}

#[test]
fn additive_jitter_has_its_room_below_the_cap() {
    let backoff = Backoff::exponential(ms(100)).max_delay(ms(1_000)).jitter(Jitter::Additive(ms(300)));
    let bounds = |attempt| (backoff.delay(attempt, u64::MAX), backoff.delay(attempt, 0));
    assert_eq!(
        [1, 3, 4, 99].map(bounds),
        [(ms(100), ms(400)), (ms(400), ms(700)), (ms(700), ms(1_000)), (ms(700), ms(1_000)),]
    );
}

#[test]
fn the_same_seed_gives_the_same_delays() {
    let backoff = Backoff::exponential(ms(100)).max_delay(secs(5));
    let take = |seed| backoff.delays(seed).take(50).collect::<Vec<_>>();
    assert_eq!(backoff.delays(1).size_hint(), (usize::MAX, None), "it has no end");
    assert_eq!(take(1), take(1));
    assert_ne!(take(1), take(2));
}

#[test]
fn what_makes_no_sense_is_refused_by_the_name_of_its_field() {
    let field = |backoff: Backoff| backoff.build().err().and_then(|error| error.field());
    let good = Backoff::exponential(ms(100));
    for factor in [f64::NAN, f64::INFINITY, 0.99, 0.0, -2.0] {
        assert_eq!(field(good.clone().factor(factor)), Some("factor"), "{factor}");
    }
    assert_eq!(field(good.clone().factor(1.0)), None);
    assert_eq!(field(Backoff::linear(ms(1)).factor(2.0)), Some("factor"));
    assert_eq!(field(good.clone().max_delay(ms(99))), Some("max_delay"));
    assert_eq!(field(good.clone().max_delay(ms(100))), None);
    assert_eq!(field(good.clone().max_delay(ms(199)).jitter(Jitter::Additive(ms(100)))), Some("jitter"));
    assert_eq!(field(good.clone().max_delay(ms(200)).jitter(Jitter::Additive(ms(100)))), None);
    assert_eq!(field(good.jitter(Jitter::Additive(Duration::ZERO))), Some("jitter"));
    assert_eq!(field(Backoff::exponential(Duration::ZERO)), Some("initial"));
    assert_eq!(field(Backoff::fibonacci(Duration::ZERO)), Some("initial"));
    assert_eq!(field(Backoff::linear(Duration::ZERO)), Some("step"));
    assert_eq!(field(Backoff::constant(Duration::ZERO)), Some("delay"));
    assert_eq!(field(Backoff::none()), None);
    assert_eq!(field(Backoff::custom(|_| Duration::ZERO)), None);
}

proptest! {
    #[test]
    fn whatever_the_numbers_a_delay_is_above_zero_and_at_most_the_cap(
        first in 1_u64.., more: u64, kind in 0..5_usize, jitter in 0..5_usize, attempt: u32, random: u64,
        previous: u64, factor in 1.0_f64..1e9, additive in 1_u64..,
    ) {
        let (first, cap) = (Duration::from_nanos(first), Duration::from_nanos(first.saturating_add(more)));
        let mut backoff = growing(first)[kind].clone().max_delay(cap);
        if kind == 1 {
            backoff = backoff.factor(factor);
        }
        let jitters = [Jitter::None, Jitter::Full, Jitter::Equal, Jitter::Decorrelated, Jitter::Additive(Duration::from_nanos(additive))];
        let plain = backoff.clone().jitter(Jitter::None);
        let backoff = backoff.jitter(jitters[jitter]);
        for delay in [backoff.delay(attempt, random), backoff.next_delay(attempt, Duration::from_nanos(previous), random)] {
            prop_assert!(!delay.is_zero() && delay <= cap, "{:?}", delay);
        }
        prop_assert!(plain.delay(attempt.saturating_add(1), random) >= plain.delay(attempt, random));
        prop_assert!(backoff.delay(attempt, random) <= backoff.delay(attempt, 0));
    }
}
