//! Models of retry budgets: who withdraws, gives back and records at once.

use backstay_core::resilience::{RetryBudget, Verdict};
use backstay_core::time::Instant;
use loom::thread;

const NOW: Instant = Instant::ORIGIN;

/// One retry is there, whatever the form.
fn one_retry() -> [RetryBudget; 2] {
    let share = RetryBudget::ratio(1.0).min_per_second(0).build().unwrap();
    share.record(Verdict::Success, NOW);
    [share, RetryBudget::token_bucket().timeout_cost(5).capacity(5).build().unwrap()]
}

#[test]
fn b09_of_two_who_ask_at_once_one_gets_the_last() {
    for form in [0, 1] {
        loom::model(move || {
            let budget = one_retry()[form].clone();
            let other = budget.clone();
            let take = |budget: RetryBudget| match budget.try_withdraw(1, NOW) {
                Some(withdrawal) => {
                    withdrawal.record(Verdict::failure());
                    true
                }
                None => false,
            };
            let thread = thread::spawn(move || take(other));
            let here = take(budget.clone());
            let there = thread.join().unwrap();
            assert!(here != there, "{here} {there}");
            assert_eq!(budget.available(NOW), 0);
        });
    }
}

#[test]
fn b08_whatever_is_given_back_meanwhile_the_balance_is_right() {
    for form in [0, 1] {
        loom::model(move || {
            let budget = one_retry()[form].clone();
            let threads = [(); 2].map(|()| {
                let budget = budget.clone();
                thread::spawn(move || budget.try_withdraw(1, NOW).map(|_given_back| ()).is_some())
            });
            let got = threads.map(|thread| thread.join().unwrap());
            assert!(got[0] || got[1]);
            assert_eq!(budget.available(NOW), 1);
        });
    }
}

#[test]
fn a_success_in_between_is_not_lost() {
    loom::model(|| {
        let budget = RetryBudget::token_bucket().capacity(10).success_refill(5).build().unwrap();
        let [other, third] = [budget.clone(), budget.clone()];
        let takes = thread::spawn(move || {
            let withdrawal = other.try_withdraw(2, NOW).expect("it is full");
            withdrawal.record(Verdict::failure());
        });
        let refills = thread::spawn(move || third.record(Verdict::Success, NOW));
        takes.join().unwrap();
        refills.join().unwrap();
        // Recorded while it was full, or after.
        assert!(budget.available(NOW) <= 1);
    });
}

#[test]
fn throttling_counts_every_failure_and_every_success() {
    loom::model(|| {
        let budget = RetryBudget::throttle(4, 1.0).unwrap();
        budget.record(Verdict::failure(), NOW);
        let threads = [Verdict::failure(), Verdict::Success].map(|verdict| {
            let budget = budget.clone();
            thread::spawn(move || {
                budget.record(verdict, NOW);
                budget.try_withdraw(1, NOW).is_some()
            })
        });
        let [after_failure, after_success] = threads.map(|thread| thread.join().unwrap());
        // 3, and then 2 or 4, and then 3: whoever asked at 2 was refused.
        assert!(after_failure || after_success);
        assert_eq!(budget.available(NOW), 1);
    });
}

#[test]
fn a_window_that_moves_on_while_others_take_forgets_once() {
    loom::model(|| {
        let budget = RetryBudget::ratio(0.0).min_per_second(1).build().unwrap();
        let later = NOW + std::time::Duration::from_secs(20);
        let early = budget.try_withdraw(10, NOW).expect("ten are there");
        let thread = {
            let budget = budget.clone();
            thread::spawn(move || {
                budget.try_withdraw(10, later).map(|taken| taken.record(Verdict::failure()))
            })
        };
        // Given back before it is forgotten, or after: nobody gets it twice.
        drop(early);
        assert!(thread.join().unwrap().is_some());
        assert_eq!(budget.available(later), 0);
    });
}
