//! Deadlines, to the nanosecond.

use crate::kit::{Wakes, ms, poll_once, poll_with};
use backstay::test_on_every_runtime;
use backstay::testing::Sim;
use backstay_core::task::{CancelReason, CancelToken};
use backstay_core::testing::checked;
use backstay_core::time::Instant;
use backstay_core::{Runtime, sometimes};
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

/// Without faults: times are exact.
fn run<F: Future<Output = ()>>(test: impl FnMut(Sim) -> F) -> Duration {
    Sim::builder().run(test).unwrap_or_else(|failure| panic!("{failure}")).elapsed
}

#[test]
fn a_wait_ends_at_the_deadline_without_anybodys_help() {
    let elapsed = run(|rt| async move {
        let token = CancelToken::with_deadline(&rt, rt.now() + ms(10));
        assert_eq!(checked(token.cancelled()).await, CancelReason::Deadline);
        assert_eq!(token.reason(), Some(CancelReason::Deadline));
    });
    assert_eq!(elapsed, ms(10));
}

#[test]
fn a_run_ends_at_the_deadline() {
    let elapsed = run(|rt| async move {
        let token = CancelToken::with_deadline(&rt, rt.now() + ms(10)).child().child();
        let outcome = checked(token.run(pending::<()>())).await;
        assert_eq!(outcome.expect_err("it is late").to_string(), "cancelled: the deadline has passed");
    });
    assert_eq!(elapsed, ms(10));
}

#[test]
fn who_asks_is_told_by_the_clock_and_tells_all_who_wait() {
    run(|rt| async move {
        let parent = CancelToken::with_deadline(&rt, rt.now() + ms(10));
        let child = parent.child();
        let (wakes, waker) = Wakes::new();
        let mut waiting = pin!(child.cancelled());
        assert!(poll_with(waiting.as_mut(), &waker).is_pending());
        let moment = Duration::from_nanos(1);
        rt.sleep(ms(10) - moment).await;
        assert!(!parent.is_cancelled() && !child.is_cancelled() && wakes.count() == 0);
        rt.sleep(moment).await;
        // By its own timer or by this, but no more than once by each.
        assert!(parent.is_cancelled());
        assert!((1..=2).contains(&wakes.count()), "{}", wakes.count());
        assert!(poll_with(waiting, &waker).is_ready());
    });
}

#[test]
fn of_nested_deadlines_the_earliest_counts() {
    let elapsed = run(|rt| async move {
        let start = rt.now();
        let root = CancelToken::with_deadline(&rt, start + ms(20));
        assert_eq!(root.child().deadline(), Some(start + ms(20)));
        let sooner = root.child_with_deadline(&rt, start + ms(10));
        let later = root.child_with_deadline(&rt, start + ms(30));
        let never = root.child_with_deadline(&rt, Instant::MAX);
        assert_eq!(sooner.deadline(), Some(start + ms(10)));
        assert_eq!(sooner.child_with_deadline(&rt, start + ms(15)).deadline(), Some(start + ms(10)));
        assert_eq!([&later, &never].map(CancelToken::deadline), [Some(start + ms(20)); 2]);
        assert_eq!(sooner.cancelled().await, CancelReason::Deadline);
        assert_eq!(rt.now(), start + ms(10));
        assert!(!root.is_cancelled() && !later.is_cancelled());
        assert_eq!(later.remaining(), Some(ms(10)));
        assert_eq!(later.cancelled().await, CancelReason::Deadline);
        assert_eq!([root.remaining(), sooner.remaining()], [Some(Duration::ZERO); 2]);
    });
    assert_eq!(elapsed, ms(20));
}

#[test]
fn a_deadline_below_one_without_is_its_own() {
    run(|rt| async move {
        let root = CancelToken::new();
        let child = root.child_with_deadline(&rt, rt.now() + ms(5));
        let below = child.child();
        assert_eq!((root.deadline(), root.remaining()), (None, None));
        assert_eq!(below.cancelled().await, CancelReason::Deadline);
        assert!(child.is_cancelled() && !root.is_cancelled());
        let other = root.child_with_deadline(&rt, rt.now() + ms(5));
        root.cancel();
        assert_eq!(other.reason(), Some(CancelReason::Explicit));
    });
}

#[test]
fn s20_a_deadline_that_has_passed_and_one_that_never_comes() {
    let elapsed = run(|rt| async move {
        rt.sleep(ms(1)).await;
        for at in [Instant::ORIGIN, rt.now()] {
            let token = CancelToken::with_deadline(&rt, at);
            let child = CancelToken::new().child_with_deadline(&rt, at);
            for token in [token, child] {
                assert_eq!(token.reason(), Some(CancelReason::Deadline));
                assert!(token.run(async { unreachable!("it is late") }).await.is_err());
                assert_eq!(token.child().reason(), Some(CancelReason::Deadline));
            }
        }
        let late = CancelToken::with_deadline(&rt, rt.now());
        assert!(format!("{late:?}").contains("cancelled: Some(Deadline)"), "from the start: {late:?}");

        // The first reason stays, whosever it is.
        let parent = CancelToken::new();
        let late = parent.child_with_deadline(&rt, rt.now());
        parent.cancel();
        assert_eq!(late.reason(), Some(CancelReason::Deadline));
        assert_eq!(parent.child_with_deadline(&rt, Instant::ORIGIN).reason(), Some(CancelReason::Explicit));

        let never = CancelToken::with_deadline(&rt, rt.now() + Duration::MAX);
        assert_eq!((never.deadline(), never.remaining()), (None, None));
        let far = CancelToken::with_deadline(&rt, Instant::from_nanos(u64::MAX - 1));
        assert!(far.remaining().is_some_and(|remaining| remaining > Duration::from_secs(1 << 33)));
        for token in [never, far] {
            assert!(!token.is_cancelled());
            assert!(poll_once(pin!(token.cancelled())).is_pending());
            token.cancel();
        }
    });
    assert_eq!(elapsed, ms(1));
}

#[test]
fn a_deadline_that_nobody_saw_pass_was_first_all_the_same() {
    run(|rt| async move {
        let token = CancelToken::with_deadline(&rt, rt.now() + ms(5));
        let child = token.child();
        rt.sleep(ms(6)).await;
        token.cancel_with("too late");
        assert_eq!(child.reason(), Some(CancelReason::Deadline));
        // One above it has not seen it either: it says what it was told.
        let root = CancelToken::new();
        let child = root.child_with_deadline(&rt, rt.now() + ms(5));
        rt.sleep(ms(6)).await;
        root.cancel();
        assert_eq!(child.reason(), Some(CancelReason::Explicit));
    });
}

#[test]
fn no_timer_runs_until_somebody_waits_nor_after() {
    // At the end of a run no timer may be left.
    let elapsed = run(|rt| async move {
        let token = CancelToken::with_deadline(&rt, rt.now() + ms(10));
        assert_eq!(token.run(async { 1 }).await, Ok(1));
        let mut waiting = Box::pin(token.cancelled());
        assert!(poll_once(waiting.as_mut()).is_pending());
        drop(waiting);
        let mut run = pin!(token.run(pending::<()>()));
        assert!(poll_once(run.as_mut()).is_pending());
        token.cancel();
        assert!(poll_once(run).is_ready());
    });
    assert_eq!(elapsed, Duration::ZERO);
}

test_on_every_runtime! {
    sim only;
    whoever_waits_anywhere_below_is_woken_and_all_agree
}

async fn whoever_waits_anywhere_below_is_woken_and_all_agree<R: Runtime>(rt: R) {
    let at = rt.now() + ms(5);
    let root = CancelToken::with_deadline(&rt, at);
    let tokens =
        [root.clone(), root.child(), root.child_with_deadline(&rt, at + ms(1)), root.child().child()];
    let waiting = tokens.map(|token| {
        rt.spawn({
            let rt = rt.clone();
            async move {
                let reason = if rt.random_u64().is_multiple_of(2) {
                    checked(token.cancelled()).await
                } else {
                    checked(token.run(pending::<()>())).await.expect_err("it is pending").into_reason()
                };
                assert_eq!(token.reason(), Some(reason.clone()));
                (rt.now(), reason)
            }
        })
    });
    let cancels_early = rt.random_u64().is_multiple_of(4);
    rt.sleep(ms(rt.random_u64() % 4)).await;
    if cancels_early {
        root.cancel();
    }
    let reason = root.cancelled().await;
    for task in waiting {
        let (when, seen) = task.await.expect("no panic");
        assert_eq!(seen, reason);
        assert!(seen == CancelReason::Explicit || when >= at, "it was early");
    }
    sometimes!(reason == CancelReason::Explicit, "it was cancelled");
    sometimes!(reason == CancelReason::Deadline, "it was late");
}
