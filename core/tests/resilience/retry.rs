//! Attempts, their limits, and what is returned in the end.

mod budgets;
mod limits;
mod machine;
mod refusals;

use crate::kit::{Heard, ms, passed};
use backstay::testing::{Sim, Subject, Tracker, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{
    AttemptTimeout, Backoff, Bulkhead, Cause, CircuitBreaker, Error, EventKind, Jitter, Layered, Leaf, Next,
    Pipeline, Reason, Retry, RetryBudget, RetryBuilder, Retrying, Scope, Stop, Verdict,
};
use backstay_core::time::Instant;
use proptest::prelude::*;
use std::future::{Ready, pending, ready};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Runs it, and gives how long it took.
fn sim<F: Future<Output = ()> + Send + 'static>(program: impl FnOnce(Sim) -> F + Send + 'static) -> Duration {
    passed(Sim::builder().run(program)).elapsed
}

/// How often something was done.
#[derive(Default)]
struct Count(AtomicU32);

impl Count {
    fn get(&self) -> u32 {
        self.0.load(Relaxed)
    }

    fn set(&self, count: u32) {
        self.0.store(count, Relaxed);
    }
}

/// What was seen, in order.
#[derive(Clone)]
struct List<T>(Arc<Mutex<Vec<T>>>);

impl<T> List<T> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Vec::new())))
    }

    fn push(&self, item: T) {
        self.0.lock().unwrap().push(item);
    }

    fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// With a constant delay, without jitter.
fn retry(max_attempts: u32, delay: u64) -> RetryBuilder {
    let backoff = if delay == 0 { Backoff::none() } else { Backoff::constant(ms(delay)) };
    Retry::builder().max_attempts(max_attempts).backoff(backoff)
}

fn exhausted<T>(attempts: u32, elapsed: u64, why: Stop, last: Cause<Fault>) -> Result<T, Error<Fault>> {
    Err(Error::RetriesExhausted { attempts, elapsed: ms(elapsed), why, last })
}

/// What the operations fail with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Boom,
    NoSuchUser,
}

use Fault::Boom;

const BOOM: Cause<Fault> = Cause::Operation(Boom);

/// An operation that fails so often, and counts.
fn fails(
    times: u32,
    calls: &Count,
) -> impl FnMut(backstay_core::resilience::Attempt) -> Ready<Result<u32, Fault>> {
    move |attempt| {
        calls.set(calls.get() + 1);
        ready(if attempt.number() <= times { Err(Boom) } else { Ok(attempt.number()) })
    }
}

#[test]
fn it_tries_until_it_succeeds() {
    let elapsed = sim(|rt| async move {
        let calls = Count::default();
        let retry = retry(5, 10).build().unwrap();
        assert_eq!(retry.run(&rt, fails(3, &calls)).await, Ok(4));
        assert_eq!(calls.get(), 4);
    });
    assert_eq!(elapsed, ms(30));
}

#[test]
fn b01_the_first_attempt_counts() {
    sim(|rt| async move {
        for max in 1..5 {
            let calls = Count::default();
            let retry = retry(max, 10).build().unwrap();
            let result = retry.run(&rt, fails(u32::MAX, &calls)).await;
            assert_eq!(result, exhausted(max, u64::from(max - 1) * 10, Stop::MaxAttempts, BOOM));
            assert_eq!(calls.get(), max);
        }
        let none = Retry::builder().max_attempts(0).build().unwrap_err();
        assert_eq!(none.field(), Some("max_attempts"));
    });
}

#[test]
fn there_is_no_delay_after_the_last_attempt() {
    let elapsed = sim(|rt| async move {
        let retry = retry(2, 10).build().unwrap();
        let start = rt.now();
        assert!(retry.run(&rt, fails(9, &Count::default())).await.is_err());
        assert_eq!(rt.now() - start, ms(10));
    });
    assert_eq!(elapsed, ms(10));
}

#[test]
fn what_is_fatal_or_ignored_is_returned_as_it_is() {
    sim(|rt| async move {
        let calls = Count::default();
        let retry = retry(5, 10).retry_if(|error: &Fault| *error == Boom).build().unwrap();
        let result = retry
            .run(&rt, |attempt| {
                calls.set(attempt.number());
                ready(Err::<(), _>(if attempt.number() < 3 { Boom } else { Fault::NoSuchUser }))
            })
            .await;
        assert_eq!(result, Err(Error::Operation(Fault::NoSuchUser)));
        assert_eq!(calls.get(), 3);

        let ignores =
            Retry::builder().classify(|_: Result<&u32, &Error<Fault>>| Verdict::Ignore).build().unwrap();
        let result = ignores.run(&rt, |_| ready(Err::<u32, _>(Boom))).await;
        assert_eq!(result, Err(Error::Operation(Boom)));
    });
}

#[test]
fn a_value_that_is_a_failure_is_retried_and_in_the_end_returned() {
    sim(|rt| async move {
        let heard = Heard::default();
        let http = |result: Result<&u16, &Error<Fault>>| match result {
            Ok(500..) => Verdict::failure(),
            Ok(_) => Verdict::Success,
            Err(error) => Verdict::of_error(error),
        };
        let users = Pipeline::named("users")
            .classify(http)
            .observer(heard.clone())
            .retry(retry(3, 10).build().unwrap())
            .build(&rt)
            .unwrap();
        assert_eq!(
            users.call(|attempt| ready(Ok(if attempt.number() == 1 { 503 } else { 200 }))).await,
            Ok(200)
        );
        heard.take();
        assert_eq!(users.call(|attempt| ready(Ok(500 + attempt.number() as u16))).await, Ok(503));
        let events = heard.take();
        let names: Vec<_> = events.iter().map(|(source, kind)| (*source, kind.name())).collect();
        assert_eq!(
            names,
            [("users", "retry.scheduled"), ("users", "retry.scheduled"), ("users", "retry.exhausted")]
        );
        assert_eq!(events[1].1, EventKind::Retrying { attempt: 2, delay: ms(10) });
        assert_eq!(events[2].1, EventKind::RetriesExhausted { attempts: 3, why: Stop::MaxAttempts });
    });
}

#[test]
fn the_nearer_classifier_counts() {
    sim(|rt| async move {
        let all_fatal = |_: Result<&(), &Error<Fault>>| Verdict::Fatal;
        let own = retry(3, 10).classify(|_: Result<&(), &Error<Fault>>| Verdict::failure()).build().unwrap();
        for (retries, calls_expected) in [(true, 3), (false, 1)] {
            let calls = Count::default();
            let op = |_| {
                calls.set(calls.get() + 1);
                ready(Err::<(), _>(Boom))
            };
            let named = Pipeline::named("users").classify(all_fatal);
            let result = if retries {
                named.retry(own.clone()).build(&rt).unwrap().call(op).await
            } else {
                named.retry(retry(3, 10).build().unwrap()).build(&rt).unwrap().call(op).await
            };
            assert!(result.is_err());
            assert_eq!(calls.get(), calls_expected);
        }
    });
}

#[test]
fn the_attempt_and_the_last_error_reach_the_operation() {
    sim(|rt| async move {
        let seen = List::new();
        let within = AttemptTimeout::new(ms(15));
        let users =
            Pipeline::named("users").retry(retry(4, 10).build().unwrap()).attempt_timeout(within).build(&rt);
        let result = users
            .unwrap()
            .call_with_last(|attempt, last| {
                seen.push((attempt.number(), attempt.remaining(), last.copied()));
                async move {
                    match attempt.number() {
                        1 => Err(Boom),
                        2 => pending().await,
                        _ => Ok("done"),
                    }
                }
            })
            .await;
        assert_eq!(result, Ok("done"));
        let late = Cause::TimedOut { scope: Scope::Attempt, limit: ms(15) };
        let expected = [(1, ms(15), None), (2, ms(15), Some(BOOM)), (3, ms(15), Some(late))];
        assert_eq!(seen.take(), expected);
    });
}

#[test]
fn who_is_told_of_a_retry_sees_attempt_delay_and_outcome() {
    sim(|rt| async move {
        let seen = List::new();
        let retry = Retry::builder()
            .max_attempts(3)
            .backoff(Backoff::exponential(ms(10)).jitter(Jitter::None))
            .classify(|result: Result<&u32, &Error<Fault>>| match result {
                Ok(503) => Verdict::failure(),
                Ok(_) => Verdict::Success,
                Err(error) => Verdict::of_error(error),
            })
            .on_retry({
                let seen = seen.clone();
                move |retrying: &Retrying<'_, u32, Fault>| {
                    let outcome = retrying.outcome.copied().map_err(Clone::clone);
                    seen.push((retrying.attempt, retrying.delay, outcome));
                }
            })
            .build()
            .unwrap();
        let result = retry
            .run(&rt, |attempt| {
                ready(match attempt.number() {
                    1 => Err(Boom),
                    2 => Ok(503),
                    _ => Ok(200),
                })
            })
            .await;
        assert_eq!(result, Ok(200));
        drop(retry);
        assert_eq!(seen.take(), [(1, ms(10), Err(Error::Operation(Boom))), (2, ms(20), Ok(503))]);
    });
}

/// As a deadline would: a limit around the retry.
fn within(
    rt: &Sim,
    limit: u64,
    retry: Retry,
) -> Pipeline<Sim, Layered<AttemptTimeout, Layered<Retry, Leaf>>> {
    Pipeline::named("within").attempt_timeout(ms(limit)).retry(retry).build(rt).unwrap()
}

fn breaker() -> CircuitBreaker {
    CircuitBreaker::named("users-db").consecutive_failures(1).open_for(ms(1_000)).build().unwrap()
}

#[test]
fn d29_nothing_is_called_before_the_first_poll() {
    sim(|rt| async move {
        let calls = Count::default();
        let retry = Retry::default();
        drop(retry.run(&rt, fails(0, &calls)));
        assert_eq!(calls.get(), 0);
    });
}

#[test]
fn retries_in_retries_keep_their_own_numbers() {
    sim(|rt| async move {
        let numbers = List::new();
        let twice = |rt: &Sim| {
            let inner = retry(2, 1).build().unwrap();
            Pipeline::named("twice").retry(retry(3, 10).build().unwrap()).retry(inner).build(rt).unwrap()
        };
        let result = twice(&rt)
            .call(|attempt| {
                numbers.push(attempt.number());
                ready(Err::<(), _>(Boom))
            })
            .await;
        assert_eq!(result, exhausted(3, 23, Stop::MaxAttempts, BOOM));
        assert_eq!(numbers.take(), [1, 2, 1, 2, 1, 2]);
    });
}

#[test]
fn it_says_how_it_is_set() {
    sim(|rt| async move {
        let budget = RetryBudget::token_bucket().build().unwrap();
        let retry = Retry::builder().max_elapsed(ms(1_500)).budget(&budget).build().unwrap();
        let users = Pipeline::named("users").retry(retry).build(&rt).unwrap();
        let text = "users\n  retry: at most 3 attempts, exponential delays from 100ms, at most 20s, full jitter, \
                    within 1.5s, from a budget";
        assert_eq!(users.describe().to_string(), text);
    });
}

#[test]
fn which_errors_are_retried_leaves_all_else_to_the_pipelines_classifier() {
    sim(|rt| async move {
        let http = |result: Result<&u32, &Error<Fault>>| match result {
            Ok(503) => Verdict::failure(),
            Err(Error::Operation(Boom)) => Verdict::failure().after(ms(50)),
            Err(Error::Operation(Fault::NoSuchUser)) => Verdict::Success,
            Ok(_) => Verdict::Success,
            Err(error) => Verdict::of_error(error),
        };
        for (first, elapsed) in [(Err(Boom), 50), (Ok(503), 10), (Err(Fault::NoSuchUser), 10)] {
            let retry = retry(3, 10).retry_if(|_: &Fault| true).build().unwrap();
            let users = Pipeline::named("users").classify(http).retry(retry).build(&rt).unwrap();
            let start = rt.now();
            let result = users.call(|attempt| ready(if attempt.is_retry() { Ok(200) } else { first })).await;
            assert_eq!((result, rt.now() - start), (Ok(200), ms(elapsed)), "{first:?}");
        }
        // What the service is right to say refills the budget, and is not tried again.
        let budget = RetryBudget::throttle(10, 1.0).unwrap();
        budget.record(Verdict::failure(), rt.now());
        let retry = retry(3, 10).retry_if(|_: &Fault| false).budget(&budget).build().unwrap();
        let users = Pipeline::named("users").classify(http).retry(retry).build(&rt).unwrap();
        let result = users.call(|_| ready(Err(Fault::NoSuchUser))).await;
        assert_eq!((result, budget.available(rt.now())), (Err(Error::Operation(Fault::NoSuchUser)), 5));
        let result = users.call(|_| ready(Err(Boom))).await;
        assert_eq!((result, budget.available(rt.now())), (Err(Error::Operation(Boom)), 5));
    });
}
