//! Time limits: of a call, of an attempt, of the caller; with a grace and without.

use crate::by_hand::ByHand;
use crate::kit::{Heard, limit, ms, passed, secs, sim};
use backstay::testing::{Sim, Subject, Tracker, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::resilience::{
    Attempt, AttemptTimeout, Backoff, Bulkhead, Error, EventKind, Pipeline, Retry, Scope, TotalTimeout,
};
use backstay_core::task::{CancelReason, CancelToken};
use backstay_core::time::{Deadline, Elapsed, Instant};
use backstay_core::{ConfigError, Runtime};
use std::cell::Cell;
use std::future::{pending, poll_fn, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

type Failed = Error<&'static str>;

const fn timed_out(scope: Scope, limit: Duration) -> Failed {
    Error::TimedOut { scope, limit }
}

#[test]
fn a_deadline_is_arithmetic() {
    let at = |nanos| Deadline::at(Instant::from_nanos(nanos));
    let now = Instant::from_nanos(100);
    for (deadline, remaining, has_passed) in [
        (at(0), Duration::ZERO, true),
        (at(99), Duration::ZERO, true),
        (at(100), Duration::ZERO, true),
        (at(101), Duration::from_nanos(1), false),
        (Deadline::NEVER, Duration::MAX, false),
    ] {
        assert_eq!(
            (deadline.remaining(now), deadline.has_passed(now)),
            (remaining, has_passed),
            "{deadline:?}"
        );
        assert_eq!(deadline.earlier(Deadline::NEVER), deadline);
        assert_eq!(Deadline::NEVER.earlier(deadline), deadline);
    }
    assert!(!Deadline::NEVER.has_passed(Instant::MAX) && Deadline::default().is_never());
    assert_eq!(at(5).earlier(at(7)), at(5));
    assert_eq!(Deadline::from(Instant::MAX), Deadline::NEVER);
    assert_eq!(size_of::<Deadline>(), 8);
    assert_eq!(format!("{:?} {:?}", at(1_000_000), Deadline::NEVER), "Deadline(1ms) Deadline(never)");
}

#[test]
fn a_past_deadline_does_not_poll_the_work() {
    sim(|rt: Sim| async move {
        rt.sleep(ms(5)).await;
        for past in [rt.now(), Instant::ORIGIN] {
            let work = poll_fn(|_| -> Poll<()> { unreachable!("it is too late") });
            assert_eq!(Deadline::at(past).run(&rt, work).await, Err(Elapsed));
        }
        let deadline = Deadline::after(&rt, ms(5));
        assert_eq!(deadline.run(&rt, ready(1)).await, Ok(1));
        assert_eq!(Deadline::NEVER.run(&rt, ready(1)).await, Ok(1));
        assert_eq!(Deadline::after(&rt, Duration::MAX), Deadline::NEVER);
        assert_eq!(deadline.run(&rt, pending::<()>()).await, Err(Elapsed));
        assert_eq!(rt.now(), deadline.instant());
    });
}

#[test]
fn b30_a_value_that_is_there_with_the_timer_is_the_result() {
    let run = sim(|rt: Sim| async move {
        for timeout in [AttemptTimeout::new(ms(10)), AttemptTimeout::new(ms(10)).grace(ms(5))] {
            let result = timeout
                .run(&rt, async |_| {
                    rt.sleep(ms(10)).await;
                    Ok::<_, &str>(())
                })
                .await;
            assert_eq!(result, Ok(()));
            let result = timeout.run(&rt, async |_| {
                rt.sleep(ms(10)).await;
                Err::<(), _>("its own")
            });
            assert_eq!(result.await, Err(Error::Operation("its own")));
        }
        let total = TotalTimeout::new(ms(10));
        assert_eq!(
            total
                .run(&rt, async |_| {
                    rt.sleep(ms(10)).await;
                    Ok::<_, &str>(())
                })
                .await,
            Ok(())
        );
    });
    assert_eq!(run.elapsed, ms(50));
}

#[test]
fn b32_never_early() {
    sim(|rt: Sim| async move {
        for limit in [1, 999, 1_000_001].map(Duration::from_nanos) {
            let start = rt.now();
            let attempt =
                AttemptTimeout::new(limit).run(&rt, async |_| pending::<Result<(), &str>>().await).await;
            assert_eq!((attempt, rt.now() - start), (Err(timed_out(Scope::Attempt, limit)), limit));
            let start = rt.now();
            let total =
                TotalTimeout::new(limit).run(&rt, async |_| pending::<Result<(), &str>>().await).await;
            assert_eq!((total, rt.now() - start), (Err(timed_out(Scope::Total, limit)), limit));
        }
    });
}

#[test]
fn s20_limits_without_an_end_never_come() {
    sim(|rt: Sim| async move {
        let timeout = AttemptTimeout::new(Duration::MAX).grace(Duration::MAX);
        let total = TotalTimeout::until(Deadline::NEVER).grace(Duration::MAX);
        let users =
            Pipeline::named("").deadline(total).attempt_timeout(timeout).build(&rt).expect("it is good");
        let call = users.call(async |attempt: Attempt| {
            assert_eq!((attempt.remaining(), attempt.deadline()), (Duration::MAX, Instant::MAX));
            rt.sleep(secs(3600)).await;
            Ok::<_, &str>(())
        });
        assert_eq!(call.within(Deadline::NEVER).await, Ok(()));
    });
}

#[test]
fn with_no_time_left_nothing_begins() {
    sim(|rt: Sim| async move {
        rt.sleep(ms(1)).await;
        let op = async |_: Attempt| -> Result<(), &str> { unreachable!("it is too late") };
        let never = Err(timed_out(Scope::Attempt, Duration::ZERO));
        assert_eq!(AttemptTimeout::new(Duration::ZERO).run(&rt, op).await, never);
        assert_eq!(AttemptTimeout::new(Duration::ZERO).grace(secs(1)).run(&rt, op).await, never);
        let never = Err(timed_out(Scope::Total, Duration::ZERO));
        assert_eq!(TotalTimeout::new(Duration::ZERO).run(&rt, op).await, never);
        assert_eq!(TotalTimeout::until(Deadline::at(rt.now())).run(&rt, op).await, never);
        // The caller's has passed: no policy sees the call.
        let bulkhead = Bulkhead::new(limit(1));
        bulkhead.close();
        assert_eq!(bulkhead.run(&rt, op).within(Deadline::at(rt.now())).await, never);
        let past = Instant::ORIGIN;
        assert_eq!(bulkhead.run(&rt, op).starting_at(past).within(Deadline::at(past)).await, never);
        // Nor does a policy inside of a limit that has come.
        let users = Pipeline::named("")
            .deadline(Deadline::at(rt.now()))
            .bulkhead(&bulkhead)
            .build(&rt)
            .expect("it is good");
        assert_eq!(users.call(op).await, never);
        // A place comes free when it is too late.
        let bulkhead = Bulkhead::named("").max_in_flight(1).max_waiting(1).build().expect("it is good");
        let users = Pipeline::named("").deadline(ms(10)).bulkhead(&bulkhead).build(&rt).expect("it is good");
        let place = bulkhead.try_acquire().expect("it is free");
        let mut call = std::pin::pin!(users.call(op));
        assert!(futures::poll!(call.as_mut()).is_pending());
        rt.sleep(ms(11)).await;
        drop(place);
        assert_eq!(call.await, Err(timed_out(Scope::Total, ms(10))));
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
    });
}

#[test]
fn b40_a_limit_of_zero_is_a_config_error() {
    sim(|rt: Sim| async move {
        let error = |result: Result<_, ConfigError>| result.map(drop).unwrap_err().to_string();
        let zero = Pipeline::named("").attempt_timeout(Duration::ZERO).build(&rt).map(drop);
        assert_eq!(error(zero), "invalid `attempt_timeout` = 0s: must be longer than zero");
        let zero = Pipeline::named("").deadline(Duration::ZERO).attempt_timeout(Duration::ZERO).build(&rt);
        assert_eq!(error(zero.map(drop)), "invalid `deadline` = 0s: must be longer than zero");
    });
}

#[test]
fn b31_the_nearest_of_all_limits_counts_and_names_itself() {
    const NEVER: u64 = 1_000;
    for (total, attempt, within, expected) in [
        (20, 10, NEVER, (Scope::Attempt, 10)),
        (10, 20, NEVER, (Scope::Total, 10)),
        (10, 10, NEVER, (Scope::Total, 10)), // the outer one, where they are the same
        (20, 30, 10, (Scope::Total, 10)),
        (20, 5, 10, (Scope::Attempt, 5)),
        (5, 30, 10, (Scope::Total, 5)),
    ] {
        let run = sim(|rt: Sim| async move {
            rt.sleep(ms(7)).await;
            let users = Pipeline::named("users")
                .deadline(ms(total))
                .attempt_timeout(ms(attempt))
                .build(&rt)
                .expect("it is good");
            let op = async |attempt: Attempt| {
                assert_eq!((attempt.remaining(), attempt.token().is_some()), (ms(expected.1), false));
                assert_eq!(attempt.deadline(), rt.now() + attempt.remaining());
                pending::<Result<(), &str>>().await
            };
            let deadline = Deadline::after(&rt, ms(within));
            let late = Deadline::after(&rt, ms(5_000));
            users.call(op).within(deadline).within(late).await
        });
        let (scope, limit) = (expected.0, ms(expected.1));
        assert_eq!((run.value, run.elapsed), (Err(timed_out(scope, limit)), ms(7) + limit));
    }
}

#[test]
fn a_deadline_that_calls_share_is_an_instant() {
    sim(|rt: Sim| async move {
        let heard = Heard::default();
        let deadline = Deadline::after(&rt, ms(30));
        let job =
            Pipeline::named("job").observer(heard.clone()).deadline(deadline).build(&rt).expect("it is good");
        let op = async |_| {
            rt.sleep(ms(20)).await;
            Ok::<_, &str>(())
        };
        assert_eq!(job.call(op).await, Ok(()));
        assert_eq!(job.call(op).await, Err(timed_out(Scope::Total, ms(10))));
        assert_eq!(job.call(op).await, Err(timed_out(Scope::Total, Duration::ZERO)));
        let events =
            [ms(10), Duration::ZERO].map(|limit| ("job", EventKind::TimedOut { scope: Scope::Total, limit }));
        assert_eq!(heard.take(), events);
    });
}

/// What an operation does that is told to end: how long it goes on, and what it says then.
async fn told(
    rt: &Sim,
    attempt: Attempt,
    goes_on: Duration,
    says: Result<u32, &'static str>,
) -> Result<u32, &'static str> {
    let token = attempt.token().expect("there is a grace").clone();
    assert!(!token.is_cancelled());
    assert_eq!(token.cancelled().await, CancelReason::Deadline);
    assert_eq!(rt.now(), attempt.deadline());
    rt.sleep(goes_on).await;
    says
}

#[test]
fn a_grace_is_for_a_value_and_no_longer() {
    let attempt = AttemptTimeout::new(ms(100)).grace(ms(20));
    let out = Err(timed_out(Scope::Attempt, ms(100)));
    for (goes_on, says, expected, elapsed) in [
        (0, Ok(1), Ok(1), 100),
        (19, Ok(1), Ok(1), 119),
        (20, Ok(1), Ok(1), 120), // both are there
        (21, Ok(1), out, 120),
        (0, Err("gave up"), out, 100),
        (10, Err("gave up"), out, 110),
        (20, Err("gave up"), out, 120),
    ] {
        let run = sim(|rt: Sim| async move {
            attempt.run(&rt, async |attempt| told(&rt, attempt, ms(goes_on), says).await).await
        });
        assert_eq!((run.value, run.elapsed), (expected, ms(elapsed)), "{goes_on} {says:?}");
        let run = sim(|rt: Sim| async move {
            let total = TotalTimeout::new(ms(100)).grace(ms(20));
            total.run(&rt, async |attempt| told(&rt, attempt, ms(goes_on), says).await).await
        });
        let expected = expected.map_err(|_| timed_out(Scope::Total, ms(100)));
        assert_eq!((run.value, run.elapsed), (expected, ms(elapsed)), "{goes_on} {says:?}");
    }
}

#[test]
fn of_several_graces_the_first_that_ends_counts() {
    const NONE: Option<u64> = None;
    // Limits and graces of the call and of the attempt; then whose limit it is, and when the operation is dropped.
    for (total, total_grace, attempt, attempt_grace, expected, elapsed) in [
        (100, NONE, 90, Some(50), (Scope::Attempt, 90), 100),
        (100, Some(5), 90, Some(50), (Scope::Attempt, 90), 105),
        (100, Some(50), 90, Some(5), (Scope::Attempt, 90), 95),
        (100, Some(50), 90, None, (Scope::Attempt, 90), 90),
        (90, Some(50), 100, None, (Scope::Total, 90), 100),
        (90, Some(50), 100, Some(10), (Scope::Total, 90), 110),
        (90, None, 100, Some(10), (Scope::Total, 90), 90),
        (90, Some(0), 100, None, (Scope::Total, 90), 90),
    ] {
        let token = Arc::new(Mutex::new(None::<CancelToken>));
        let kept = Arc::clone(&token);
        let run = sim(|rt: Sim| async move {
            let grace = |grace: Option<u64>| grace.map(ms);
            let total = grace(total_grace)
                .map_or(TotalTimeout::new(ms(total)), |grace| TotalTimeout::new(ms(total)).grace(grace));
            let attempt = grace(attempt_grace).map_or(AttemptTimeout::new(ms(attempt)), |grace| {
                AttemptTimeout::new(ms(attempt)).grace(grace)
            });
            let users =
                Pipeline::named("").deadline(total).attempt_timeout(attempt).build(&rt).expect("it is good");
            let op = async |attempt: Attempt| {
                assert_eq!(attempt.remaining(), ms(expected.1));
                *kept.lock().unwrap() = attempt.token().cloned();
                pending::<Result<(), &str>>().await
            };
            users.call(op).await
        });
        assert_eq!((run.value, run.elapsed), (Err(timed_out(expected.0, ms(expected.1))), ms(elapsed)));
        let token = token.lock().unwrap().take().expect("one of them has a grace");
        let is_told_first = elapsed > expected.1;
        let reason = if is_told_first { CancelReason::Deadline } else { CancelReason::GuardDropped };
        assert_eq!(token.reason(), Some(reason));
    }
}

#[test]
fn a_token_ends_what_the_attempt_has_started_elsewhere() {
    let run = sim(|rt: Sim| async move {
        let timeout = AttemptTimeout::new(ms(50)).grace(Duration::ZERO);
        let (sent, kept) = (Cell::new(None), Cell::new(None));
        let result = timeout
            .run(&rt, async |attempt| {
                let token = attempt.token().expect("there is a grace").clone();
                sent.set(Some(rt.spawn({
                    let (rt, token) = (rt.clone(), token.clone());
                    async move { token.run(rt.sleep(secs(3600))).await }
                })));
                pending::<Result<(), &str>>().await
            })
            .await;
        assert_eq!(result, Err(timed_out(Scope::Attempt, ms(50))));
        assert!(sent.take().expect("spawned").await.expect("no panic").is_err(), "it was told");
        // A result leaves its token alone: what it has started may be meant to go on.
        let result = timeout.run(&rt, async |attempt| {
            kept.set(attempt.token().cloned());
            Ok::<_, &str>(())
        });
        assert_eq!(result.await, Ok(()));
        assert!(!kept.take().expect("there is a grace").is_cancelled());
    });
    assert_eq!(run.elapsed, ms(50));
}

#[test]
fn each_attempt_has_a_token_of_its_own_and_none_begins_in_the_grace_of_the_call() {
    let run = sim(|rt: Sim| async move {
        let users = Pipeline::named("")
            .deadline(TotalTimeout::new(ms(100)).grace(ms(30)))
            .retry(
                Retry::builder()
                    .max_attempts(9)
                    .backoff(Backoff::constant(ms(5)))
                    .build()
                    .expect("it is good"),
            )
            .attempt_timeout(AttemptTimeout::new(ms(40)).grace(ms(10)))
            .build(&rt)
            .expect("it is good");
        let attempts = Cell::new(0);
        let result = users
            .call(async |attempt: Attempt| {
                attempts.set(attempts.get() + 1);
                let token = attempt.token().expect("there is a grace");
                assert!(!token.is_cancelled(), "another attempt's");
                assert_eq!(token.cancelled().await, CancelReason::Deadline);
                rt.sleep(ms(1)).await;
                Err::<(), _>("told to end")
            })
            .await;
        // At 0, 46 and 92; the third is told at 100, and nothing begins after that.
        assert_eq!((result.map_err(|error| error.is_timeout()), attempts.get()), (Err(true), 3));
    });
    assert_eq!(run.elapsed, ms(101));
}

#[test]
fn an_operation_in_its_grace_is_polled_for_its_own_wakes_only() {
    sim(|rt: Sim| async move {
        let polls = Cell::new(0);
        let timeout = AttemptTimeout::new(ms(10)).grace(ms(100));
        let op = async |_: Attempt| {
            let mut steps = std::pin::pin!(async {
                for _ in 0..5 {
                    rt.sleep(ms(9)).await;
                }
                Ok::<_, &str>(())
            });
            poll_fn(|cx| {
                polls.set(polls.get() + 1);
                steps.as_mut().poll(cx)
            })
            .await
        };
        assert_eq!(timeout.run(&rt, op).await, Ok(()));
        // The first, one for each sleep, and two when the time was up: by who was woken, and knowing what for.
        assert_eq!(polls.get(), 8);
    });
}

#[test]
fn s09_limits_may_be_dropped_anywhere() {
    let tracker = Tracker::new();
    let scenario = |rt: Sim, subject: Subject| {
        let tracker = tracker.clone();
        async move {
            let bulkhead = Bulkhead::named("b").max_in_flight(1).max_waiting(4).build().expect("it is good");
            let users = Pipeline::named("users")
                .deadline(TotalTimeout::new(ms(100)).grace(ms(10)))
                .bulkhead(&bulkhead)
                .attempt_timeout(AttemptTimeout::new(ms(20)).grace(ms(10)))
                .build(&rt)
                .expect("it is good");
            let other = rt.spawn({
                let (rt, bulkhead) = (rt.clone(), bulkhead.clone());
                async move {
                    let _place = bulkhead.acquire(&rt).await.expect("it is open");
                    rt.sleep(ms(5)).await;
                }
            });
            rt.yield_now().await;
            subject
                .spawn(&rt.clone(), async move {
                    let tracker = &tracker;
                    let op = |attempt: Attempt| {
                        let (rt, value) = (&rt, tracker.track(()));
                        async move {
                            let token = attempt.token().expect("there is a grace");
                            token.cancelled().await;
                            rt.sleep(ms(5)).await;
                            drop(value);
                            Ok::<_, &str>(())
                        }
                    };
                    users.call(op).await
                })
                .await;
            other.await.expect("no panic");
            bulkhead
        }
    };
    let check = |_, bulkhead: Bulkhead| async move {
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
    };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 4);
    passed(abort_sweep(scenario, check));
    passed(panic_sweep(scenario, check));
    tracker.assert_none_alive();
}

#[test]
fn a_deadline_that_never_comes_needs_no_timer() {
    let rt = ByHand::new();
    let mut never = std::pin::pin!(Deadline::NEVER.run(&rt, pending::<()>()));
    assert!(never.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(rt.timers(), 0);
}
