//! Limits on a rate.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

mod governor {
    use super::*;
    use ::governor::clock::FakeRelativeClock;
    use ::governor::{Quota, RateLimiter};
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::num::NonZeroU32;
    use std::pin::pin;

    fn n(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).expect("it is not zero")
    }

    // It multiplies without a look at what comes out: where overflow is checked, as in tests, it panics.

    #[test]
    fn d17_more_than_the_burst_is_admitted() {
        let quota = Quota::per_hour(n(1)).allow_burst(n(10));
        let limiter = RateLimiter::direct_with_clock(quota, FakeRelativeClock::default());
        let checked = catch_unwind(AssertUnwindSafe(|| limiter.check_n(n(5_124_097))));
        assert!(matches!(checked, Err(_) | Ok(Ok(Ok(())))), "and not refused");
    }

    #[test]
    fn d18_a_large_burst_is_another() {
        let quota = Quota::with_period(DAY).expect("it is not zero").allow_burst(n(u32::MAX));
        let admitted = catch_unwind(|| {
            let limiter = RateLimiter::direct_with_clock(quota, FakeRelativeClock::default());
            (0..1_000_000).take_while(|_| limiter.check().is_ok()).count()
        });
        assert!(matches!(admitted, Err(_) | Ok(121_186)), "{admitted:?}");
    }

    #[tokio::test]
    async fn d19_who_wants_more_than_one_is_overtaken_for_ever() {
        const BURST: u32 = 10_000;
        let limiter = RateLimiter::direct(Quota::per_second(n(BURST)));
        limiter.check_n(n(BURST)).expect("it has that many").expect("it is full");
        // It needs a second in which nobody takes any.
        let mut all = pin!(limiter.until_n_ready(n(BURST)));
        let taken = Cell::new(0);
        let one_by_one = futures::future::join_all((0..20).map(|_| async {
            while taken.get() < 200 {
                limiter.until_ready().await;
                taken.set(taken.get() + 1);
            }
        }));
        let mut one_by_one = pin!(one_by_one);
        poll_fn(|cx| {
            assert!(all.as_mut().poll(cx).is_pending(), "after {} who came later", taken.get());
            one_by_one.as_mut().poll(cx).map(drop)
        })
        .await;
        assert!(taken.get() >= 200, "and not twenty at most");
    }
}

mod tower {
    use super::*;
    use ::tower::limit::RateLimit;
    use ::tower::limit::rate::Rate;
    use ::tower::{Service, ServiceExt, service_fn};
    use std::future::ready;
    use tokio::time::{Instant, advance};

    #[tokio::test(start_paused = true)]
    async fn d34_nearly_twice_as_many_pass_around_the_end_of_a_window() {
        let service = service_fn(|(): ()| ready(Ok::<_, ()>(())));
        let mut limited = RateLimit::new(service, Rate::new(10, Duration::from_secs(1)));
        limited.ready().await.unwrap().call(()).await.unwrap();
        advance(Duration::from_millis(950)).await;
        let begin = Instant::now();
        let mut passed = 0;
        while begin.elapsed() < Duration::from_millis(115) {
            limited.ready().await.unwrap().call(()).await.unwrap();
            if begin.elapsed() < Duration::from_millis(115) {
                passed += 1;
            }
        }
        assert_eq!(passed, 19, "and not ten");
    }
}

mod ratelimit {
    use super::*;
    use ::ratelimit::{Builder, Clock, Ratelimiter, TryWaitError};
    use std::cell::Cell;
    use std::rc::Rc;

    #[derive(Clone, Default)]
    struct Time(Rc<Cell<Duration>>);

    impl Time {
        fn advance(&self, by: Duration) {
            self.0.set(self.0.get() + by);
        }
    }

    impl Clock for Time {
        fn elapsed(&self) -> Duration {
            self.0.get()
        }
    }

    #[test]
    fn d35_who_waits_as_long_as_told_is_refused() {
        let time = Time::default();
        let limiter = Ratelimiter::with_clock(7, time.clone());
        let mut refused = 0;
        for _ in 0..1_000 {
            while limiter.try_wait().is_ok() {}
            let Err(TryWaitError::Insufficient(wait)) = limiter.try_wait() else { panic!("it is empty") };
            time.advance(wait);
            refused += u64::from(limiter.try_wait().is_err());
        }
        assert_eq!(refused, 889, "and not none");
    }

    #[test]
    fn d36_asked_often_it_loses_what_has_accrued() {
        let time = Time::default();
        let limiter = Builder::with_clock(1, time.clone()).period(DAY).build().expect("it is good");
        let mut granted = 0;
        while time.elapsed() < 2 * DAY + HOUR {
            granted += u64::from(limiter.try_wait().is_ok());
            time.advance(Duration::from_millis(172));
        }
        assert_eq!(granted, 1, "and not two");
    }

    #[test]
    fn d37_the_new_rate_is_that_of_the_past() {
        let time = Time::default();
        let limiter = Builder::with_clock(1, time.clone()).max_tokens(10_000).build().expect("it is good");
        time.advance(Duration::from_secs(10));
        limiter.set_rate(100);
        let granted = (0..10_000).take_while(|_| limiter.try_wait().is_ok()).count();
        assert_eq!(granted, 1_000, "and not ten");
    }
}

mod leaky_bucket {
    use super::*;
    use ::leaky_bucket::RateLimiter;

    /// How many it gives in a second, asked every so often.
    async fn granted_in_a_second(interval: Duration, asked: Duration) -> usize {
        let limiter =
            RateLimiter::builder().interval(interval).refill(1).initial(0).max(1_000_000).fair(false).build();
        let mut granted = 0;
        for _ in 0..(Duration::from_secs(1).as_nanos() / asked.as_nanos()) {
            tokio::time::advance(asked).await;
            while limiter.try_acquire(1) {
                granted += 1;
            }
        }
        granted
    }

    #[tokio::test(start_paused = true)]
    async fn d38_asked_often_it_loses_what_has_accrued() {
        let granted = granted_in_a_second(Duration::from_millis(10), Duration::from_micros(10_900)).await;
        assert_eq!(granted, 91, "and not 99");
        let granted = granted_in_a_second(Duration::from_millis(1), Duration::from_micros(1_900)).await;
        assert_eq!(granted, 526, "and not 999");
    }
}

mod backstay {
    use super::*;
    use backstay_core::resilience::{Quota, RateLimiter, Reason, Rejected};
    use backstay_core::time::Instant;
    use backstay_core::{Limit, Runtime};
    use backstay_tokio::Tokio;
    use futures::future::{join_all, select};
    use std::cell::Cell;
    use std::pin::pin;

    const NOW: Instant = Instant::ORIGIN;

    fn limiter(quota: Quota) -> RateLimiter {
        RateLimiter::new(quota).expect("it is good")
    }

    fn n(n: usize) -> Limit {
        Limit::new(n).expect("it is not zero")
    }

    /// How many it grants now.
    fn granted(limiter: &RateLimiter, now: Instant) -> usize {
        (0..10_000).take_while(|_| limiter.try_acquire(now).is_ok()).count()
    }

    #[test]
    fn d17_more_than_the_burst_is_refused() {
        let limiter = limiter(Quota::per_hour(1).burst(10));
        let refused = limiter.try_acquire_many(n(5_124_097), NOW).map(drop).unwrap_err();
        assert_eq!(refused.reason(), Reason::TooLarge { capacity: 10 });
    }

    #[test]
    fn d18_a_burst_that_is_too_large_is_an_error() {
        assert!(RateLimiter::new(Quota::new(1, DAY).burst(u32::MAX)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn d19_who_wants_more_than_one_has_its_turn() {
        let rt = Tokio::current();
        let limiter = limiter(Quota::per_second(200).burst(10));
        drop(limiter.try_acquire_many(n(10), rt.now()).expect("it is full"));
        let taken = Cell::new(0);
        let all = pin!(limiter.acquire_many(&rt, n(10)));
        let one_by_one = join_all((0..20).map(|_| async {
            loop {
                let _permit = limiter.acquire(&rt).await.expect("it waits");
                taken.set(taken.get() + 1);
            }
        }));
        let begin = rt.now();
        select(all, pin!(one_by_one)).await;
        assert!(rt.now() - begin <= Duration::from_millis(150) && taken.get() <= 20, "{}", taken.get());
    }

    #[test]
    fn d34_no_more_than_ten_pass_around_the_end_of_a_window() {
        let second = Duration::from_secs(1);
        let limiter = limiter(Quota::strict(10, second));
        assert!(limiter.try_acquire(NOW).is_ok());
        let passed =
            (950..=1_065).map(|millisecond| granted(&limiter, NOW + Duration::from_millis(millisecond)));
        assert!(passed.sum::<usize>() <= 10);
    }

    #[test]
    fn d35_who_waits_as_long_as_told_is_served() {
        let limiter = limiter(Quota::per_second(7));
        let mut now = NOW;
        for _ in 0..1_000 {
            granted(&limiter, now);
            now += limiter.try_acquire(now).map(drop).unwrap_err().retry_after().expect("it is known");
            assert!(limiter.try_acquire(now).is_ok());
        }
    }

    #[test]
    fn d36_and_d38_asked_often_it_loses_nothing() {
        for (every, asked, polls, right) in [
            (DAY, Duration::from_millis(172), 1_010_000, 2),
            (Duration::from_millis(10), Duration::from_micros(10_900), 91, 99),
            (Duration::from_millis(1), Duration::from_micros(1_900), 526, 999),
        ] {
            let limiter = limiter(Quota::new(1, every).burst(1_000));
            granted(&limiter, NOW);
            let granted: usize = (1..=polls).map(|poll| granted(&limiter, NOW + asked * poll)).sum();
            assert_eq!(granted, right, "{every:?}");
        }
    }

    #[test]
    fn d37_the_past_has_its_own_rate() -> Result<(), Rejected> {
        let limiter = limiter(Quota::per_second(1).burst(1_000));
        drop(limiter.try_acquire_many(n(1_000), NOW)?);
        let now = NOW + Duration::from_secs(10);
        limiter.set_quota(Quota::per_second(100).burst(1_000), now).expect("it is good");
        assert_eq!(granted(&limiter, now), 10);
        Ok(())
    }
}
