//! What every call keeps to, whatever its policies: its times, its timer, and what is told of its end.

use crate::by_hand::ByHand;
use crate::kit::{at, ms, on_sim, sim};
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::resilience::{
    AttemptTimeout, Backoff, Bulkhead, CircuitBreaker, Error, Event, EventKind, Fallback, Pipeline, Quota,
    RateLimiter, Retry, Scope, Verdict,
};
use backstay_core::task::CancelToken;
use backstay_core::time::Instant;
use std::cell::Cell;
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Pending at first.
async fn later<T>(value: T) -> T {
    let mut polled = false;
    poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    value
}

/// The ends of calls that were told.
#[derive(Clone, Default)]
struct Ends(Arc<Mutex<Vec<(Verdict, u32, Duration)>>>);

impl backstay_core::resilience::Observer for Ends {
    fn on_event(&self, event: &Event) {
        if let EventKind::Completed { verdict, attempts, elapsed } = event.kind {
            self.0.lock().unwrap().push((verdict, attempts, elapsed));
        }
    }
}

impl Ends {
    fn take(&self) -> Vec<(Verdict, u32, Duration)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[test]
fn an_end_is_told_with_the_verdict_the_attempts_and_the_time() {
    let (rt, ends) = (ByHand::new(), Ends::default());
    let retry = Retry::builder().max_attempts(3).backoff(Backoff::none()).build().unwrap();
    let users = Pipeline::named("users").observer(ends.clone()).retry(retry).classify(
        |result: Result<&u32, &Error<&str>>| match result {
            Ok(200) => Verdict::Success,
            Ok(_) => Verdict::failure(),
            Err(_) => Verdict::Ignore,
        },
    );
    let users = users.build(&rt).unwrap();
    // All of it in one poll, which takes its time.
    let mut call = pin!(users.call(|attempt| {
        rt.pass(ms(10));
        ready(Ok(if attempt.number() < 3 { 503 } else { 200 }))
    }));
    assert_eq!(poll(&mut call), Poll::Ready(Ok(200)));
    assert_eq!(ends.take(), [(Verdict::Success, 3, ms(30))]);
    let mut call = pin!(users.call(|_| {
        rt.pass(ms(4));
        ready(Ok(200))
    }));
    assert!(poll(&mut call).is_ready());
    assert_eq!(ends.take(), [(Verdict::Success, 1, ms(4))]);
    // And in several.
    let mut call = pin!(users.call(async |_| later(Err("gone")).await));
    assert!(poll(&mut call).is_pending());
    rt.pass(ms(7));
    assert_eq!(poll(&mut call), Poll::Ready(Err(Error::Operation("gone"))));
    assert_eq!(ends.take(), [(Verdict::Ignore, 1, ms(7))]);
}

#[test]
fn of_a_call_without_a_result_no_end_is_told() {
    let ends = Ends::default();
    let told = ends.clone();
    on_sim(move |rt: Sim| {
        let ends = told.clone();
        async move {
            let users = Pipeline::named("users").observer(ends.clone()).deadline(ms(100)).build(&rt).unwrap();
            drop(users.call(|_| pending::<Result<(), &str>>()));
            let mut dropped = Box::pin(users.call(|_| pending::<Result<(), &str>>()));
            assert!(poll(&mut dropped).is_pending());
            drop(dropped);
            let token = CancelToken::new();
            let cancelled = users.call(|_| {
                token.cancel();
                pending::<Result<(), &str>>()
            });
            assert_eq!(cancelled.until_cancelled(&token).await, Err(Error::Cancelled));
            let mut panics = Box::pin(users.call(async |_| -> Result<(), &str> { panic!("on purpose") }));
            assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut panics))).is_err());
            drop(panics);
            assert_eq!(ends.take(), []);
        }
    });
}

#[test]
fn the_time_that_is_given_is_that_of_the_first_poll() {
    let rt = ByHand::new();
    rt.pass(ms(100));
    let bulkhead = Bulkhead::named("db").max_in_flight(1).max_waiting(1).build().unwrap();
    let users = Pipeline::named("users").bulkhead(&bulkhead).attempt_timeout(ms(10)).build(&rt).unwrap();
    let ends_at = Cell::new(Instant::MAX);
    let op = |attempt: backstay_core::resilience::Attempt| {
        ends_at.set(attempt.deadline());
        ready(Ok::<_, &str>(()))
    };
    let mut call = pin!(users.call(op).starting_at(at(40)));
    assert!(poll(&mut call).is_ready());
    assert_eq!(ends_at.get(), at(50));
    // One that begins later, in another poll.
    let place = bulkhead.try_acquire().unwrap();
    let mut call = pin!(users.call(op).starting_at(at(40)));
    assert!(poll(&mut call).is_pending());
    drop(place);
    assert!(poll(&mut call).is_ready());
    assert_eq!(ends_at.get(), at(110));
}

#[test]
fn the_end_of_time_is_never_past() {
    let rt = ByHand::new();
    let retry = Retry::builder().build().unwrap();
    let mut call = pin!(retry.run(&rt, async |_| later(Ok::<_, &str>(1)).await).starting_at(Instant::MAX));
    assert!(poll(&mut call).is_pending());
    assert_eq!(poll(&mut call), Poll::Ready(Ok(1)));
    let never = AttemptTimeout::new(Duration::MAX);
    let mut call = pin!(never.run(&rt, |_| ready(Ok::<_, &str>(1))).starting_at(Instant::MAX));
    assert_eq!(poll(&mut call), Poll::Ready(Ok(1)));
}

/// How many readings of the clock it took.
fn readings<T>(rt: &ByHand, mut call: Pin<&mut impl Future<Output = T>>) -> u64 {
    let before = rt.now();
    assert!(poll(&mut call).is_ready());
    (rt.now() - before).as_nanos() as u64 - 1
}

#[test]
fn all_policies_of_a_poll_share_a_reading_of_the_clock() {
    let rt = ByHand::ticking(1);
    let op = |_| ready(Ok::<_, &str>(()));
    let limiter = RateLimiter::new(Quota::per_second(1).burst(9)).unwrap();
    let users = Pipeline::named("users").deadline(ms(9)).rate_limit(&limiter).attempt_timeout(ms(5));
    let users = users.build(&rt).unwrap();
    assert_eq!(readings(&rt, pin!(users.call(op))), 1);
    assert_eq!(readings(&rt, pin!(users.call(op).starting_at(at(0)))), 0);
    // And who has no limit on time needs none.
    let replica = Pipeline::named("users").fallback(Fallback::operation(|_: &Error<&str>| ready(Ok(()))));
    let replica = replica.build(&rt).unwrap();
    assert_eq!(readings(&rt, pin!(replica.call(|_| ready(Err("down"))))), 0);
}

#[test]
fn a_clock_that_is_behind_what_is_known_is_not_believed() {
    let rt = ByHand::new();
    let breaker = CircuitBreaker::named("db").consecutive_failures(1).open_for(ms(10)).build().unwrap();
    let mut call = pin!(breaker.run(&rt, |_| ready(Err::<(), _>("down"))).starting_at(at(100)));
    assert!(poll(&mut call).is_ready());
    assert_eq!(breaker.try_acquire(at(100)).unwrap_err().retry_after(), Some(ms(10)));
}

#[test]
fn a_turn_that_comes_when_the_time_is_up_begins_nothing() {
    let rt = ByHand::new();
    let bulkhead = Bulkhead::named("db").max_in_flight(1).max_waiting(1).build().unwrap();
    let users = Pipeline::named("users")
        .deadline(ms(10))
        .bulkhead(&bulkhead)
        .attempt_timeout(ms(50))
        .fallback(Fallback::value(1))
        .build(&rt)
        .unwrap();
    let place = bulkhead.try_acquire().unwrap();
    let mut call = pin!(users.call(|_| ready(Ok::<_, &str>(2))));
    assert!(poll(&mut call).is_pending());
    rt.pass(ms(15));
    drop(place);
    let late = Error::TimedOut { scope: Scope::Total, limit: ms(10) };
    assert_eq!(poll(&mut call), Poll::Ready(Err(late)));
}

#[test]
fn a_fallbacks_future_is_gone_before_anybody_judges_its_result() {
    let rt = ByHand::new();
    let alive = Arc::new(());
    let (seen, held) = (alive.clone(), alive.clone());
    let replica = Fallback::operation(move |_: &Error<&str>| {
        let held = held.clone();
        // One that keeps what it has until it is dropped.
        poll_fn(move |_| {
            let _held = &held;
            Poll::Ready(Ok(1))
        })
    });
    let retry = Retry::builder().max_attempts(1).build().unwrap();
    let users = Pipeline::named("users").retry(retry).fallback(replica).classify(
        move |result: Result<&u32, &Error<&str>>| {
            assert_eq!((result, Arc::strong_count(&seen)), (Ok(&1), 3), "this, the closures', and no other");
            Verdict::Success
        },
    );
    let users = users.build(&rt).unwrap();
    let mut call = pin!(users.call(|_| ready(Err("down"))));
    assert_eq!(poll(&mut call), Poll::Ready(Ok(1)));
    drop(alive);
}

#[test]
fn what_is_said_of_it_names_all_and_what_is_suspicious() {
    on_sim(async |rt: Sim| {
        let breaker = CircuitBreaker::named("db").consecutive_failures(3).build().unwrap();
        let users = Pipeline::named("users")
            .fallback(Fallback::value(1))
            .deadline(ms(2_000))
            .breaker(&breaker)
            .retry(Retry::builder().build().unwrap())
            .build(&rt)
            .unwrap();
        let text = users.describe().to_string();
        assert!(text.contains("\n  fallback") && text.contains("\n  deadline: 2s"), "{text}");
        let lints = users.lints();
        assert_eq!(lints.len(), 1, "{lints:?}");
        let erased: backstay_core::resilience::DynPipeline<i32, String> = users.erase();
        assert_eq!(erased.lints(), lints);
        assert!(format!("{erased:?}").contains("users"));
    });
}

#[test]
fn a_call_that_waits_for_nothing_has_no_timer() {
    let rt = ByHand::new();
    let breaker = CircuitBreaker::named("db").build().unwrap();
    let users = Pipeline::named("users").retry(Retry::builder().build().unwrap()).breaker(&breaker);
    let users = users.build(&rt).unwrap();
    let mut call = pin!(users.call(async |_| later(Ok::<_, &str>(1)).await));
    assert!(poll(&mut call).is_pending());
    assert_eq!(poll(&mut call), Poll::Ready(Ok(1)));
    assert_eq!(rt.timers(), 0);
    let limited = AttemptTimeout::new(ms(10));
    let mut call = pin!(limited.run(&rt, async |_| later(Ok::<_, &str>(1)).await));
    assert!(poll(&mut call).is_pending());
    assert_eq!(rt.timers(), 1);
}

/// A timer that fires is believed: a clock may be a little behind it.
#[test]
fn a_timer_that_fires_early_ends_the_wait() {
    let rt = ByHand::early(5);
    let timeout = AttemptTimeout::new(ms(10));
    let mut call = pin!(timeout.run(&rt, |_| pending::<Result<(), &str>>()));
    rt.pass(ms(1));
    assert!(poll(&mut call).is_pending());
    rt.pass(ms(10) - Duration::from_nanos(6));
    assert!(poll(&mut call).is_pending());
    rt.pass(Duration::from_nanos(2));
    assert_eq!(poll(&mut call), Poll::Ready(Err(Error::TimedOut { scope: Scope::Attempt, limit: ms(10) })));
}

/// And one that fires late does not turn the clock back.
#[test]
fn what_begins_after_a_wait_begins_when_it_does() {
    let rt = ByHand::new();
    let limiter = RateLimiter::new(Quota::per_second(100)).unwrap();
    let users = Pipeline::named("users").rate_limit(&limiter).attempt_timeout(ms(10)).build(&rt).unwrap();
    drop(limiter.try_acquire(rt.now()));
    let mut call = pin!(users.call(|attempt| ready(Ok::<_, &str>(attempt.deadline()))));
    assert!(poll(&mut call).is_pending());
    rt.pass(ms(30)); // twenty more than it had to wait
    assert_eq!(poll(&mut call), Poll::Ready(Ok(at(40))));

    // Also where nobody has looked at the clock before the timer fired.
    let retry = Retry::builder().backoff(Backoff::constant(ms(10))).build().unwrap();
    let users = Pipeline::named("users").retry(retry).attempt_timeout(ms(10)).build(&rt).unwrap();
    let mut call =
        pin!(users.call(|attempt| {
            ready(if attempt.is_retry() { Ok(attempt.deadline()) } else { Err("busy") })
        }));
    assert!(poll(&mut call).is_pending());
    rt.pass(ms(30));
    assert_eq!(poll(&mut call), Poll::Ready(Ok(at(70))));
}

/// What one policy has learnt of the time, those around it know too.
#[test]
fn a_fallback_that_takes_time_is_not_begun_after_a_poll_that_took_all_of_it() {
    let rt = ByHand::new();
    let breaker = CircuitBreaker::named("db").build().unwrap();
    let users = Pipeline::named("users")
        .deadline(ms(10))
        .fallback(Fallback::operation(|_: &Error<&str>| async { unreachable!("it is too late") }))
        .breaker(&breaker)
        .build(&rt)
        .unwrap();
    let mut call = pin!(users.call(|_| {
        rt.pass(ms(10));
        ready(Err::<(), _>("down"))
    }));
    assert_eq!(poll(&mut call), Poll::Ready(Err(Error::Operation("down"))));
}

#[test]
fn a_call_of_no_pipeline_is_of_no_name() {
    let run = sim(|rt: Sim| async move {
        let token = CancelToken::new();
        let retry = Retry::builder().build().unwrap();
        let slow = async |_| {
            rt.sleep(ms(5)).await;
            Ok::<_, &str>(())
        };
        let call = retry.run(&rt, slow).until_cancelled(&token);
        assert_eq!(format!("{call:?}"), "UntilCancelled { .. }");
        call.await
    });
    assert_eq!((run.value, run.elapsed), (Ok(()), ms(5)));
}
