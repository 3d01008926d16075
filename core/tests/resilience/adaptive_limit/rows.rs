//! What other limits have got wrong, row by row.

use super::{algorithms, calls, limit, rounds};
use crate::kit::{at, ms, sim};
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::resilience::{
    AdaptiveAlgorithm, AdaptiveLimit, Aimd, Attempt, Error, Gradient, Vegas, Verdict,
};
use futures::FutureExt;
use std::time::Duration;

#[test]
fn d06_d09_b36_nothing_grows_where_the_application_is_the_limit() {
    for algorithm in algorithms() {
        for (count, latency) in [(500, ms(10)), (5_000, Duration::from_micros(1))] {
            sim(|rt: Sim| async move {
                let limit = limit(algorithm, 10);
                for _ in 0..count {
                    let op = |_: Attempt| rt.sleep(latency).map(Ok::<_, ()>);
                    limit.run(&rt, op).await.expect("it is free");
                    assert_eq!(limit.limit(), 10, "{algorithm:?}");
                }
            });
        }
    }
}

#[test]
fn d06_four_of_ten_are_fewer_than_half_and_five_are_half() {
    for algorithm in algorithms() {
        let used = |count| {
            let limit = limit(algorithm, 10);
            (0..500).fold(at(0), |now, _| calls(&limit, count, now, ms(10)));
            limit.limit()
        };
        assert_eq!(used(4), 10, "{algorithm:?}");
        assert!(used(5) > 10, "{algorithm:?}");
    }
}

#[test]
fn d07_b36_one_lucky_call_does_not_pull_the_limit_down() {
    for algorithm in [AdaptiveAlgorithm::from(Vegas::new()), Gradient::new().into()] {
        // As many at a time as are let in, and one after the other.
        for at_once in [true, false] {
            let limit = limit(algorithm, 50);
            let mut now = calls(&limit, 1, at(0), ms(1));
            let mut ended = 0;
            while ended < 2_000 {
                let count = if at_once { limit.limit() } else { 1 };
                now = calls(&limit, count, now, ms(10));
                ended += count;
                assert!(limit.limit() >= 50, "{algorithm:?} {ended} {}", limit.limit());
            }
        }
    }
}

#[test]
fn d07_b36_a_lucky_time_is_forgotten() {
    for algorithm in [AdaptiveAlgorithm::from(Vegas::new()), Gradient::new().into()] {
        let limit = AdaptiveLimit::named("l").algorithm(algorithm).initial_limit(100).max_limit(100);
        let limit = limit.build().expect("it is good");
        // A time in which everything is in a cache.
        let now = rounds(&limit, 1_500, at(0), ms(1));
        let high = limit.limit();
        assert_eq!(high, 100, "{algorithm:?}");
        // From now on it never is: the limit comes down, is probed, and grows again.
        let (mut now, mut least) = (now, high);
        for _ in 0..3_000 {
            now = calls(&limit, limit.limit(), now, ms(10));
            least = least.min(limit.limit());
        }
        assert!(least < 80, "it was not a lucky time: {algorithm:?} {least}");
        assert_eq!(limit.limit(), 100, "{algorithm:?}");
    }
}

#[test]
fn d08_application_errors_are_no_overload() {
    for algorithm in algorithms() {
        sim(|rt: Sim| async move {
            let limit = limit(algorithm, 64);
            for _ in 0..6 {
                let failed = limit.run(&rt, async |_| Err::<(), _>("no such user")).await;
                assert_eq!(failed, Err(Error::Operation("no such user")));
            }
            for verdict in [Verdict::failure(), Verdict::Fatal, Verdict::Ignore] {
                rt.sleep(ms(1)).await;
                limit.try_acquire(rt.now()).expect("it is free").record(verdict, rt.now());
            }
            assert_eq!((limit.limit(), limit.in_flight()), (64, 0), "{algorithm:?}");
        });
    }
}

#[test]
fn d08_nor_are_their_latencies_measured() {
    // Errors that come at once would be a baseline that no call ever reaches.
    let limit = limit(Vegas::new(), 50);
    let mut now = at(0);
    for _ in 0..100 {
        let permits: Vec<_> = (0..50).map(|_| limit.try_acquire(now).expect("it is free")).collect();
        for permit in permits {
            permit.record(Verdict::failure(), now + ms(1));
        }
        now += ms(1);
    }
    rounds(&limit, 200, now, ms(10));
    assert!(limit.limit() >= 50, "{}", limit.limit());
}

#[test]
fn b36_the_baseline_does_not_grow_with_what_the_limit_lets_through() {
    // Ten calls of ten milliseconds are what the service does at a time; the others wait inside of it. All the time
    // there are more than that.
    for (algorithm, most) in [(AdaptiveAlgorithm::from(Vegas::new()), 20), (Gradient::new().into(), 40)] {
        let limit = limit(algorithm, 20);
        let mut now = at(0);
        let mut highest = 0;
        for round in 0..20_000 {
            let count = limit.limit();
            let latency = Duration::from_micros(1_000 * count.max(10) as u64);
            now = calls(&limit, count, now, latency);
            if round > 2_000 {
                highest = highest.max(limit.limit());
            }
        }
        assert!((10..=most).contains(&highest), "{algorithm:?} {highest}");
    }
}

#[test]
fn b37_a_permit_that_is_dropped_gives_its_place_back_and_says_nothing() {
    for algorithm in algorithms() {
        let limit = limit(algorithm, 2);
        for _ in 0..100 {
            let (one, two) = (limit.try_acquire(at(0)).unwrap(), limit.try_acquire_owned(at(0)).unwrap());
            assert!(limit.try_acquire(at(0)).is_err());
            drop(one);
            two.ignore();
            assert_eq!((limit.limit(), limit.in_flight()), (2, 0), "{algorithm:?}");
        }
        let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _permit = limit.try_acquire(at(0)).unwrap();
            panic!("while it is held");
        }));
        assert!(panics.is_err());
        assert_eq!(limit.in_flight(), 0);
    }
}

#[test]
fn b40_what_makes_no_sense_is_refused_by_field() {
    let named = || AdaptiveLimit::named("l");
    let vegas = |change: fn(Vegas) -> Vegas| named().algorithm(change(Vegas::new()));
    let gradient = |change: fn(Gradient) -> Gradient| named().algorithm(change(Gradient::new()));
    for (builder, field) in [
        (named().initial_limit(0), "initial_limit"),
        (named().min_limit(0), "min_limit"),
        (named().max_limit(0), "max_limit"),
        (named().max_limit(usize::MAX), "max_limit"),
        (named().min_limit(300), "max_limit"),
        (named().min_limit(21), "initial_limit"),
        (named().max_limit(19), "initial_limit"),
        (named().backoff_ratio(1.0), "backoff_ratio"),
        (named().backoff_ratio(0.0), "backoff_ratio"),
        (named().backoff_ratio(f64::NAN), "backoff_ratio"),
        (named().max_wait(ms(1)), "max_waiting"),
        (named().algorithm(Aimd::new().increase(0)), "increase"),
        (named().algorithm(Aimd::new().latency_threshold(Duration::ZERO)), "latency_threshold"),
        (vegas(|vegas| vegas.alpha(0)), "alpha"),
        (vegas(|vegas| vegas.beta(0)), "beta"),
        (vegas(|vegas| vegas.beta(2)), "beta"),
        (vegas(|vegas| vegas.window(Duration::ZERO)), "window"),
        (vegas(|vegas| vegas.window(Duration::MAX)), "window"),
        (vegas(|vegas| vegas.min_samples(0)), "min_samples"),
        (vegas(|vegas| vegas.probe_after(0)), "probe_after"),
        (gradient(|gradient| gradient.tolerance(0.9)), "tolerance"),
        (gradient(|gradient| gradient.tolerance(f64::NAN)), "tolerance"),
        (gradient(|gradient| gradient.smoothing(0.0)), "smoothing"),
        (gradient(|gradient| gradient.smoothing(1.1)), "smoothing"),
        (gradient(|gradient| gradient.queue(0)), "queue"),
        (gradient(|gradient| gradient.long_window(0)), "long_window"),
        (gradient(|gradient| gradient.window(Duration::ZERO)), "window"),
    ] {
        let limit = named().build().expect("it is good");
        let error = limit.reconfigure(builder.clone()).unwrap_err();
        assert_eq!(error.field(), Some(field), "{builder:?}");
        assert_eq!(builder.clone().build().unwrap_err().field(), Some(field), "{builder:?}");
        assert_eq!(limit.limit(), 20);
    }
    for good in [
        named().min_limit(1).initial_limit(1).max_limit(1),
        named().max_wait(Duration::ZERO),
        named().max_wait(Duration::MAX).max_waiting(usize::MAX),
        named().algorithm(Aimd::new().increase(u32::MAX).latency_threshold(Duration::MAX)),
        vegas(|vegas| vegas.alpha(u32::MAX).beta(u32::MAX).min_samples(u32::MAX).probe_after(u32::MAX)),
        gradient(|gradient| gradient.tolerance(100.0).smoothing(1.0).queue(u32::MAX).long_window(u32::MAX)),
    ] {
        let limit = good.clone().build().unwrap_or_else(|error| panic!("{good:?}: {error}"));
        rounds(&limit, 3, at(0), Duration::MAX);
    }
}
