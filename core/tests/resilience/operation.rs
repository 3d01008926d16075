//! Operations that are types of their own.

use super::kit::{limit, ms, on_sim};
use backstay_core::Runtime;
use backstay_core::resilience::{
    Attempt, Backoff, Bulkhead, Cause, CircuitBreaker, Error, Hedge, Operation, Pipeline, Reason, Rejected,
    Retry, RetryBudget, Stop, Verdict,
};
use std::future::{Ready, ready};
use std::time::Duration;

type Flat<T> = Result<T, Error<&'static str>>;

/// Gives these in turn, each as the policies around it are to see it.
struct Script {
    results: Vec<Flat<u32>>,
    calls: usize,
    repeatable: usize,
}

impl Script {
    fn new(results: impl Into<Vec<Flat<u32>>>) -> Self {
        Self { results: results.into(), calls: 0, repeatable: usize::MAX }
    }
}

impl Operation<u32, &'static str, Ready<Flat<u32>>> for Script {
    fn start(&mut self, attempt: Attempt, last: Option<&Cause<&'static str>>) -> Ready<Flat<u32>> {
        assert_eq!((attempt.number() as usize, last.is_some()), (self.calls + 1, self.calls > 0));
        self.calls += 1;
        ready(self.results.remove(0))
    }

    fn result(&self, output: Flat<u32>) -> Flat<u32> {
        output
    }

    fn is_repeatable(&self) -> bool {
        self.calls < self.repeatable
    }
}

fn refused() -> Rejected {
    Bulkhead::new(limit(1)).weighing(limit(2)).try_acquire().expect_err("there is one place")
}

fn retry() -> Retry {
    Retry::builder().max_attempts(3).backoff(Backoff::constant(ms(10))).build().expect("it is good")
}

#[test]
fn a_refusal_of_an_operation_is_one_to_the_policies_around_it() {
    on_sim(async |rt| {
        let breaker = CircuitBreaker::named("db").consecutive_failures(1).build().expect("it is good");
        let users = Pipeline::named("users").retry(retry()).breaker(&breaker).build(&rt).expect("it is good");
        let start = rt.now();
        // It is not tried again without a hint, and is no failure to a breaker.
        let result = users.call_operation(Script::new([Err(refused().into())])).await;
        assert_eq!(result, Err(Error::Rejected(refused())));
        assert!(breaker.would_permit(rt.now()));
        assert_eq!(rt.now(), start);
        // With a hint and a limit it is, after the hint.
        let users = Pipeline::named("users").deadline(ms(900)).retry(retry()).build(&rt).expect("it is good");
        let busy = refused().with_retry_after(ms(100));
        let result = users.call_operation(Script::new([Err(busy.into()), Ok(7)])).await;
        assert_eq!((result, rt.now() - start), (Ok(7), ms(100)));
        // One that comes after a failure does not hide it.
        let result =
            users.call_operation(Script::new([Err(Error::Operation("down")), Err(refused().into())]));
        let error = result.await.expect_err("it is refused");
        assert_eq!(error.operation(), Some(&"down"));
        assert!(matches!(error, Error::RetriesExhausted { why: Stop::Refused, .. }), "{error:?}");
    });
}

#[test]
fn who_stopped_a_call_inside_wants_no_other_whatever_a_classifier_makes_of_that() {
    on_sim(async |rt| {
        let judge = |result: Result<&u32, &Error<&str>>| match result {
            Ok(_) => Verdict::Success,
            Err(_) => Verdict::failure(),
        };
        let users = Pipeline::named("users").classify(judge).retry(retry()).build(&rt).expect("it is good");
        // A second call would find nothing to give.
        assert_eq!(users.call_operation(Script::new([Err(Error::Cancelled)])).await, Err(Error::Cancelled));
        let hedge = Hedge::builder().delay(Duration::MAX).classify(judge).build().expect("it is good");
        let users = Pipeline::named("users").hedge(hedge).build(&rt).expect("it is good");
        assert_eq!(users.call_operation(Script::new([Err(Error::Cancelled)])).await, Err(Error::Cancelled));
    });
}

#[test]
fn an_error_of_policies_inside_is_not_wrapped() {
    on_sim(async |rt| {
        let users = Pipeline::named("users").retry(retry()).build(&rt).expect("it is good");
        let down = || Err(Error::Operation("down"));
        let error =
            users.call_operation(Script::new([down(), down(), down()])).await.expect_err("it is down");
        assert!(
            matches!(error, Error::RetriesExhausted { attempts: 3, last: Cause::Operation("down"), .. }),
            "{error:?}"
        );
        assert!(matches!(refused().reason(), Reason::TooLarge { .. }));
    });
}

#[test]
fn what_cannot_be_repeated_is_not() {
    on_sim(async |rt| {
        let budget = RetryBudget::token_bucket().build().expect("it is good");
        let retry = Retry::builder().max_attempts(5).budget(&budget).backoff(Backoff::constant(ms(10)));
        let retry = retry.build().expect("it is good");
        let users = Pipeline::named("users").retry(retry).build(&rt).expect("it is good");
        let full = budget.available(rt.now());
        let (start, down) = (rt.now(), || Err(Error::Operation("down")));
        let result = users.call_operation(Script { repeatable: 1, ..Script::new([down()]) }).await;
        // As it is: nobody gave up on it.
        assert_eq!((result, rt.now() - start, budget.available(rt.now())), (down(), ms(0), full));
        let result = users.call_operation(Script { repeatable: 2, ..Script::new([down(), down()]) }).await;
        assert_eq!((result, rt.now() - start), (down(), ms(10)));
        let result = users.call_operation(Script { repeatable: 1, ..Script::new([Ok(7)]) }).await;
        assert_eq!(result, Ok(7));
    });
}
