//! Attempts, their limits, and what is returned in the end.

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

#[test]
fn b05_d28_what_the_service_asks_for_is_the_least() {
    sim(|rt| async move {
        for jitter in [Jitter::None, Jitter::Full, Jitter::Equal, Jitter::Additive(ms(20))] {
            for backoff in [Backoff::constant(ms(10)), Backoff::constant(ms(10_000))] {
                let delays = List::new();
                let retry = Retry::builder()
                    .max_attempts(50)
                    .backoff(backoff.jitter(jitter))
                    .classify(|_: Result<&(), &Error<()>>| Verdict::failure().after(ms(1_000)))
                    .on_retry({
                        let delays = delays.clone();
                        move |retrying: &Retrying<'_, (), ()>| delays.push(retrying.delay)
                    })
                    .build()
                    .unwrap();
                let began = List::new();
                let result = retry
                    .run(&rt, |_| {
                        began.push(rt.now());
                        ready(Err(()))
                    })
                    .await;
                assert!(result.is_err());
                drop(retry);
                let waited: Vec<_> = began.take().windows(2).map(|pair| pair[1] - pair[0]).collect();
                // Whoever is told is told the truth.
                assert_eq!(waited, delays.take());
                assert!(waited.iter().all(|delay| *delay >= ms(1_000)), "{jitter:?}: {waited:?}");
                if jitter != Jitter::None {
                    assert!(waited.iter().any(|delay| *delay > ms(1_000)), "{jitter:?}: all at once");
                }
            }
        }
    });
}

#[test]
fn d28_a_hint_is_waited_for_and_told_without_jitter_to_the_nanosecond() {
    let elapsed = sim(|rt| async move {
        let retry = retry(2, 10)
            .classify(|result: Result<&u32, &Error<Fault>>| match result {
                Ok(_) => Verdict::Success,
                Err(_) => Verdict::failure().after(ms(300)),
            })
            .on_retry(|retrying: &Retrying<'_, u32, Fault>| assert_eq!(retrying.delay, ms(300)))
            .build()
            .unwrap();
        assert_eq!(retry.run(&rt, fails(1, &Count::default())).await, Ok(2));
    });
    assert_eq!(elapsed, ms(300));
}

#[test]
fn b06_d26_a_hint_bypasses_no_limit() {
    sim(|rt| async move {
        let at_once = |_: Result<&u32, &Error<Fault>>| Verdict::failure().after(Duration::ZERO);
        let calls = Count::default();
        let retry = retry(3, 0).classify(at_once).build().unwrap();
        let result = retry.run(&rt, fails(u32::MAX, &calls)).await;
        assert_eq!(result, exhausted(3, 0, Stop::MaxAttempts, BOOM));
        assert_eq!(calls.get(), 3);
    });
}

#[test]
fn b06_d27_max_elapsed_holds_with_a_hint_and_operations_are_made_after_the_delay() {
    sim(|rt| async move {
        let began = List::new();
        let retry = retry(100, 1)
            .max_elapsed(ms(150))
            .classify(|_: Result<&(), &Error<Fault>>| Verdict::failure().after(ms(100)))
            .build()
            .unwrap();
        let start = rt.now();
        let result = retry
            .run(&rt, |_| {
                began.push(rt.now() - start);
                ready(Err(Boom))
            })
            .await;
        assert_eq!(result, exhausted(2, 100, Stop::MaxElapsed, BOOM));
        assert_eq!(began.take(), [ms(0), ms(100)]);
    });
}

#[test]
fn max_elapsed_has_the_time_of_the_attempts_in_it() {
    sim(|rt| async move {
        let retry = retry(100, 10).max_elapsed(ms(100)).build().unwrap();
        let calls = Count::default();
        // 0..30, 40..70, 80..110: there is none at 120.
        let result = retry
            .run(&rt, |attempt| {
                calls.set(attempt.number());
                let rt = &rt;
                async move {
                    rt.sleep(ms(30)).await;
                    Err::<(), _>(Boom)
                }
            })
            .await;
        assert_eq!(result, exhausted(3, 110, Stop::MaxElapsed, BOOM));
        // One that would begin at the very end does.
        let retry = self::retry(100, 50).max_elapsed(ms(100)).build().unwrap();
        let result = retry.run(&rt, fails(9, &calls)).await;
        assert_eq!(result, exhausted(3, 100, Stop::MaxElapsed, BOOM));
        assert_eq!(
            self::retry(1, 1).max_elapsed(Duration::ZERO).build().unwrap_err().field(),
            Some("max_elapsed")
        );
    });
}

#[test]
fn who_asks_nobody_to_come_back_gets_nobody() {
    sim(|rt| async move {
        for (hint, max, why) in [
            (Duration::MAX, Duration::MAX, Stop::Pushback),
            (Duration::MAX, ms(60_000), Stop::Pushback),
            (ms(60_001), ms(60_000), Stop::Pushback),
            (ms(60_000), ms(60_000), Stop::MaxAttempts),
        ] {
            let retry = retry(2, 10)
                .max_retry_after(max)
                .classify(move |_: Result<&u32, &Error<Fault>>| Verdict::failure().after(hint))
                .build()
                .unwrap();
            let calls = Count::default();
            let elapsed = if why == Stop::Pushback { 0 } else { 60_000 };
            let attempts = if why == Stop::Pushback { 1 } else { 2 };
            assert_eq!(retry.run(&rt, fails(9, &calls)).await, exhausted(attempts, elapsed, why, BOOM));
        }
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

#[test]
fn no_delay_goes_beyond_the_deadline() {
    let elapsed = sim(|rt| async move {
        let calls = Count::default();
        let result = within(&rt, 100, retry(9, 40).build().unwrap()).call(fails(9, &calls)).await;
        // At 0, 40 and 80: 120 would be too late, and nobody waits for it.
        assert_eq!(result, exhausted(3, 80, Stop::Deadline, BOOM));
        // An attempt that would begin at the deadline would have no time.
        let result = within(&rt, 80, retry(9, 40).build().unwrap()).call(fails(9, &calls)).await;
        assert_eq!(result, exhausted(2, 40, Stop::Deadline, BOOM));
    });
    assert_eq!(elapsed, ms(120));
}

#[test]
fn of_two_limits_the_earlier_one_is_the_reason() {
    sim(|rt| async move {
        for (deadline, max_elapsed, why) in
            [(100, 60, Stop::MaxElapsed), (60, 100, Stop::Deadline), (80, 80, Stop::Deadline)]
        {
            let retry = retry(9, 50).max_elapsed(ms(max_elapsed)).build().unwrap();
            let result = within(&rt, deadline, retry).call(fails(9, &Count::default())).await;
            assert_eq!(result, exhausted(2, 50, why, BOOM), "{deadline} {max_elapsed}");
        }
    });
}

#[test]
fn b10_an_attempt_that_the_deadline_cuts_off_does_not_hide_the_error_before() {
    sim(|rt| async move {
        let op = |attempt: backstay_core::resilience::Attempt| async move {
            if attempt.number() == 1 { Err(Boom) } else { pending::<Result<u32, _>>().await }
        };
        let result = within(&rt, 100, retry(9, 40).build().unwrap()).call(op).await;
        assert_eq!(result, exhausted(2, 100, Stop::Deadline, BOOM));
        // Also if it was the last.
        let result = within(&rt, 100, retry(2, 40).build().unwrap()).call(op).await;
        assert_eq!(result, exhausted(2, 100, Stop::Deadline, BOOM));
        // Where nothing came before it, it is what it is.
        let result =
            within(&rt, 100, retry(9, 40).build().unwrap()).call(|_| pending::<Result<u32, Fault>>()).await;
        assert_eq!(result, Err(Error::TimedOut { scope: Scope::Attempt, limit: ms(100) }));
    });
}

fn breaker() -> CircuitBreaker {
    CircuitBreaker::named("users-db").consecutive_failures(1).open_for(ms(1_000)).build().unwrap()
}

#[test]
fn b07_an_open_breaker_is_not_asked_again_without_a_limit_on_time() {
    let elapsed = sim(|rt| async move {
        let (calls, breaker) = (Count::default(), breaker());
        let users = Pipeline::named("users")
            .retry(retry(5, 10).build().unwrap())
            .breaker(&breaker)
            .build(&rt)
            .unwrap();
        // It opens after one, and the second attempt is refused: the first one's error is worth more.
        let result = users.call(fails(9, &calls)).await;
        assert_eq!(result, exhausted(1, 10, Stop::Refused, BOOM));
        // The next call is refused at once, and says when to come back.
        let refused = users.call(fails(9, &calls)).await.unwrap_err();
        assert_eq!(refused.rejected().map(|rejected| rejected.reason()), Some(Reason::Open));
        assert_eq!(refused.retry_after(), Some(ms(990)));
        assert_eq!(calls.get(), 1);
    });
    assert_eq!(elapsed, ms(10));
}

#[test]
fn b07_a_refusal_is_waited_for_where_it_fits() {
    sim(|rt| async move {
        for (limit, fits) in [(2_000, true), (1_000, false), (500, false)] {
            for deadline in [true, false] {
                let (calls, breaker) = (Count::default(), breaker());
                let mut retry = retry(3, 10);
                if !deadline {
                    retry = retry.max_elapsed(ms(limit) - Duration::from_nanos(1));
                }
                let retry = retry.build().unwrap();
                let limit = if deadline { ms(limit) } else { ms(1_000_000) };
                let users =
                    Pipeline::named("users").attempt_timeout(limit).retry(retry).breaker(&breaker).build(&rt);
                let users = users.unwrap();
                let start = rt.now();
                let result = users.call(fails(1, &calls)).await;
                if fits {
                    assert_eq!((result, rt.now() - start, calls.get()), (Ok(3), ms(1_000), 2));
                } else {
                    assert_eq!(result, exhausted(1, 10, Stop::Refused, BOOM));
                    assert_eq!(calls.get(), 1);
                }
            }
        }
    });
}

#[test]
fn b07_of_two_refusals_the_newer_one_counts() {
    sim(|rt| async move {
        let breaker = breaker();
        assert!(breaker.run(&rt, async |_| Err::<(), _>(Boom)).await.is_err());
        let users = Pipeline::named("users").attempt_timeout(ms(9_000)).retry(retry(5, 10).build().unwrap());
        let users = users.breaker(&breaker).build(&rt).unwrap();
        let calls = Count::default();
        let (result, ()) = futures::join!(users.call(fails(0, &calls)), async {
            rt.sleep(ms(500)).await;
            breaker.isolate();
        });
        // It has waited for a second, and is refused for good.
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Rejected(rejected) if rejected.reason() == Reason::Isolated),
            "{error:?}"
        );
        assert_eq!((rt.now() - Instant::ORIGIN, calls.get()), (ms(1_000), 0));
    });
}

#[test]
fn b10_a_refusal_that_was_waited_for_does_not_hide_the_error_before() {
    sim(|rt| async move {
        let breaker = breaker();
        let users = Pipeline::named("users").attempt_timeout(ms(9_000)).retry(retry(5, 10).build().unwrap());
        let users = users.breaker(&breaker).build(&rt).unwrap();
        let calls = Count::default();
        // Fails, is refused, waits, and is refused for good.
        let (result, ()) = futures::join!(users.call(fails(9, &calls)), async {
            rt.sleep(ms(500)).await;
            breaker.isolate();
        });
        // What was refused was no attempt.
        assert_eq!(result, exhausted(1, 1_000, Stop::Refused, BOOM));
        assert_eq!(calls.get(), 1);
    });
}

#[test]
fn a_decorrelated_delay_follows_from_the_one_before() {
    let backoff = Backoff::constant(ms(10)).max_delay(ms(500)).jitter(Jitter::Decorrelated);
    let retry = Retry::builder().max_attempts(9).backoff(backoff).build().unwrap();
    let now = Instant::ORIGIN;
    let mut state = retry.state(now);
    // The longest, the shortest, and the longest there are.
    for (random, delay) in [(0, 30), (0, 90), (u64::MAX, 10), (0, 30), (0, 90), (0, 270), (0, 500)] {
        assert_eq!(state.after(Verdict::failure(), now, random), Next::Retry { delay: ms(delay) });
    }
}

#[test]
fn b07_a_refused_first_attempt_passes_through_unchanged() {
    sim(|rt| async move {
        let breaker = breaker();
        breaker.isolate();
        let users = Pipeline::named("users")
            .retry(retry(5, 10).build().unwrap())
            .breaker(&breaker)
            .build(&rt)
            .unwrap();
        let result = users.call(fails(0, &Count::default())).await.unwrap_err();
        assert!(
            matches!(result, Error::Rejected(rejected) if rejected.reason() == Reason::Isolated),
            "{result:?}"
        );
    });
}

#[test]
fn b10_a_turn_that_did_not_come_in_time_does_not_hide_the_error_before() {
    sim(|rt| async move {
        let bulkhead =
            Bulkhead::named("db").max_in_flight(1).max_waiting(1).max_wait(ms(20)).build().unwrap();
        let users =
            Pipeline::named("users").retry(retry(5, 10).build().unwrap()).bulkhead(&bulkhead).build(&rt);
        let users = users.unwrap();
        let busy = Mutex::new(None);
        let op = |_| {
            // Somebody takes the place as soon as it is free again.
            let (rt, bulkhead, busy) = (&rt, &bulkhead, &busy);
            async move {
                let queued = bulkhead.acquire_owned(rt);
                let mut queued = Box::pin(queued);
                assert!(backstay_core::future::poll_now(queued.as_mut()).await.is_none());
                *busy.lock().unwrap() = Some(queued);
                Err::<u32, _>(Boom)
            }
        };
        assert_eq!(users.call(op).await, exhausted(1, 30, Stop::Refused, BOOM));
        // Where there is none before it, it is what it is.
        let result = users.call(fails(0, &Count::default())).await;
        assert_eq!(result, Err(Error::TimedOut { scope: Scope::Queue, limit: ms(20) }));
    });
}

#[test]
fn b10_in_a_deadline_it_is_the_deadlines_end() {
    sim(|rt| async move {
        let users = Pipeline::named("users").deadline(ms(100)).retry(retry(9, 40).build().unwrap());
        let users = users.attempt_timeout(ms(50)).build(&rt).unwrap();
        // 0..50, 90..100: an attempt that ran out of time is more than one that was cut off.
        let late = Cause::TimedOut { scope: Scope::Attempt, limit: ms(50) };
        let result = users.call(|_| pending::<Result<u32, Fault>>()).await;
        assert_eq!(result, exhausted(2, 100, Stop::Deadline, late));
        let hung = Pipeline::named("users")
            .deadline(ms(100))
            .retry(retry(9, 40).build().unwrap())
            .build(&rt)
            .unwrap();
        let result = hung.call(|_| pending::<Result<u32, Fault>>()).await;
        assert_eq!(result, Err(Error::TimedOut { scope: Scope::Total, limit: ms(100) }));
    });
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
fn attempts_without_a_delay_touch_no_timer_and_yield() {
    let elapsed = sim(|rt| async move {
        let retry = retry(u32::MAX, 0).build().unwrap();
        // It would never end by itself: what is beside it has its turn.
        let result = rt.timeout(ms(0), retry.run(&rt, fails(u32::MAX, &Count::default()))).await;
        assert!(result.is_err());
        let calls = Count::default();
        assert_eq!(retry.run(&rt, fails(100_000, &calls)).await, Ok(100_001));
    });
    assert_eq!(elapsed, ms(0));
}

#[test]
fn a_deadline_ends_attempts_without_a_delay() {
    sim(|rt| async move {
        let op = |_| {
            let rt = &rt;
            async move {
                rt.sleep(ms(10)).await;
                Err(Boom)
            }
        };
        let result = within(&rt, 35, retry(u32::MAX, 0).build().unwrap()).call(op).await;
        assert_eq!(result, exhausted(4, 35, Stop::Deadline, BOOM));
        let retry = retry(u32::MAX, 0).max_elapsed(ms(30)).build().unwrap();
        let result: Result<u32, _> = retry.run(&rt, op).await;
        assert_eq!(result, exhausted(4, 40, Stop::MaxElapsed, BOOM));
    });
}

#[test]
fn a_delay_that_would_never_end_ends_the_attempts() {
    sim(|rt| async move {
        let retry = Retry::builder().backoff(Backoff::custom(|_| Duration::MAX)).build().unwrap();
        let result = retry.run(&rt, fails(9, &Count::default())).await;
        assert_eq!(result, exhausted(1, 0, Stop::Deadline, BOOM));
    });
}

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
fn the_machine_alone_keeps_the_same_limits() {
    let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
    let budget = RetryBudget::token_bucket().capacity(10).build().unwrap();
    let retry = retry(4, 10).max_elapsed(ms(100)).budget(&budget).build().unwrap();
    let again = Next::Retry { delay: ms(10) };
    let give_up = |why| Next::GiveUp { why };

    let mut state = retry.state(at(5));
    assert_eq!((state.attempt(), state.after(Verdict::failure(), at(6), 0)), (1, again));
    assert_eq!((state.attempt(), state.after(Verdict::failure(), at(7), 0)), (2, again));
    assert_eq!(budget.available(at(0)), 0);
    assert_eq!(state.after(Verdict::failure(), at(8), 0), give_up(Stop::Budget));
    let error = state.exhausted(Stop::Budget, at(8), Boom);
    assert_eq!(error, exhausted::<()>(3, 3, Stop::Budget, BOOM).unwrap_err());
    drop(state);

    let budget_is_back = |state| {
        drop(state);
        budget.available(at(0))
    };
    for _ in 0..10 {
        budget.record(Verdict::Success, at(0));
    }
    let mut state = retry.state(at(0));
    assert_eq!(state.after(Verdict::failure().after(ms(40)), at(0), 0), Next::Retry { delay: ms(40) });
    assert_eq!(budget_is_back(state), 2);
    let mut state = retry.state(at(0)).until(at(50));
    assert_eq!(state.after(Verdict::failure(), at(40), 0), give_up(Stop::Deadline));
    assert_eq!(state.after(Verdict::failure(), at(91), 0), give_up(Stop::Deadline));
    let mut state = retry.state(at(0));
    assert_eq!(state.after(Verdict::failure(), at(91), 0), give_up(Stop::MaxElapsed));
    assert_eq!(state.after(Verdict::failure().never_again(), at(0), 0), give_up(Stop::Pushback));
    for verdict in [Verdict::Success, Verdict::Fatal, Verdict::Ignore] {
        assert_eq!(state.after(verdict, at(0), 0), Next::Done);
    }
    let once = self::retry(1, 10).build().unwrap();
    assert_eq!(once.state(at(0)).after(Verdict::failure(), at(0), 0), give_up(Stop::MaxAttempts));
}

proptest! {
    #[test]
    fn whatever_comes_no_limit_is_broken(
        max in 1..20_u32, max_elapsed in 1..10_000_u64, deadline in 1..10_000_u64, max_hint in 0..5_000_u64,
        steps in prop::collection::vec((0..500_u64, 0..6_000_u64, any::<u64>(), 0..4_u8), 1..40), jitter in 0..5_usize,
    ) {
        let jitters = [Jitter::None, Jitter::Full, Jitter::Equal, Jitter::Decorrelated, Jitter::Additive(ms(50))];
        let budget = RetryBudget::token_bucket().capacity(50).build().unwrap();
        let retry = Retry::builder()
            .max_attempts(max)
            .backoff(Backoff::exponential(ms(10)).max_delay(ms(300)).jitter(jitters[jitter]))
            .max_elapsed(ms(max_elapsed))
            .max_retry_after(ms(max_hint))
            .budget(&budget)
            .build()
            .unwrap();
        let mut now = Instant::from_nanos(7_000_000);
        let (started, deadline) = (now, now + ms(deadline));
        let mut state = retry.state(now).until(deadline);
        let mut attempts = 0;
        for (took, hint, random, kind) in steps {
            attempts += 1;
            prop_assert_eq!(state.attempt(), attempts);
            prop_assert!(attempts <= max);
            now += ms(took);
            let hint = (kind > 1).then_some(ms(hint));
            let verdict = match (kind, hint) {
                (0, _) => Verdict::Fatal,
                (_, Some(hint)) => Verdict::failure().after(hint),
                _ => Verdict::failure(),
            };
            match state.after(verdict, now, random) {
                Next::Retry { delay } => {
                    prop_assert!(verdict != Verdict::Fatal && delay > Duration::ZERO);
                    prop_assert!(delay >= hint.unwrap_or_default() && hint.unwrap_or_default() <= ms(max_hint));
                    prop_assert!(delay <= ms(300).max(hint.unwrap_or_default() * 2));
                    now += delay;
                    prop_assert!(now < deadline && now <= started + ms(max_elapsed));
                }
                Next::GiveUp { why } => {
                    prop_assert!(why != Stop::MaxAttempts || attempts == max);
                    prop_assert!(why != Stop::Budget || attempts > 10);
                    prop_assert!(why != Stop::Pushback || hint > Some(ms(max_hint)));
                    break;
                }
                Next::Done => {
                    prop_assert!(kind == 0);
                    break;
                }
            }
        }
    }
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
