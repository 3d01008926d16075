//! Budgets, alone: what they allow and what comes back.

use backstay_core::resilience::{RetryBudget, Verdict};
use backstay_core::time::Instant;
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const NOW: Instant = Instant::ORIGIN;

fn ratio(ratio: f64) -> RetryBudget {
    RetryBudget::ratio(ratio).min_per_second(0).build().expect("it makes sense")
}

/// Withdraws until there is nothing left; all of it is spent.
fn spend_all(budget: &RetryBudget, now: Instant) -> u64 {
    let mut count = 0;
    while let Some(withdrawal) = budget.try_withdraw(1, now) {
        withdrawal.record(Verdict::failure());
        count += 1;
    }
    count
}

#[test]
fn d32_d33_a_share_is_exact() {
    for (share, retries) in [(0.3, 300), (0.6, 600), (0.75, 750), (0.9, 900), (1.0, 1_000), (600.0, 600_000)]
    {
        let budget = ratio(share);
        for _ in 0..1_000 {
            budget.record(Verdict::Success, NOW);
        }
        assert_eq!(budget.available(NOW), retries);
        assert_eq!(spend_all(&budget, NOW), retries, "{share}");
    }
}

#[test]
fn each_form_names_itself_and_what_it_counts() {
    let forms = [
        (ratio(0.5), "RetryBudget(Ratio(Ratio { per_call: 500000,"),
        (RetryBudget::token_bucket().build().unwrap(), "RetryBudget(TokenBucket(TokenBucket { tokens: 500,"),
        (RetryBudget::throttle(4, 1.6).unwrap(), "RetryBudget(Throttle(Throttle { tokens: 4000,"),
    ];
    for (budget, text) in forms {
        assert!(format!("{budget:?}").starts_with(text), "{budget:?}");
    }
    let bucket = RetryBudget::token_bucket().build().unwrap();
    assert_eq!(format!("{:?}", bucket.try_withdraw(2, NOW).unwrap()), "Withdrawal { amount: 10, .. }");
}

#[test]
fn calls_that_reach_the_service_are_what_a_share_is_of() {
    let budget = ratio(1.0);
    for verdict in [Verdict::Success, Verdict::failure(), Verdict::Fatal, Verdict::Ignore] {
        budget.record(verdict, NOW);
    }
    assert_eq!(budget.available(NOW), 3);
}

#[test]
fn the_reserve_is_there_without_calls_and_comes_back_with_the_window() {
    let budget = RetryBudget::ratio(0.0).min_per_second(2).window(Duration::from_secs(10)).build();
    let budget = budget.expect("it makes sense");
    assert_eq!(spend_all(&budget, NOW), 20);
    assert_eq!(spend_all(&budget, NOW + Duration::from_secs(9)), 0);
    assert_eq!(spend_all(&budget, NOW + Duration::from_secs(10)), 20);
}

#[test]
fn a_retry_of_a_higher_cost_is_paid_as_several() {
    let budget = ratio(1.0);
    for _ in 0..5 {
        budget.record(Verdict::Success, NOW);
    }
    budget.try_withdraw(3, NOW).expect("there are five").record(Verdict::failure());
    assert!(budget.try_withdraw(3, NOW).is_none());
    assert_eq!(budget.available(NOW), 2);
    assert!(budget.try_withdraw(u32::MAX, NOW).is_none());
}

#[test]
fn the_standard_bucket_has_a_hundred_retries_and_gets_back_those_that_help() {
    let budget = RetryBudget::token_bucket().build().expect("the defaults make sense");
    assert_eq!(spend_all(&budget, NOW), 100);
    // 500 - 5 * 100 = 0: five calls that succeed at once are one retry.
    for given in 1..=5 {
        assert_eq!(budget.available(NOW), 0);
        assert!(budget.try_withdraw(1, NOW).is_none(), "{given}");
        budget.record(Verdict::Success, NOW);
    }
    // One that succeeds gives back what it took, and not more.
    for _ in 0..3 {
        budget.try_withdraw(1, NOW).expect("it is there").record(Verdict::Success);
        assert_eq!(budget.available(NOW), 1);
    }
    budget.record(Verdict::failure(), NOW);
    budget.record(Verdict::Fatal, NOW);
    budget.record(Verdict::Ignore, NOW);
    assert_eq!(budget.available(NOW), 1);
    budget.try_withdraw(1, NOW).expect("it is there").record(Verdict::Fatal);
    assert_eq!(budget.available(NOW), 0);
}

#[test]
fn a_timeout_costs_twice_as_much_and_so_does_a_failure_of_cost_two() {
    let budget = RetryBudget::token_bucket().capacity(20).build().expect("it makes sense");
    budget.try_withdraw_after_timeout(1, NOW).expect("there are twenty").record(Verdict::failure());
    assert_eq!(budget.available(NOW), 2);
    budget.try_withdraw(2, NOW).expect("there are ten").record(Verdict::failure());
    assert_eq!(budget.available(NOW), 0);
}

#[test]
fn a_bucket_is_never_more_than_full() {
    let budget = RetryBudget::token_bucket().capacity(10).success_refill(u32::MAX).build();
    let budget = budget.expect("it makes sense");
    for _ in 0..3 {
        budget.record(Verdict::Success, NOW);
        assert_eq!(budget.available(NOW), 2);
    }
    let withdrawal = budget.try_withdraw(1, NOW).expect("it is there");
    budget.record(Verdict::Success, NOW);
    drop(withdrawal);
    assert_eq!(budget.available(NOW), 2);
}

/// The table of gRPC's own test of its throttle: four tokens, 1.6 for a success.
#[test]
fn throttling_allows_retries_above_a_half_of_the_tokens() {
    let budget = RetryBudget::throttle(4, 1.6).expect("it makes sense");
    let failure = |budget: &RetryBudget| {
        budget.record(Verdict::failure(), NOW);
        budget.try_withdraw(1, NOW).is_some()
    };
    assert!(failure(&budget)); // 3
    budget.record(Verdict::Success, NOW); // 4: not more than there are
    assert!(failure(&budget)); // 3
    assert!(!failure(&budget)); // 2: a half
    assert!(!failure(&budget)); // 1
    assert!(!failure(&budget)); // 0
    assert!(!failure(&budget)); // 0: not fewer than none
    budget.record(Verdict::Success, NOW); // 1.6
    budget.record(Verdict::Success, NOW); // 3.2
    assert!(failure(&budget)); // 2.2
    budget.record(Verdict::Fatal, NOW);
    budget.record(Verdict::Ignore, NOW);
    assert_eq!(budget.available(NOW), 1);
}

#[test]
fn a_retry_counts_in_throttling_as_any_call() {
    let budget = RetryBudget::throttle(10, 0.5).expect("it makes sense");
    budget.record(Verdict::failure(), NOW); // 9
    budget.try_withdraw(1, NOW).expect("above five").record(Verdict::failure()); // 8
    budget.try_withdraw(1, NOW).expect("above five").record(Verdict::Success); // 8.5
    drop(budget.try_withdraw(1, NOW).expect("above five"));
    assert_eq!(budget.available(NOW), 4); // 7.5, 6.5, 5.5, and then 4.5
}

#[test]
fn b08_what_is_dropped_is_given_back() {
    let [mut share, bucket] = [
        ratio(1.0),
        RetryBudget::token_bucket().timeout_cost(5).capacity(5).build().expect("it makes sense"),
    ];
    share.record(Verdict::Success, NOW);
    for budget in [&mut share, &mut bucket.clone()] {
        for _ in 0..3 {
            let withdrawal = budget.try_withdraw(1, NOW).expect("one is there");
            assert!(budget.try_withdraw(1, NOW).is_none());
            assert_eq!(budget.available(NOW), 0);
            drop(withdrawal);
            assert_eq!(budget.available(NOW), 1);
        }
        // Refused before it reached the service.
        budget.try_withdraw(1, NOW).expect("one is there").record(Verdict::Ignore);
        assert_eq!(budget.available(NOW), 1);
    }
    // A clone is the same budget.
    assert_eq!(bucket.available(NOW), 1);
}

#[test]
fn b09_threads_together_get_no_more_than_there_is() {
    let budgets = [
        RetryBudget::token_bucket().capacity(500).build().expect("it makes sense"),
        RetryBudget::ratio(0.0).min_per_second(10).build().expect("it makes sense"),
    ];
    for budget in budgets {
        let got = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        if let Some(withdrawal) = budget.try_withdraw(1, NOW) {
                            withdrawal.record(Verdict::failure());
                            got.fetch_add(1, Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!((got.into_inner(), budget.available(NOW)), (100, 0), "{budget:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_the_name_of_its_field() {
    let field =
        |built: Result<RetryBudget, backstay_core::ConfigError>| built.err().and_then(|error| error.field());
    for share in [f64::NAN, -0.1, 1_000.1, f64::INFINITY, 0.000_000_4] {
        assert_eq!(field(RetryBudget::ratio(share).build()), Some("ratio"), "{share}");
    }
    assert_eq!(field(RetryBudget::ratio(0.0).min_per_second(0).build()), Some("ratio"));
    assert_eq!(field(RetryBudget::ratio(0.0).build()), None);
    assert_eq!(field(RetryBudget::ratio(1_000.0).min_per_second(u32::MAX).build()), None);
    for window in [Duration::ZERO, Duration::from_micros(999), Duration::from_secs(3_601), Duration::MAX] {
        assert_eq!(field(RetryBudget::ratio(0.1).window(window).build()), Some("window"));
    }
    let bucket = RetryBudget::token_bucket();
    assert_eq!(field(bucket.retry_cost(0).build()), Some("retry_cost"));
    assert_eq!(field(bucket.timeout_cost(0).build()), Some("timeout_cost"));
    assert_eq!(field(bucket.capacity(9).build()), Some("capacity"));
    assert_eq!(field(bucket.timeout_cost(1).capacity(4).build()), Some("capacity"));
    assert_eq!(field(bucket.capacity(10).success_refill(0).build()), None);
    assert_eq!(field(RetryBudget::throttle(0, 0.1)), Some("max_tokens"));
    for token_ratio in [0.0, f64::NAN, 10.5, -1.0, 0.0009] {
        assert_eq!(field(RetryBudget::throttle(10, token_ratio)), Some("token_ratio"), "{token_ratio}");
    }
}

proptest! {
    /// In any stretch as long as the window, retries are no more than the share of the calls of that stretch and the
    /// window before it, and the reserve.
    #[test]
    fn retries_never_exceed_the_share_and_the_reserve(
        share in 0.001_f64..2.0, per_second in 1..5_u32, steps in prop::collection::vec((0..400_u64, 0..3_u8), 1..300),
    ) {
        let budget = RetryBudget::ratio(share).min_per_second(per_second).build().expect("it makes sense");
        let (mut now, mut calls, mut retries) = (0, Vec::new(), Vec::new());
        for (later, what) in steps {
            now += later * 1_000_000;
            let at = Instant::from_nanos(now);
            if what == 0 {
                budget.record(Verdict::Success, at);
                calls.push(now);
            } else if let Some(withdrawal) = budget.try_withdraw(1, at) {
                withdrawal.record(Verdict::failure());
                retries.push(now);
                // A slot is forgotten as a whole: of the oldest, a part may be gone already.
                let within = |times: &[u64], nanos: u64| times.iter().filter(|time| **time + nanos > now).count() as f64;
                let most = within(&calls, 10_000_000_000) * share + f64::from(per_second) * 10.0;
                prop_assert!(within(&retries, 9_000_000_000) <= most + 1e-3);
            }
        }
    }
}
