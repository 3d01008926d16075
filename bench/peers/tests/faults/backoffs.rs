//! Delays between attempts.

use std::iter::from_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn seconds(delays: impl Iterator<Item = Duration>) -> Vec<u64> {
    delays.map(|delay| delay.as_secs()).collect()
}

mod tower_resilience {
    use super::*;
    use ::tower_resilience::retry::{ExponentialRandomBackoff, IntervalFunction};

    #[test]
    fn d05_jitter_exceeds_the_cap() {
        let cap = Duration::from_millis(400);
        let backoff = ExponentialRandomBackoff::new(Duration::from_millis(100), 0.5)
            .expect("it is good")
            .max_interval(cap);
        // Half of them are above, so that none is has the probability of two to the minus two hundred.
        let longest = (0..200).map(|_| backoff.next_interval(10)).max().expect("there are some");
        assert!(longest > cap && longest <= Duration::from_millis(600), "{longest:?}");
    }
}

mod backon {
    use super::*;
    use ::backon::{BackoffBuilder, ExponentialBuilder, FibonacciBuilder};

    #[test]
    fn d20_the_first_delay_exceeds_the_cap() {
        let backoff = ExponentialBuilder::new().with_min_delay(10 * SECOND).with_max_delay(SECOND);
        assert_eq!(seconds(backoff.build()), [10, 1, 1]);
    }

    #[test]
    fn d21_jitter_exceeds_the_cap() {
        let cap = 4 * SECOND;
        let backoff = ExponentialBuilder::new()
            .with_max_delay(cap)
            .with_max_times(100)
            .with_jitter()
            .with_jitter_seed(1);
        let longest = backoff.build().max().expect("there are some");
        assert!(longest > cap + 3 * SECOND && longest <= 2 * cap, "{longest:?}");
    }

    #[test]
    fn d22_fibonacci_s_delays_exceed_the_cap() {
        let backoff = FibonacciBuilder::new().with_max_delay(4 * SECOND).with_max_times(7);
        assert_eq!(seconds(backoff.build()), [1, 1, 2, 3, 5, 5, 5]);
    }

    #[test]
    fn d23_delays_are_not_exact() {
        let backoff = ExponentialBuilder::new().with_min_delay(Duration::from_millis(100));
        let nanoseconds: Vec<_> = backoff.build().map(|delay| delay.as_nanos()).collect();
        assert_eq!(nanoseconds, [100_000_000, 200_000_003, 400_000_006]);
    }

    #[test]
    fn d24_a_limit_on_the_sum_panics() {
        let mut delays = ExponentialBuilder::new()
            .with_factor(1e10)
            .without_max_delay()
            .with_total_delay(Some(Duration::from_secs(100_000_000_000)))
            .build();
        let all = catch_unwind(AssertUnwindSafe(|| from_fn(|| delays.next()).count()));
        assert!(all.is_err(), "{all:?}");
    }

    #[test]
    fn d25_a_long_delay_with_jitter_panics() {
        let longest = Duration::from_secs(10_000_000_000_000_000_000);
        let backoff = FibonacciBuilder::new()
            .with_min_delay(longest)
            .without_max_delay()
            .with_jitter()
            .with_jitter_seed(1);
        let all = catch_unwind(|| backoff.build().count());
        assert!(all.is_err(), "{all:?}");
    }
}

mod tokio_retry {
    use ::tokio_retry::strategy::ExponentialBackoff;

    #[test]
    fn d30_the_base_is_the_exponent_s() {
        let delays = ExponentialBackoff::from_millis(500).take(3);
        assert_eq!(
            delays.map(|delay| delay.as_millis()).collect::<Vec<_>>(),
            [500, 250_000, 125_000_000],
            "and not 500, 1000, 2000"
        );
    }
}

mod tokio_retry2 {
    use super::*;
    use ::tokio_retry2::strategy::jitter_range;

    #[test]
    fn d31_all_delays_have_the_same_jitter() {
        let jitter = jitter_range(1..1_000_000);
        let factors: Vec<_> = (0..10).map(|_| jitter(SECOND).as_secs()).collect();
        assert!(factors.iter().all(|factor| *factor == factors[0]), "{factors:?}");
        assert_eq!(jitter(SECOND), Duration::from_secs(factors[0]), "a whole multiple");
    }
}

mod backstay {
    use super::*;
    use backstay_core::resilience::{Backoff, Jitter};

    fn first(backoff: Backoff, attempts: u32) -> impl Iterator<Item = Duration> {
        let backoff = backoff.jitter(Jitter::None).build().expect("it is good");
        (1..=attempts).map(move |attempt| backoff.delay(attempt, 0))
    }

    #[test]
    fn d05_jitter_stays_below_the_cap() {
        let cap = Duration::from_millis(400);
        for jitter in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated, Jitter::Additive(cap / 2)] {
            let backoff = Backoff::exponential(Duration::from_millis(100)).max_delay(cap).jitter(jitter);
            let longest = backoff.delays(1).take(200).max().expect("there are some");
            assert!(longest > cap / 2 && longest <= cap, "{jitter}: {longest:?}");
        }
    }

    #[test]
    fn d20_a_first_delay_above_the_cap_is_refused() {
        let backoff = Backoff::exponential(10 * SECOND).max_delay(SECOND);
        assert!(backoff.build().is_err());
    }

    #[test]
    fn d21_jitter_stays_below_the_cap() {
        let backoff = Backoff::exponential(SECOND).max_delay(4 * SECOND);
        let longest = backoff.delays(1).take(100).max().expect("there are some");
        assert!(longest <= 4 * SECOND, "{longest:?}");
    }

    #[test]
    fn d22_fibonacci_s_delays_stay_below_the_cap() {
        let backoff = Backoff::fibonacci(SECOND).max_delay(4 * SECOND);
        assert_eq!(seconds(first(backoff, 7)), [1, 1, 2, 3, 4, 4, 4]);
    }

    #[test]
    fn d23_delays_are_exact() {
        let nanoseconds: Vec<_> = first(Backoff::exponential(Duration::from_millis(100)), 3)
            .map(|delay| delay.as_nanos())
            .collect();
        assert_eq!(nanoseconds, [100_000_000, 200_000_000, 400_000_000]);
    }

    #[test]
    fn d24_and_d25_long_delays_saturate() {
        let longest = Duration::from_nanos(u64::MAX);
        let steep = Backoff::exponential(SECOND).factor(1e10).max_delay(Duration::MAX);
        assert_eq!(first(steep, 4).last(), Some(longest));
        let long =
            Backoff::fibonacci(Duration::from_secs(10_000_000_000_000_000_000)).max_delay(Duration::MAX);
        assert!(long.delays(1).take(100).all(|delay| delay <= longest));
    }

    #[test]
    fn d30_the_base_is_the_first_delay() {
        let delays = first(Backoff::exponential(Duration::from_millis(500)), 3);
        assert_eq!(delays.map(|delay| delay.as_millis()).collect::<Vec<_>>(), [500, 1_000, 2_000]);
    }

    #[test]
    fn d31_each_delay_has_its_own_jitter() {
        let backoff = Backoff::constant(SECOND).jitter(Jitter::Full);
        let delays: Vec<_> = backoff.delays(1).take(10).collect();
        assert!(delays.iter().any(|delay| *delay != delays[0]), "{delays:?}");
    }
}
