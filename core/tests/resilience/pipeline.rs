//! Policies stacked: what each sees of the others.

use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::resilience::{
    Backoff, CircuitBreaker, DynPipeline, Error, Event, EventKind, Pipeline, PolicyKind, Retry, Scope, Stop,
    Verdict,
};
use backstay_core::task::CancelToken;
use backstay_core::time::{Deadline, Instant};
use std::cell::Cell;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn thrice() -> Retry {
    Retry::builder().max_attempts(3).backoff(Backoff::constant(10 * MS)).build().unwrap()
}

fn breaker(failures: u32) -> CircuitBreaker {
    CircuitBreaker::named("db").consecutive_failures(failures).open_for(60_000 * MS).build().unwrap()
}

#[test]
fn it_says_what_it_is_made_of() {
    Sim::builder()
        .run(|rt: Sim| async move {
            let users = Pipeline::named("users")
                .retry(thrice())
                .breaker(&breaker(5))
                .attempt_timeout(50 * MS)
                .build(&rt)
                .unwrap();
            assert_eq!(
                users.describe().to_string(),
                "users\n  retry: at most 3 attempts, a delay of 10ms\n  circuit breaker `db`: opens at 5 failures in \
                 a row, for 60s\n  attempt timeout: 50ms"
            );
            let kinds: Vec<_> = users.describe().kinds().collect();
            assert_eq!(kinds, [PolicyKind::Retry, PolicyKind::CircuitBreaker, PolicyKind::AttemptTimeout]);
            assert_eq!(users.lints(), []);
            let erased: DynPipeline<(), std::fmt::Error> = users.erase();
            assert_eq!(erased.lints(), []);
        })
        .unwrap();
}

#[test]
fn b07_a_breaker_that_opens_ends_the_attempts() {
    Sim::builder()
        .run(|rt: Sim| async move {
            let breaker = breaker(2);
            let users = Pipeline::named("users").retry(thrice()).breaker(&breaker).build(&rt).unwrap();
            let calls = Cell::new(0);
            let failing = || async {
                calls.set(calls.get() + 1);
                Err::<(), _>("down")
            };
            // The third attempt is refused, and nobody waits a minute for another.
            let error = users.call(|_| failing()).await.unwrap_err();
            assert!(matches!(error, Error::RetriesExhausted { attempts: 2, why: Stop::Refused, .. }), "{error:?}");
            assert_eq!((calls.get(), error.operation()), (2, Some(&"down")));
            let refused = users.call(|_| failing()).await.unwrap_err();
            assert!(matches!(refused, Error::Rejected(rejected) if rejected.policy() == PolicyKind::CircuitBreaker));
            assert_eq!(calls.get(), 2);
        })
        .unwrap();
}

#[test]
fn a_service_that_hangs_opens_the_breaker_also_where_the_limit_is_outside() {
    Sim::builder()
        .run(|rt: Sim| async move {
            let breaker = breaker(1);
            let users =
                Pipeline::named("users").attempt_timeout(50 * MS).breaker(&breaker).build(&rt).unwrap();
            let hung = users.call(|_| pending::<Result<(), &str>>()).await.unwrap_err();
            assert!(hung.is_timeout());
            assert!(!breaker.would_permit(rt.now()));
        })
        .unwrap();
}

#[test]
fn one_classifier_is_asked_by_all() {
    Sim::builder()
        .run(|rt: Sim| async move {
            let breaker = breaker(3);
            let users = Pipeline::named("users")
                .retry(thrice())
                .breaker(&breaker)
                .classify(|result: Result<&u16, &Error<&str>>| match result {
                    Ok(500..) => Verdict::failure(),
                    Ok(_) => Verdict::Success,
                    Err(error) => Verdict::of_error(error),
                })
                .build(&rt)
                .unwrap();
            // A response that is a failure is tried again, and given back when nothing helps.
            let calls = Cell::new(0);
            let answer = users
                .call(async |_| {
                    calls.set(calls.get() + 1);
                    Ok::<_, &str>(503)
                })
                .await;
            assert_eq!((answer, calls.get()), (Ok(503), 3));
            assert!(!breaker.would_permit(rt.now()), "the breaker has counted three failures");
        })
        .unwrap();
}

#[test]
fn the_attempt_and_the_error_before_reach_the_operation() {
    Sim::builder()
        .run(|rt: Sim| async move {
            let users = Pipeline::named("users").retry(thrice()).attempt_timeout(50 * MS).build(&rt).unwrap();
            let mut seen = Vec::new();
            let error = users
                .call_with_last(|attempt, last| {
                    seen.push((attempt.number(), last.and_then(|cause| cause.operation().copied())));
                    async move {
                        assert_eq!(attempt.remaining(), 50 * MS);
                        Err::<(), _>(attempt.number())
                    }
                })
                .await
                .unwrap_err();
            assert_eq!(seen, [(1, None), (2, Some(1)), (3, Some(2))]);
            assert!(matches!(error, Error::RetriesExhausted { attempts: 3, why: Stop::MaxAttempts, .. }));
            assert_eq!(error.operation(), Some(&3));
        })
        .unwrap();
}

#[test]
fn an_erased_pipeline_is_a_field_and_its_operation_borrows() {
    struct Client {
        users: DynPipeline<usize, std::fmt::Error>,
    }

    Sim::builder()
        .run(|rt: Sim| async move {
            let users = Pipeline::named("users").attempt_timeout(Duration::from_secs(1)).build(&rt).unwrap();
            let client = Client { users: users.erase() };
            let task = rt.spawn(async move {
                let text = String::from("local");
                let text = &text;
                assert_eq!(client.users.call(|_| async move { Ok(text.len()) }).await, Ok(5));
                let past = Deadline::at(Instant::ORIGIN);
                client.users.call_within(past, |_| async { unreachable!("it is too late") }).await
            });
            let late = task.await.expect("no panic").unwrap_err();
            assert!(
                matches!(late, Error::TimedOut { scope: Scope::Total, limit: Duration::ZERO }),
                "{late:?}"
            );
        })
        .unwrap();
}

#[test]
fn a_call_can_be_detailed_and_end_with_a_token() {
    Sim::builder()
        .run(|rt: Sim| async move {
            let users = Pipeline::named("users").retry(thrice()).build(&rt).unwrap();
            let token = CancelToken::new();
            let call = users.call(async |_| Ok::<_, std::fmt::Error>(5)).detailed();
            let answer = call.until_cancelled(&token).await.unwrap();
            assert_eq!((answer.value, answer.attempts), (5, 1));
            token.cancel();
            let call = users.call(async |_| Ok::<_, std::fmt::Error>(5)).detailed();
            assert_eq!(call.until_cancelled(&token).await, Err(Error::Cancelled));
        })
        .unwrap();
}

#[test]
fn who_watches_is_told_how_a_call_ended() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let run = Sim::builder().run({
        let events = events.clone();
        |rt: Sim| async move {
            let watched = Pipeline::named("users")
                .attempt_timeout(Duration::from_secs(1))
                .observer(move |event: &Event| events.lock().unwrap().push(*event))
                .build(&rt)
                .unwrap();
            let fast = watched.call(async |_| Ok::<_, std::fmt::Error>(1)).await;
            assert_eq!(fast, Ok(1));
            let slow = watched.call(|_| std::future::pending::<Result<i32, std::fmt::Error>>()).await;
            assert!(slow.unwrap_err().is_timeout());
        }
    });
    run.unwrap();
    let events = events.lock().unwrap();
    let names: Vec<_> = events.iter().map(|event| (event.source, event.kind.name())).collect();
    assert_eq!(names, [("users", "call.completed"), ("users", "timed_out"), ("users", "call.completed")]);
    let EventKind::Completed { verdict, attempts, elapsed } = events[2].kind else { panic!("{events:?}") };
    assert_eq!((verdict, attempts), (Verdict::failure(), 1));
    assert!(elapsed >= Duration::from_secs(1));
}

#[test]
fn the_operations_future_is_gone_before_anybody_judges_its_result() {
    Sim::builder()
        .run(|rt: Sim| async move {
            let alive = Arc::new(());
            let seen = alive.clone();
            let users = Pipeline::named("users")
                .retry(thrice())
                .breaker(&breaker(9))
                .attempt_timeout(50 * MS)
                .classify(move |result: Result<&u32, &Error<&str>>| {
                    assert_eq!(Arc::strong_count(&seen), 2, "no attempt's future is left");
                    result.err().map_or(Verdict::Success, Verdict::of_error)
                })
                .build(&rt)
                .unwrap();
            // Each keeps what it holds until it is dropped, also when it has ended.
            let mut call = Box::pin(users.call(|attempt| {
                let held = alive.clone();
                std::future::poll_fn(move |_| {
                    let _held = &held;
                    std::task::Poll::Ready(if attempt.is_retry() { Ok(7) } else { Err("down") })
                })
            }));
            assert_eq!((&mut call).await, Ok(7));
            assert_eq!(Arc::strong_count(&alive), 2, "though the call is still there");
        })
        .unwrap();
}
