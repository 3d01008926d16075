//! Limits on how many calls are under way that find their own size.

use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

mod tower_resilience {
    use super::MS;
    use ::tower_resilience::adaptive::{Aimd, ConcurrencyAlgorithm, Vegas};

    #[test]
    fn d06_one_call_after_the_other_and_the_limit_is_a_hundred() {
        let vegas = Vegas::builder().initial_limit(10).build().expect("it is good");
        (0..500).for_each(|_| vegas.record_success(10 * MS));
        assert_eq!(vegas.limit(), 100);
    }

    #[test]
    fn d07_one_lucky_call_and_the_limit_is_one_for_ever() {
        let vegas = Vegas::builder().initial_limit(50).build().expect("it is good");
        vegas.record_success(MS);
        (0..2_000).for_each(|_| vegas.record_success(10 * MS));
        assert_eq!(vegas.limit(), 1);
    }

    #[test]
    fn d08_six_errors_of_the_application_and_the_limit_is_one() {
        let vegas = Vegas::builder().initial_limit(64).build().expect("it is good");
        (0..6).for_each(|_| vegas.record_failure());
        assert_eq!(vegas.limit(), 1);
    }

    #[test]
    fn d09_five_thousand_fast_calls_and_the_limit_is_a_hundred() {
        let aimd = Aimd::builder().initial_limit(10).build().expect("it is good");
        (0..5_000).for_each(|_| aimd.record_success(MS / 100));
        assert_eq!(aimd.limit(), 100);
    }
}

mod backstay {
    use super::MS;
    use backstay_core::resilience::{AdaptiveAlgorithm, AdaptiveLimit, Aimd, Vegas, Verdict};
    use backstay_core::time::Instant;
    use std::time::Duration;

    /// So many calls one after the other.
    fn calls(limit: &AdaptiveLimit, count: usize, latency: Duration, verdict: Verdict) {
        let mut now = Instant::ORIGIN;
        for _ in 0..count {
            let permit = limit.try_acquire(now).expect("it is free");
            now += latency;
            permit.record(verdict, now);
        }
    }

    fn limit(algorithm: impl Into<AdaptiveAlgorithm>, initial: usize) -> AdaptiveLimit {
        AdaptiveLimit::named("l").algorithm(algorithm).initial_limit(initial).build().expect("it is good")
    }

    #[test]
    fn d06_it_stays_what_it_was() {
        let limit = limit(Vegas::new(), 10);
        calls(&limit, 500, 10 * MS, Verdict::Success);
        assert_eq!(limit.limit(), 10);
    }

    #[test]
    fn d07_it_stays_what_it_was() {
        let limit = limit(Vegas::new(), 50);
        calls(&limit, 1, MS, Verdict::Success);
        calls(&limit, 2_000, 10 * MS, Verdict::Success);
        assert_eq!(limit.limit(), 50);
    }

    #[test]
    fn d08_it_stays_what_it_was() {
        let limit = limit(Vegas::new(), 64);
        calls(&limit, 6, MS, Verdict::failure());
        assert_eq!(limit.limit(), 64);
    }

    #[test]
    fn d09_it_stays_what_it_was() {
        let limit = limit(Aimd::new(), 10);
        calls(&limit, 5_000, MS / 100, Verdict::Success);
        assert_eq!(limit.limit(), 10);
    }
}
