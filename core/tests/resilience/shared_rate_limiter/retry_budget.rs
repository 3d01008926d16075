//! Retries of many processes, paid from one store.

use super::scripted::{Does, Scripted};
use super::{builder, good};
use crate::kit::{Heard, at, ms, on_sim, passed, secs};
use backstay::testing::{Sim, Subject, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{
    Backoff, Cause, CircuitState, Error, EventKind, Hedge, InMemoryStore, Lint, Next, OnStoreFailure,
    Pipeline, PolicyKind, Quota, Reason, Rejected, Retry, RetryBudget, SharedRateLimiter, Stop, Verdict,
};
use std::cell::Cell;

const ONE_IN_TEN_SECONDS: Quota = Quota::per_minute(6);

fn retry() -> Retry {
    Retry::builder().max_attempts(4).backoff(Backoff::constant(ms(10))).build().expect("it is good")
}

const fn spent(reason: Reason) -> Rejected {
    Rejected::new(PolicyKind::RetryBudget, "api", reason)
}

/// How many attempts it made, why there was no other, and whose error it has.
fn end<T: std::fmt::Debug>(result: Result<T, Error<&'static str>>) -> (u32, Stop, Cause<&'static str>) {
    match result {
        Err(Error::RetriesExhausted { attempts, why, last, .. }) => (attempts, why, last),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_retries_of_all_processes_are_paid_from_one() {
    on_sim(|rt| async move {
        let store = InMemoryStore::new();
        let node = || {
            let limiter = good(builder(ONE_IN_TEN_SECONDS.burst(5)).store(store.clone()));
            let users = Pipeline::named("users").retry(retry()).retry_budget_shared(&limiter);
            users.build(&rt).expect("it is good")
        };
        let nodes = [node(), node(), node()];
        let mut attempts = Vec::new();
        for call in 0..6 {
            let (made, why, last) = end(nodes[call % 3].call(async |_| Err::<(), _>("down")).await);
            assert_eq!(why, if made == 4 { Stop::MaxAttempts } else { Stop::Budget });
            assert_eq!(last, Cause::Operation("down"));
            attempts.push(made);
        }
        assert_eq!(attempts, [4, 3, 1, 1, 1, 1]);
        // It comes back with time, whoever has taken it.
        rt.sleep(secs(10)).await;
        assert_eq!(end(nodes[2].call(async |_| Err::<(), _>("down")).await).0, 2);
    });
}

#[test]
fn first_attempts_are_not_asked_for() {
    on_sim(|rt| async move {
        let store = Scripted::new(&rt);
        store.does(Does::Hang);
        let limiter = good(builder(ONE_IN_TEN_SECONDS).store(store));
        let users = Pipeline::named("users").retry(retry()).retry_budget_shared(&limiter);
        let users = users.build(&rt).expect("it is good");
        for _ in 0..10 {
            assert_eq!(users.call(async |_| Ok::<_, ()>(1)).await, Ok(1));
        }
        assert_eq!((rt.now(), limiter.metrics().asked), (at(0), 0));
    });
}

#[test]
fn it_is_asked_when_the_retry_begins_and_nobody_waits_for_a_permit() {
    on_sim(|rt| async move {
        let heard = Heard::default();
        let limiter = good(builder(ONE_IN_TEN_SECONDS).max_wait(secs(60)));
        let users =
            Pipeline::named("users").retry(retry()).retry_budget_shared(&limiter).observer(heard.clone());
        let users = users.build(&rt).expect("it is good");
        assert_eq!(end(users.call(async |_| Err::<(), _>("down")).await).1, Stop::Budget);
        assert_eq!(rt.now(), at(20));
        let told: Vec<_> = heard.take().into_iter().map(|(_, kind)| kind).collect();
        let refused = EventKind::Rejected(spent(Reason::RateLimited));
        let retrying = |attempt| EventKind::Retrying { attempt, delay: ms(10) };
        let exhausted = EventKind::RetriesExhausted { attempts: 2, why: Stop::Budget };
        assert_eq!(told, [retrying(1), retrying(2), refused, exhausted]);
    });
}

#[test]
fn a_refused_retry_costs_the_budget_of_the_process_nothing() {
    on_sim(|rt| async move {
        let own = RetryBudget::token_bucket().build().expect("it is good");
        let retry = Retry::builder().backoff(Backoff::none()).budget(&own).build().expect("it is good");
        let limiter = good(builder(ONE_IN_TEN_SECONDS));
        limiter.try_acquire(&rt).await.expect("there is one");
        let users = Pipeline::named("users").retry(retry).retry_budget_shared(&limiter);
        let users = users.build(&rt).expect("it is good");
        assert_eq!(end(users.call(async |_| Err::<(), _>("down")).await).1, Stop::Budget);
        assert_eq!(own.available(rt.now()), 100);
    });
}

#[test]
fn where_the_store_fails_it_is_as_the_limiter_says() {
    on_sim(|rt| async move {
        for does in [Does::Fail, Does::Hang] {
            for (instead, expected) in
                [(OnStoreFailure::Allow, (4, Stop::MaxAttempts)), (OnStoreFailure::Deny, (1, Stop::Budget))]
            {
                let store = Scripted::new(&rt);
                store.does(does);
                let limiter = good(builder(ONE_IN_TEN_SECONDS).store(store).on_store_failure(instead));
                let users = Pipeline::named("users").retry(retry()).retry_budget_shared(&limiter);
                let users = users.build(&rt).expect("it is good");
                let started = rt.now();
                let (attempts, why, _) = end(users.call(async |_| Err::<(), _>("down")).await);
                assert_eq!((attempts, why), expected, "{does:?} {instead:?}");
                assert!(rt.now() - started <= 3 * (ms(10) + ms(20)), "{does:?} {instead:?}");
            }
        }
    });
}

#[test]
fn the_deadline_of_the_call_is_the_stores() {
    on_sim(|rt| async move {
        let store = Scripted::new(&rt);
        store.does(Does::Hang);
        let limiter = good(builder(ONE_IN_TEN_SECONDS).store(store));
        let users = Pipeline::named("users").deadline(ms(15)).retry(retry()).retry_budget_shared(&limiter);
        let users = users.build(&rt).expect("it is good");
        let came = end(users.call(async |_| Err::<(), _>("down")).await);
        assert_eq!((came, rt.now()), ((1, Stop::Deadline, Cause::Operation("down")), at(15)));
        assert_eq!(limiter.metrics().timeouts, 1);
    });
}

#[test]
fn a_value_that_is_a_failure_is_gone_when_its_retry_is_refused() {
    on_sim(|rt| async move {
        let limiter = good(builder(ONE_IN_TEN_SECONDS));
        limiter.try_acquire(&rt).await.expect("there is one");
        let judge = |result: Result<&u16, &Error<()>>| match result {
            Ok(503) => Verdict::failure(),
            Ok(_) => Verdict::Success,
            Err(error) => Verdict::of_error(error),
        };
        let users = Pipeline::named("users").retry(retry()).retry_budget_shared(&limiter).classify(judge);
        let users = users.build(&rt).expect("it is good");
        let refused = Error::Rejected(spent(Reason::RateLimited));
        assert_eq!(users.call(async |_| Ok::<_, ()>(503)).await, Err(refused));
    });
}

#[test]
fn a_classifier_that_takes_every_error_for_a_failure_does_not_ask_again() {
    on_sim(|rt| async move {
        let limiter = good(builder(ONE_IN_TEN_SECONDS));
        let judge = |result: Result<&(), &Error<&'static str>>| match result {
            Ok(()) => Verdict::Success,
            Err(_) => Verdict::failure(),
        };
        let users = Pipeline::named("users").retry(retry()).retry_budget_shared(&limiter).classify(judge);
        let users = users.build(&rt).expect("it is good");
        let came = end(users.call(async |_| Err::<(), _>("down")).await);
        assert_eq!(came, (2, Stop::Budget, Cause::Operation("down")));
        assert_eq!(limiter.metrics().asked, 2);
        let by_hand = retry();
        let mut state = by_hand.state(at(0)).until(at(60_000));
        let refused: Error<()> = spent(Reason::RateLimited).into();
        let next = state.after_error(Verdict::failure(), &refused, at(0), 0);
        assert_eq!(next, Next::GiveUp { why: Stop::Budget });
    });
}

#[test]
fn hedges_pay_where_it_is_inside_of_them() {
    on_sim(|rt| async move {
        for (inside, called) in [(true, 1), (false, 3)] {
            let limiter = good(builder(ONE_IN_TEN_SECONDS));
            limiter.try_acquire(&rt).await.expect("there is one");
            let hedge = Hedge::builder().delay(ms(10)).max_hedges(2).build().expect("it is good");
            let users = Pipeline::named("users");
            let calls = Cell::new(0);
            let slow = async |_| {
                calls.set(calls.get() + 1);
                rt.sleep(ms(100)).await;
                Ok::<_, ()>(1)
            };
            let answer = if inside {
                let users = users.hedge(hedge).retry_budget_shared(&limiter).build(&rt);
                users.expect("it is good").call(slow).await
            } else {
                let users = users.retry_budget_shared(&limiter).hedge(hedge).build(&rt);
                users.expect("it is good").call(slow).await
            };
            assert_eq!((answer, calls.get()), (Ok(1), called), "inside: {inside}");
        }
    });
}

#[test]
fn by_hand_a_refusal_of_the_budget_is_the_end() {
    let retry = Retry::builder().max_elapsed(secs(60)).build().expect("it is good");
    let mut state = retry.state(at(0));
    assert!(matches!(state.after(Verdict::failure(), at(0), 0), Next::Retry { .. }));
    let refused: Error<()> = spent(Reason::RateLimited).with_retry_after(secs(1)).into();
    let next = state.after_error(Verdict::of_error(&refused), &refused, at(0), 0);
    assert_eq!(next, Next::GiveUp { why: Stop::Budget });
}

#[test]
fn its_place_is_inside_the_retry() {
    on_sim(|rt| async move {
        let limiter = good(builder(ONE_IN_TEN_SECONDS));
        let outside = Pipeline::named("users").retry_budget_shared(&limiter).retry(retry());
        let outside = outside.build(&rt).expect("it is good");
        assert_eq!(outside.lints(), [Lint::RetryBudgetOutsideRetry]);
        let described = outside.describe().to_string();
        let line = "retry budget `api`: 6 in 60s, 1 at once for the retries of all with the key `api`";
        assert!(described.contains(line), "{described}");
        let inside = Pipeline::named("users").retry(retry()).retry_budget_shared(&limiter).build(&rt);
        assert_eq!(inside.expect("it is good").lints(), []);
    });
}

#[test]
fn who_is_cut_leaves_nothing_behind() {
    for does in [Does::AnswerAfter(ms(5)), Does::Fail, Does::Hang] {
        let scenario = |rt: Sim, subject: Subject| async move {
            let store = Scripted::new(&rt);
            let quota = builder(Quota::per_second(10).burst(4)).on_store_failure(OnStoreFailure::Deny);
            let limiter = good(quota.lease(2).store(store.clone()));
            store.does(does);
            let users = Pipeline::named("users").retry(retry()).retry_budget_shared(&limiter);
            let users = users.build(&rt).expect("it is good");
            let op = async |_| {
                rt.yield_now().await;
                Err::<(), _>("down")
            };
            let call = async {
                for _ in 0..6 {
                    let _ = users.call(op).await;
                }
            };
            let _ = subject.run(call).await;
            store.does(Does::Answer);
            limiter
        };
        let check = |rt: Sim, limiter: SharedRateLimiter<Scripted>| async move {
            rt.sleep(secs(2)).await;
            limiter.acquire(&rt).await.expect("its turn comes");
            assert_eq!(limiter.breaker().state(rt.now()), CircuitState::Closed);
            assert_eq!(limiter.leased(rt.now()), 1);
        };
        assert!(passed(cancel_sweep(scenario, check)).polls >= 1, "{does:?}");
        passed(panic_sweep(scenario, check));
    }
}
