//! Calls whose polls take time, and clocks that go on while they are read.

use crate::by_hand::ByHand;
use crate::kit::ms;
use backstay_core::Runtime;
use backstay_core::resilience::{
    Backoff, CircuitBreaker, CircuitState, Error, Pipeline, Retry, RetryBudget, RetryBuilder,
};
use std::cell::Cell;
use std::future::{pending, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Attempts one after the other, without a delay.
fn at_once(max_attempts: u32) -> RetryBuilder {
    Retry::builder().max_attempts(max_attempts).backoff(Backoff::none())
}

#[test]
fn delays_that_are_over_at_once_yield_all_the_same() {
    let rt = ByHand::ticking(100);
    let retry = Retry::builder().max_attempts(u32::MAX).backoff(Backoff::constant(Duration::from_nanos(1)));
    let retry = retry.build().unwrap();
    let calls = Cell::new(0);
    let mut call = pin!(retry.run(&rt, |_| {
        calls.set(calls.get() + 1);
        assert!(calls.get() < 10_000, "it never yields");
        ready(Err::<(), _>(()))
    }));
    for _ in 0..3 {
        let before = calls.get();
        assert!(poll(&mut call).is_pending());
        assert!(calls.get() > before);
    }
}

#[test]
fn b32_the_time_of_an_attempt_begins_with_it_also_where_the_one_before_took_its_time() {
    let rt = ByHand::new();
    let users = Pipeline::named("users").retry(at_once(2).build().unwrap()).attempt_timeout(ms(20));
    let users = users.build(&rt).unwrap();
    let mut call = pin!(users.call(|attempt| {
        // The first computes, and fails in its first poll.
        if !attempt.is_retry() {
            rt.pass(ms(30));
        } else {
            assert_eq!(attempt.deadline(), rt.now() + ms(20));
        }
        let fails = !attempt.is_retry();
        async move { if fails { Err::<(), _>("busy") } else { pending().await } }
    }));
    assert!(poll(&mut call).is_pending());
    rt.pass(ms(19));
    assert!(poll(&mut call).is_pending());
    rt.pass(ms(1));
    let Poll::Ready(Err(error)) = poll(&mut call) else { panic!("its time is up") };
    assert!(error.is_timeout());
}

#[test]
fn a_breaker_is_open_for_its_time_from_the_failure_on() {
    let rt = ByHand::new();
    let breaker = CircuitBreaker::named("db").consecutive_failures(1).open_for(ms(20)).build().unwrap();
    let users = Pipeline::named("users").breaker(&breaker).attempt_timeout(ms(100)).build(&rt).unwrap();
    let mut call = pin!(users.call(|_| {
        rt.pass(ms(30));
        ready(Err::<(), _>("busy"))
    }));
    assert_eq!(poll(&mut call), Poll::Ready(Err(Error::Operation("busy"))));
    let refused = breaker.try_acquire(rt.now()).unwrap_err();
    assert_eq!(refused.retry_after(), Some(ms(20)));
}

#[test]
fn a_call_is_not_slow_because_the_attempt_before_was() {
    let rt = ByHand::new();
    let breaker = CircuitBreaker::named("db").count_window(2).slow_call_duration(ms(20)).slow_call_rate(1.0);
    let breaker = breaker.build().unwrap();
    let users = Pipeline::named("users").retry(at_once(2).build().unwrap()).breaker(&breaker);
    let users = users.build(&rt).unwrap();
    let mut call = pin!(users.call(|attempt| {
        if attempt.is_retry() {
            return ready(Ok(()));
        }
        rt.pass(ms(30));
        ready(Err("busy"))
    }));
    assert_eq!(poll(&mut call), Poll::Ready(Ok(())));
    let metrics = breaker.metrics(rt.now());
    assert_eq!((metrics.state, metrics.calls, metrics.slow_calls), (CircuitState::Closed, 2, 1));
}

#[test]
fn a_call_that_takes_its_time_in_one_poll_is_slow() {
    let rt = ByHand::new();
    let breaker = CircuitBreaker::named("db").count_window(2).slow_call_duration(ms(20)).slow_call_rate(1.0);
    let breaker = breaker.build().unwrap();
    let users = Pipeline::named("users").breaker(&breaker).build(&rt).unwrap();
    for takes in [20, 21] {
        let mut call = pin!(users.call(|_| {
            rt.pass(ms(takes));
            ready(Ok::<_, ()>(()))
        }));
        assert_eq!(poll(&mut call), Poll::Ready(Ok(())));
    }
    let metrics = breaker.metrics(rt.now());
    assert_eq!((metrics.calls, metrics.slow_calls), (2, 1));
}

#[test]
fn a_budget_of_tokens_reads_no_clock() {
    let rt = ByHand::ticking(1);
    let budgets = [RetryBudget::token_bucket().build(), RetryBudget::throttle(10, 0.1)];
    for budget in budgets {
        let retry = at_once(2).budget(&budget.unwrap()).build().unwrap();
        let before = rt.now();
        let mut call =
            pin!(retry.run(&rt, |attempt| { ready(if attempt.is_retry() { Ok(()) } else { Err("busy") }) }));
        assert_eq!(poll(&mut call), Poll::Ready(Ok(())));
        assert_eq!(rt.now() - before, Duration::from_nanos(1), "nobody reads it but this test");
    }
}
