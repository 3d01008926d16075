//! How many retries there may be for so many calls.

use std::iter::repeat_with;
use std::time::Duration;

mod tower {
    use super::*;
    use ::tower::retry::budget::{Budget, TpsBudget};

    /// How many retries so many calls pay for.
    fn retries(calls: u64, ratio: f32) -> usize {
        let budget = TpsBudget::new(Duration::from_secs(60), 0, ratio);
        (0..calls).for_each(|_| budget.deposit());
        repeat_with(|| budget.withdraw()).take_while(|is_paid| *is_paid).count()
    }

    #[tokio::test(start_paused = true)]
    async fn d32_a_ratio_that_divides_nothing_is_rounded_up() {
        let given = [0.3, 0.6, 0.75, 0.9].map(|ratio| retries(1_000, ratio));
        assert_eq!(given, [333, 1_000, 1_000, 1_000], "and not 300, 600, 750, 900");
    }

    #[tokio::test(start_paused = true)]
    async fn d33_a_large_ratio_is_rounded_up() {
        assert_eq!(retries(10, 600.0), 10_000, "and not 6000");
    }
}

mod backstay {
    use super::*;
    use backstay_core::resilience::{RetryBudget, Verdict};
    use backstay_core::time::Instant;

    const NOW: Instant = Instant::ORIGIN;

    fn retries(calls: u64, ratio: f64) -> usize {
        let budget = RetryBudget::ratio(ratio).window(Duration::from_secs(60)).min_per_second(0);
        let budget = budget.build().expect("it is good");
        (0..calls).for_each(|_| budget.record(Verdict::Success, NOW));
        let retry = || budget.try_withdraw(1, NOW).map(|withdrawal| withdrawal.record(Verdict::failure()));
        repeat_with(retry).take_while(Option::is_some).count()
    }

    #[test]
    fn d32_a_ratio_that_divides_nothing_is_exact() {
        let given = [0.3, 0.6, 0.75, 0.9].map(|ratio| retries(1_000, ratio));
        assert_eq!(given, [300, 600, 750, 900]);
    }

    #[test]
    fn d33_a_large_ratio_is_exact() {
        assert_eq!(retries(10, 600.0), 6_000);
    }
}
