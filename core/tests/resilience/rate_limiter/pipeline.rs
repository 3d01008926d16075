//! A permit before each call.

use super::{limiter, ms};
use crate::kit::Heard;
use backstay::testing::{Failure, Sim, Subject, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{
    AttemptTimeout, Error, Event, EventKind, Pipeline, PolicyKind, Quota, RateLimiter, Reason, Scope,
};
use backstay_core::time::Deadline;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn passed<T>(outcome: Result<T, Failure>) -> T {
    outcome.unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn b29_a_call_counts_when_it_begins_whatever_comes_of_it() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = limiter(Quota::per_second(10).burst(3));
        let slow = limiter.run(&rt, async |_| {
            assert_eq!(limiter.available(rt.now()), 2, "counted before it was called");
            rt.sleep(ms(50)).await;
            Err::<(), _>("failed")
        });
        assert_eq!(slow.await, Err(Error::Operation("failed")));
        // One who is dropped in the middle of its operation has used its permit.
        let hangs = limiter.run(&rt, async |_| std::future::pending::<Result<(), Infallible>>().await);
        assert!(rt.timeout(ms(1), hangs).await.is_err());
        assert_eq!(limiter.available(rt.now()), 1);
    });
    passed(run);
}

#[test]
fn calls_wait_for_their_turn_and_are_told_when_it_can_not_come_in_time() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = RateLimiter::named("users").quota(Quota::per_second(10)).build().expect("a good quota");
        let events = Arc::new(Mutex::new(Vec::new()));
        let pipeline = Pipeline::named("test")
            .attempt_timeout(ms(250))
            .rate_limit(&limiter)
            .observer({
                let events = Arc::clone(&events);
                move |event: &Event| events.lock().unwrap().push(*event)
            })
            .build(&rt)
            .expect("it is good");
        let call =
            || pipeline.call(async |attempt| Ok::<_, Infallible>((attempt.number(), attempt.remaining())));
        assert_eq!(call().await, Ok((1, ms(250))));
        assert_eq!(call().await, Ok((1, ms(150))), "a hundred milliseconds of it it waited");
        let (first, second, third) = futures::join!(call(), call(), call());
        assert_eq!((first, second), (Ok((1, ms(150))), Ok((1, ms(50)))));
        // At once: it would have been 300 ms.
        let rejected = *third.unwrap_err().rejected().expect("refused");
        assert_eq!((rejected.name(), rejected.reason()), ("users", Reason::RateLimited));
        assert_eq!(rejected.retry_after(), Some(ms(300)));
        let is_refusal = |event: &&Event| matches!(event.kind, EventKind::Rejected(_));
        assert_eq!(events.lock().unwrap().iter().filter(is_refusal).count(), 1);
        assert_eq!(pipeline.describe().kinds().last(), Some(PolicyKind::RateLimiter));
        assert!(pipeline.describe().to_string().ends_with("rate limiter `users`: 10 in 1s, 1 at once"));
    });
    assert_eq!(passed(run).elapsed, ms(300));
}

#[test]
fn a_turn_that_comes_as_the_time_is_up_is_too_late() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = limiter(Quota::per_second(10));
        let pipeline = Pipeline::named("test").attempt_timeout(ms(100)).rate_limit(&limiter);
        let pipeline = pipeline.build(&rt).expect("it is good");
        let ok = async |_| Ok::<_, Infallible>(());
        assert_eq!(pipeline.call(ok).await, Ok(()));
        assert!(pipeline.call(ok).await.unwrap_err().rejected().is_some());
    });
    assert_eq!(passed(run).elapsed, Duration::ZERO);
}

#[test]
fn a_wait_that_a_slower_quota_makes_too_long_ends_with_the_limit_around_it() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = limiter(Quota::per_second(10));
        let pipeline = Pipeline::named("test")
            .attempt_timeout(ms(250))
            .rate_limit(&limiter)
            .build(&rt)
            .expect("it is good");
        let ok = async |_| Ok::<_, Infallible>(());
        assert_eq!(pipeline.call(ok).await, Ok(()));
        let slower = async {
            rt.sleep(ms(50)).await;
            limiter.set_quota(Quota::per_minute(1), rt.now()).expect("a good quota");
        };
        let (result, ()) = futures::join!(pipeline.call(ok), slower);
        assert_eq!(result, Err(Error::TimedOut { scope: Scope::Attempt, limit: ms(250) }));
        assert_eq!(rt.now().since_origin(), ms(250));
        assert_eq!(limiter.waiting(), 0);
    });
    passed(run);
}

#[test]
fn a_wait_that_is_too_long_for_the_limiter_is_a_timeout_of_the_queue() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = RateLimiter::named("test")
            .quota(Quota::per_second(10))
            .max_wait(ms(100))
            .build()
            .expect("a good quota");
        let ok = async |_| Ok::<_, Infallible>(());
        assert_eq!(limiter.run(&rt, ok).await, Ok(()));
        let slower = async {
            rt.sleep(ms(50)).await;
            limiter.set_quota(Quota::per_minute(1), rt.now()).expect("a good quota");
        };
        let (result, ()) = futures::join!(limiter.run(&rt, ok), slower);
        assert_eq!(result, Err(Error::TimedOut { scope: Scope::Queue, limit: ms(100) }));
    });
    passed(run);
}

#[test]
fn b20_a_call_whose_time_is_up_leaves_the_queue_though_it_is_kept() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = limiter(Quota::per_second(10));
        let pipeline = Pipeline::named("test").rate_limit(&limiter).build(&rt).expect("it is good");
        let ok = async |_| Ok::<_, Infallible>(());
        assert_eq!(pipeline.call(ok).await, Ok(()));
        let deadline = Deadline::after(&rt, ms(250));
        let mut late = std::pin::pin!(pipeline.call(ok).within(deadline));
        assert!(futures::poll!(&mut late).is_pending());
        limiter.set_quota(Quota::per_minute(1), rt.now()).expect("a good quota");
        assert_eq!(late.as_mut().await, Err(Error::TimedOut { scope: Scope::Total, limit: ms(250) }));
        assert_eq!(limiter.waiting(), 0);
    });
    passed(run);
}

#[test]
fn b23_a_wait_is_told_of_and_how_long_it_was() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let (limiter, heard) = (limiter(Quota::per_second(10)), Heard::default());
        let builder = Pipeline::named("test").observer(heard.clone());
        let pipeline = builder.rate_limit(&limiter).build(&rt).expect("it is good");
        let ok = async |_| Ok::<_, Infallible>(());
        assert_eq!(pipeline.call(ok).await, Ok(()));
        assert_eq!(heard.take(), [], "its turn was free");
        rt.sleep(ms(30)).await;
        assert_eq!(pipeline.call(ok).await, Ok(()));
        let waited = EventKind::Waited { policy: PolicyKind::RateLimiter, waited: ms(70) };
        assert_eq!(heard.take(), [("test", waited)]);
    });
    passed(run);
}

#[test]
fn a_permit_whose_operation_was_never_called_goes_back() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let outer = limiter(Quota::per_second(10).burst(5));
        let inner = RateLimiter::named("test")
            .quota(Quota::per_minute(1))
            .max_wait(ms(100))
            .build()
            .expect("a good quota");
        let pipeline =
            Pipeline::named("test").rate_limit(&outer).rate_limit(&inner).build(&rt).expect("it is good");
        let ok = async |_| Ok::<_, Infallible>(());
        assert_eq!(pipeline.call(ok).await, Ok(()));
        assert_eq!(outer.available(rt.now()), 4);
        // Refused inside.
        assert!(pipeline.call(ok).await.is_err());
        assert_eq!(outer.available(rt.now()), 4);
        // Dropped while it waits inside.
        inner.set_quota(Quota::per_second(15), rt.now()).expect("a good quota");
        let call = rt.timeout(ms(1), pipeline.call(ok)).await;
        assert!(call.is_err());
        assert_eq!((outer.available(rt.now()), inner.waiting()), (4, 0));
        rt.sleep(ms(99)).await;
        assert_eq!(outer.available(rt.now()), 5);
        // And one whose operation panics as it is called has used it.
        use futures::FutureExt;
        let panics =
            pipeline.call(|_| -> std::future::Ready<Result<(), Infallible>> { panic!("in the closure") });
        assert!(std::panic::AssertUnwindSafe(panics).catch_unwind().await.is_err());
        assert_eq!((outer.available(rt.now()), inner.available(rt.now())), (4, 0));
    });
    passed(run);
}

/// A pipeline whose subject waits outside, then inside, then in its operation.
async fn sweep(rt: Sim, subject: Subject) -> (RateLimiter, RateLimiter) {
    let (outer, inner) = (limiter(Quota::per_second(20).burst(2)), limiter(Quota::per_second(10)));
    let pipeline = Pipeline::named("test").rate_limit(&outer).rate_limit(&inner).attempt_timeout(ms(5));
    let pipeline = pipeline.build(&rt).expect("it is good");
    assert!(pipeline.call(async |_| Ok::<_, Infallible>(())).await.is_ok());
    let _second = outer.try_acquire(rt.now()).expect("there are two");
    let work = {
        let (rt, pipeline) = (rt.clone(), pipeline.clone());
        async move {
            let _ = pipeline
                .call(async |_| {
                    rt.sleep(ms(3)).await;
                    Ok::<_, Infallible>(())
                })
                .await;
        }
    };
    subject.spawn(&rt, work).await;
    let call = pipeline.call(async |_| Ok::<_, Infallible>(()));
    assert_eq!(rt.timeout(ms(1_000), call).await, Ok(Ok(())));
    (outer, inner)
}

#[test]
fn s09_a_call_that_is_cut_anywhere_holds_nothing() {
    let check = |rt: Sim, (outer, inner): (RateLimiter, RateLimiter)| async move {
        assert_eq!((outer.waiting(), inner.waiting()), (0, 0));
        rt.sleep(Duration::from_secs(1)).await;
        assert_eq!((outer.available(rt.now()), inner.available(rt.now())), (2, 1));
    };
    assert!(passed(cancel_sweep(sweep, check)).polls >= 3);
    passed(abort_sweep(sweep, check));
    passed(panic_sweep(sweep, check));
}

#[test]
fn a_limiter_and_a_timeout_take_both_orders() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = limiter(Quota::per_second(10));
        let pipeline =
            Pipeline::named("test").rate_limit(&limiter).attempt_timeout(AttemptTimeout::new(ms(50)));
        let pipeline = pipeline.build(&rt).expect("it is good");
        let hangs = async |_| std::future::pending::<Result<(), Infallible>>().await;
        for _ in 0..3 {
            let timed_out = Error::TimedOut { scope: Scope::Attempt, limit: ms(50) };
            assert_eq!(pipeline.call(hangs).await, Err(timed_out));
        }
    });
    // The wait is not the attempt's: 50, 150, 250.
    assert_eq!(passed(run).elapsed, ms(250));
}
