//! Another answer: which, when, and who is told.

use crate::kit::{Heard, limit, ms, passed, secs, sim};
use backstay::testing::{Sim, Subject, Tracker, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{
    Answer, Attempt, AttemptTimeout, Bulkhead, Cause, Error, EventKind, Fallback, FromError, InsteadOf,
    Layered, Leaf, Pipeline, PolicyKind, Reason, Rejected, Retry, Scope, Source, TotalTimeout, Value,
    Verdict,
};
use backstay_core::task::CancelToken;
use backstay_core::time::Deadline;
use std::cell::Cell;
use std::future::{Ready, pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

type Failed = Error<&'static str>;

/// An error without a lifetime, for calls in tasks.
#[derive(Debug)]
struct Broken;

#[test]
fn a_value_is_cloned_only_when_it_is_needed() {
    struct Counted(Arc<AtomicUsize>);
    impl Clone for Counted {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, SeqCst);
            Self(Arc::clone(&self.0))
        }
    }
    sim(|rt: Sim| async move {
        let clones = Arc::new(AtomicUsize::new(0));
        let fallback = Fallback::value(Counted(Arc::clone(&clones)));
        let new = Arc::default();
        assert!(fallback.run(&rt, async |_| Ok::<_, &str>(Counted(Arc::clone(&new)))).await.is_ok());
        assert_eq!(clones.load(SeqCst), 0);
        assert!(fallback.run(&rt, async |_| Err("out of order")).await.is_ok());
        assert_eq!(clones.load(SeqCst), 1);
    });
}

#[test]
fn a_function_sees_the_error_as_it_is() {
    sim(|rt: Sim| async move {
        let fallback = Fallback::from_error(|error: &Failed| error.to_string());
        let users = Pipeline::named("users")
            .fallback(fallback)
            .attempt_timeout(ms(5))
            .build(&rt)
            .expect("it is good");
        let text = users.call(async |_| pending().await).await;
        assert_eq!(text.as_deref(), Ok("the attempt took longer than 5ms"));
        let text = users.call(async |_| Err("its own")).await;
        assert_eq!(text.as_deref(), Ok("the operation failed"));
    });
}

#[test]
fn another_operation_is_called_once_and_only_then() {
    let run = sim(|rt: Sim| async move {
        let calls = Cell::new(0);
        let fallback = Fallback::operation(|error: &Failed| {
            calls.set(calls.get() + 1);
            let why = error.operation().copied();
            let rt = &rt;
            async move {
                rt.sleep(ms(30)).await;
                why.ok_or("no reason")
            }
        });
        assert_eq!(fallback.run(&rt, async |_| Ok("value")).await, Ok("value"));
        drop(fallback.run(&rt, async |_| Err("dropped unpolled")));
        assert_eq!(calls.get(), 0);
        assert_eq!(fallback.run(&rt, async |_| Err("why")).await, Ok("why"));
        assert_eq!(calls.get(), 1);
    });
    assert_eq!(run.elapsed, ms(30));
}

#[test]
fn both_causes_are_kept() {
    sim(|rt: Sim| async move {
        let fallback = Fallback::operation(|_: &Failed| ready(Err::<(), _>("second")));
        let error = fallback.run(&rt, async |_| Err("first")).await.unwrap_err();
        let (primary, second) = (Cause::Operation("first"), Cause::Operation("second"));
        assert_eq!(error, Error::FallbackFailed { primary, fallback: second });
        assert_eq!(error.operation(), Some(&"first"));

        // What stands in for both is shown both.
        let last = Fallback::from_error(|error: &Failed| match error {
            Error::FallbackFailed { primary, fallback } => {
                (primary.operation().copied(), fallback.operation().copied())
            }
            other => panic!("{other:?}"),
        });
        let second = Fallback::operation(|_: &Failed| ready(Err("second")));
        let users = Pipeline::named("").fallback(last).fallback(second).build(&rt).expect("it is good");
        let answer = users.call(async |_| Err("first")).detailed().await.expect("there is an answer");
        assert_eq!((answer.value, answer.source), ((Some("first"), Some("second")), Source::Fallback));
    });
}

#[test]
fn the_predicate_chooses_among_errors() {
    let is_refused = |error: &Failed| error.rejected().is_some();
    sim(|rt: Sim| async move {
        let bulkhead = Bulkhead::new(limit(1));
        let fallback = Fallback::value("busy").when(is_refused);
        let users =
            Pipeline::named("").fallback(fallback).bulkhead(&bulkhead).build(&rt).expect("it is good");
        assert_eq!(users.call(async |_| Err("its own")).await, Err(Error::Operation("its own")));
        let place = bulkhead.try_acquire().expect("it is free");
        let answer = users.call(async |_| Err("its own")).detailed().await.expect("there is an answer");
        assert_eq!((answer.value, answer.source, answer.attempts), ("busy", Source::Fallback, 0));
        drop(place);
        let answer = users.call(async |_| Ok("value")).detailed().await.expect("there is an answer");
        assert_eq!((answer.value, answer.source, answer.attempts), ("value", Source::Operation, 1));
    });
}

#[test]
fn who_cancelled_gets_no_other_answer() {
    sim(|rt: Sim| async move {
        let users = Pipeline::named("").fallback(Fallback::value(7)).build(&rt).expect("it is good");
        let token = CancelToken::new();
        let op = async |_| {
            rt.sleep(ms(5)).await;
            token.cancel();
            pending::<Result<_, &str>>().await
        };
        assert_eq!(users.call(op).until_cancelled(&token).await, Err(Error::Cancelled));
        assert_eq!(users.call(op).until_cancelled(&token).await, Err(Error::Cancelled));
        assert_eq!(Failed::Cancelled.into_cause(), None);
    });
}

#[test]
fn the_last_who_answered_is_named() {
    sim(|rt: Sim| async move {
        // A retry outside, which does not take the fallback's answer for one.
        let users = Pipeline::named("")
            .retry(Retry::builder().max_attempts(2).build().expect("it is good"))
            .fallback(Fallback::value(0))
            .classify(|result: Result<&u32, &Failed>| match result {
                Ok(0) => Verdict::failure(),
                _ => Verdict::Success,
            })
            .build(&rt)
            .expect("it is good");
        let op = async |attempt: Attempt| if attempt.is_retry() { Ok(1) } else { Err("first") };
        let answer = users.call(op).detailed().await.expect("a value");
        assert_eq!((answer.value, answer.source, answer.attempts), (1, Source::Operation, 2));
        let answer = users.call(async |_| Err("always")).detailed().await.expect("a value");
        assert_eq!((answer.value, answer.source, answer.attempts), (0, Source::Fallback, 2));
    });
}

#[test]
fn the_observer_is_told_once_and_before() {
    sim(|rt: Sim| async move {
        let heard = Heard::default();
        let users = Pipeline::named("users")
            .observer(heard.clone())
            .fallback(Fallback::operation(|_: &Failed| ready(Err::<(), _>("second"))))
            .build(&rt)
            .expect("it is good");
        assert_eq!(users.call(async |_| Ok(())).await, Ok(()));
        assert_eq!(heard.take(), []);
        users.call(async |_| Err("first")).await.unwrap_err();
        assert_eq!(heard.take(), [("users", EventKind::FellBack)]);
        assert_eq!(EventKind::FellBack.name(), "fallback.used");
    });
}

#[test]
fn b31_a_fallback_within_a_limit_has_what_is_left_of_it() {
    let total = |limit| Cause::TimedOut { scope: Scope::Total, limit };
    let run = sim(|rt: Sim| async move {
        let slow = Fallback::operation(|_: &Failed| async {
            rt.sleep(secs(60)).await;
            Ok(())
        });
        let users = Pipeline::named("").deadline(ms(50)).fallback(slow).build(&rt).expect("it is good");
        let error = users
            .call(async |_| {
                rt.sleep(ms(20)).await;
                Err("first")
            })
            .await
            .unwrap_err();
        assert_eq!(
            error,
            Error::FallbackFailed { primary: Cause::Operation("first"), fallback: total(ms(50)) }
        );
        // The time is up: what takes time isn't asked, what is there is given.
        let error = users.call(async |_| pending().await).await.unwrap_err();
        assert_eq!(error, total(ms(50)).into());
        let users =
            Pipeline::named("").deadline(ms(50)).fallback(Fallback::value(7)).build(&rt).expect("it is good");
        assert_eq!(users.call(async |_| pending::<Result<_, &str>>().await).await, Ok(7));
    });
    assert_eq!(run.elapsed, ms(150));
}

#[test]
fn a_caller_without_time_is_answered_by_nobody() {
    sim(|rt: Sim| async move {
        let users = Pipeline::named("").fallback(Fallback::value(7)).build(&rt).expect("it is good");
        let past = Deadline::at(rt.now());
        let result = users.call(async |_| Ok::<_, &str>(1)).within(past).await;
        assert_eq!(result, Err(Error::TimedOut { scope: Scope::Total, limit: ms(0) }));
    });
}

/// Types that can be written down.
type Named<R> = Pipeline<
    R,
    Layered<
        Fallback<InsteadOf<fn(&Failed) -> Ready<Result<u32, &'static str>>>, fn(&Failed) -> bool>,
        Layered<
            Fallback<FromError<fn(&Failed) -> u32>, fn(&Failed) -> bool>,
            Layered<
                Fallback<Value<u32>, fn(&Failed) -> bool>,
                Layered<TotalTimeout, Layered<Bulkhead, Layered<AttemptTimeout, Leaf>>>,
            >,
        >,
    >,
>;

#[test]
fn a_pipeline_goes_into_a_struct() {
    struct Client<R> {
        users: Named<R>,
    }
    fn replica(_: &Failed) -> Ready<Result<u32, &'static str>> {
        ready(Ok(1))
    }
    fn length(error: &Failed) -> u32 {
        error.operation().map_or(0, |text| text.len() as u32)
    }
    fn is(error: &Failed, what: &str) -> bool {
        error.operation() == Some(&what)
    }
    sim(|rt: Sim| async move {
        let users = Pipeline::named("users")
            .fallback(
                Fallback::operation(replica as fn(&Failed) -> _)
                    .when((|e| is(e, "replica")) as fn(&Failed) -> _),
            )
            .fallback(
                Fallback::from_error(length as fn(&Failed) -> _)
                    .when((|e| is(e, "length")) as fn(&Failed) -> _),
            )
            .fallback(Fallback::value(7).when((|e| is(e, "value")) as fn(&Failed) -> _))
            .deadline(secs(1))
            .bulkhead(&Bulkhead::new(limit(1)))
            .attempt_timeout(ms(100))
            .build(&rt)
            .expect("it is good");
        let client = Client { users };
        for (fails_with, expected) in
            [("replica", Ok(1)), ("length", Ok(6)), ("value", Ok(7)), ("x", Err("x"))]
        {
            let result = client.users.call(async |_| Err(fails_with)).await;
            assert_eq!(result, expected.map_err(Error::Operation));
        }
    });
}

#[test]
fn an_answer_is_plain() {
    sim(|rt: Sim| async move {
        let users = Pipeline::named("users").fallback(Fallback::value(2)).build(&rt).expect("it is good");
        let answer: Answer<i32> = users.call(async |_| Ok::<_, &str>(1)).detailed().await.expect("a value");
        assert_eq!((answer.value, answer.source, answer.attempts), (1, Source::Operation, 1));
        let rejected = Rejected::new(PolicyKind::Bulkhead, "b", Reason::Busy);
        assert_eq!(rejected.to_string(), "bulkhead `b` refused the call: all its places are taken");
    });
}

#[test]
fn s09_a_fallback_may_be_dropped_anywhere() {
    let tracker = Tracker::new();
    let scenario = |rt: Sim, subject: Subject| {
        let tracker = tracker.clone();
        async move {
            let bulkhead = Bulkhead::new(limit(1));
            let other = {
                let (rt, tracker) = (rt.clone(), tracker.clone());
                Fallback::operation(move |_: &Error<Broken>| {
                    let (rt, value) = (rt.clone(), tracker.track(()));
                    async move {
                        rt.sleep(ms(5)).await;
                        drop(value);
                        Ok(())
                    }
                })
            };
            let users =
                Pipeline::named("users").fallback(other).bulkhead(&bulkhead).build(&rt).expect("it is good");
            subject
                .spawn(&rt.clone(), async move {
                    let op = |_: Attempt| {
                        let (rt, value) = (&rt, tracker.track(()));
                        async move {
                            rt.sleep(ms(5)).await;
                            drop(value);
                            Err(Broken)
                        }
                    };
                    users.call(op).await
                })
                .await;
            bulkhead
        }
    };
    let check = |_, bulkhead: Bulkhead| async move { assert_eq!(bulkhead.in_flight(), 0) };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 3);
    passed(abort_sweep(scenario, check));
    passed(panic_sweep(scenario, check));
    tracker.assert_none_alive();
}
