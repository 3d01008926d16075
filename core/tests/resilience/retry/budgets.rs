//! Retries that are paid for, and what comes back.

use super::*;

#[test]
fn b08_a_budget_that_is_used_up_keeps_the_error() {
    sim(|rt| async move {
        let budget = RetryBudget::token_bucket().capacity(10).build().unwrap();
        let retry = retry(9, 10).budget(&budget).build().unwrap();
        let calls = Count::default();
        let result = retry.run(&rt, fails(9, &calls)).await;
        assert_eq!(result, exhausted(3, 20, Stop::Budget, BOOM));
        assert_eq!(retry.run(&rt, fails(9, &calls)).await, exhausted(1, 0, Stop::Budget, BOOM));
        // Others can't either, and five calls that work are one retry.
        let other = self::retry(2, 10).budget(&budget).build().unwrap();
        for _ in 0..5 {
            assert_eq!(other.run(&rt, fails(1, &calls)).await, exhausted(1, 0, Stop::Budget, BOOM));
            assert_eq!(other.run(&rt, fails(0, &calls)).await, Ok(1));
        }
        assert_eq!(other.run(&rt, fails(1, &calls)).await, Ok(2));
        assert_eq!(budget.available(rt.now()), 1);
    });
}

#[test]
fn a_timeout_of_ours_costs_a_bucket_more_and_a_refusal_costs_nothing() {
    sim(|rt| async move {
        let budget = RetryBudget::token_bucket().capacity(20).build().unwrap();
        let retry = retry(2, 10).budget(&budget).build().unwrap();
        let slow = Pipeline::named("slow").retry(retry.clone()).attempt_timeout(ms(5)).build(&rt).unwrap();
        let result = slow.call(|_| pending::<Result<(), ()>>()).await;
        assert!(result.unwrap_err().is_timeout());
        assert_eq!(budget.available(rt.now()), 2);

        // The first is paid for; the second is refused, and what was taken for it comes back.
        let refused = Pipeline::named("refused").retry(retry).breaker(&breaker()).build(&rt).unwrap();
        assert_eq!(refused.call(fails(9, &Count::default())).await, exhausted(1, 10, Stop::Refused, BOOM));
        assert_eq!(budget.available(rt.now()), 2);
    });
}

#[test]
fn a_ratio_is_of_the_calls_whatever_comes_of_them() {
    sim(|rt| async move {
        let budget = RetryBudget::ratio(0.5).min_per_second(0).build().unwrap();
        let retry = retry(9, 10).budget(&budget).build().unwrap();
        let mut calls = 0;
        for _ in 0..100 {
            let counted = Count::default();
            assert!(retry.run(&rt, fails(u32::MAX, &counted)).await.is_err());
            calls += counted.get();
        }
        assert_eq!(calls, 150);
    });
}

#[test]
fn a_ratio_is_of_the_calls_of_its_window() {
    sim(|rt| async move {
        let budget = RetryBudget::ratio(1.0).min_per_second(0).window(ms(1_000)).build().unwrap();
        let retry = retry(9, 0).budget(&budget).build().unwrap();
        for _ in 0..3 {
            assert_eq!(retry.run(&rt, fails(0, &Count::default())).await, Ok(1));
        }
        rt.sleep(ms(2_000)).await;
        // One for itself: what was before is forgotten.
        let result = retry.run(&rt, fails(9, &Count::default())).await;
        assert!(
            matches!(result, Err(Error::RetriesExhausted { attempts: 2, why: Stop::Budget, .. })),
            "{result:?}"
        );
    });
}

#[test]
fn a_cost_by_the_classifier_is_what_is_taken() {
    sim(|rt| async move {
        let budget = RetryBudget::throttle(10, 0.1).unwrap();
        let retry = retry(9, 10)
            .budget(&budget)
            .classify(|_: Result<&u32, &Error<Fault>>| Verdict::failure().cost(3))
            .build()
            .unwrap();
        // 7, and then 4, which is not above a half.
        assert_eq!(retry.run(&rt, fails(9, &Count::default())).await, exhausted(2, 10, Stop::Budget, BOOM));
        assert_eq!(budget.available(rt.now()), 0);
    });
}

/// One that fails, waits, fails, waits, and succeeds, each attempt with a step in the middle.
async fn cut(rt: Sim, subject: Subject, tracker: Tracker, budget: RetryBudget) -> RetryBudget {
    let retry = retry(3, 10).budget(&budget).build().unwrap();
    let users = Pipeline::named("users").retry(retry).attempt_timeout(ms(100)).build(&rt).unwrap();
    let work = {
        let rt = rt.clone();
        async move {
            let (rt, tracker) = (&rt, &tracker);
            let call = users.call(|attempt| {
                let held = tracker.track(());
                async move {
                    rt.sleep(ms(5)).await;
                    drop(held);
                    if attempt.number() < 3 { Err(Boom) } else { Ok(()) }
                }
            });
            assert_eq!(call.await, Ok(()));
        }
    };
    subject.spawn(&rt, work).await;
    budget
}

#[test]
fn s09_b08_a_retry_that_is_cut_anywhere_gives_back_what_it_took() {
    let tracker = Tracker::new();
    // Whatever was made in vain is spent: one of two, or with all of it the success back.
    let bucket = || RetryBudget::token_bucket().capacity(10).build().unwrap();
    let scenario = |rt, subject| cut(rt, subject, tracker.clone(), bucket());
    let check = |rt: Sim, budget: RetryBudget| async move {
        let left = budget.available(rt.now());
        assert!((1..=2).contains(&left), "{left}");
    };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 5);
    passed(abort_sweep(scenario, check));
    passed(panic_sweep(scenario, check));
    tracker.assert_none_alive();
}

#[test]
fn b08_dropped_in_its_delay_or_its_second_attempt_the_balance_is_as_before() {
    sim(|rt| async move {
        let budgets = [
            RetryBudget::token_bucket().build().unwrap(),
            RetryBudget::ratio(0.0).min_per_second(1).build().unwrap(),
        ];
        for budget in budgets {
            let before = budget.available(rt.now());
            for limit in [5, 15] {
                let retry = retry(3, 10).budget(&budget).build().unwrap();
                let op = |attempt: backstay_core::resilience::Attempt| async move {
                    if attempt.number() == 1 { Err(Boom) } else { pending::<Result<(), _>>().await }
                };
                let call = rt.timeout(ms(limit), retry.run(&rt, op)).await;
                assert!(call.is_err());
                assert_eq!(budget.available(rt.now()), before);
            }
        }
    });
}

#[test]
fn a_panic_passes_through_and_gives_back() {
    sim(|rt| async move {
        let budget = RetryBudget::token_bucket().build().unwrap();
        let task = rt.spawn({
            let (rt, budget) = (rt.clone(), budget.clone());
            async move {
                let retry = retry(3, 10).budget(&budget).build().unwrap();
                let result = retry
                    .run(&rt, |attempt| async move {
                        assert!(attempt.number() < 2, "a panic of the operation");
                        Err::<(), _>(Boom)
                    })
                    .await;
                result.map_err(drop)
            }
        });
        assert!(task.await.is_err());
        assert_eq!(budget.available(rt.now()), 100);
    });
}

#[test]
fn b08_an_attempt_that_never_had_its_turn_costs_nothing_and_is_none() {
    sim(|rt| async move {
        let budgets = [
            (RetryBudget::token_bucket().capacity(20).build().unwrap(), 0),
            (RetryBudget::ratio(1.0).min_per_second(1).build().unwrap(), 1),
            (RetryBudget::throttle(10, 0.1).unwrap(), -1),
        ];
        for (budget, change) in budgets {
            let bulkhead = Bulkhead::named("db").max_in_flight(1).max_waiting(9).build().unwrap();
            let retry = retry(9, 10).budget(&budget).build().unwrap();
            let users = Pipeline::named("users").deadline(ms(100)).retry(retry).bulkhead(&bulkhead);
            let users = users.build(&rt).unwrap();
            let before = budget.available(rt.now());
            let place = bulkhead.try_acquire().unwrap();
            let result = users.call(fails(9, &Count::default())).await;
            assert_eq!(result, Err(Error::TimedOut { scope: Scope::Total, limit: ms(100) }));
            assert_eq!(budget.available(rt.now()), before, "{budget:?}");
            drop(place);

            // The first is made, and the second waits for a turn until the end.
            let (taken, before) = (Mutex::new(None), budget.available(rt.now()));
            let result = users.call(|attempt| {
                assert!(!attempt.is_retry());
                let (rt, bulkhead, taken) = (&rt, &bulkhead, &taken);
                async move {
                    let mut queued = Box::pin(bulkhead.acquire_owned(rt));
                    assert!(backstay_core::future::poll_now(queued.as_mut()).await.is_none());
                    *taken.lock().unwrap() = Some(queued);
                    Err::<u32, _>(Boom)
                }
            });
            assert_eq!(result.await, exhausted(1, 100, Stop::Deadline, BOOM));
            // As if there had been one call that failed, and no retry.
            let made = before.checked_add_signed(change).unwrap();
            assert_eq!(budget.available(rt.now()), made, "{budget:?}");
        }
    });
}
