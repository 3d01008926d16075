//! A future that runs under a token.

use crate::kit::{Wakes, poll_once, poll_with};
use backstay_core::task::{CancelReason, CancelToken};
use backstay_core::testing::Tracker;
use futures::stream::{self, StreamExt};
use std::cell::Cell;
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

#[test]
fn s28_a_cancelled_token_wins_over_a_ready_future_which_is_never_polled() {
    let token = CancelToken::new();
    token.cancel_with("before");
    let tracker = Tracker::new();
    let held = tracker.track(());
    let future = async move {
        let _held = held;
        unreachable!("it has not begun");
    };
    let mut run = pin!(token.run(future));
    let Poll::Ready(Err(error)) = poll_once(run.as_mut()) else { panic!("it is cancelled") };
    tracker.assert_none_alive();
    assert_eq!(*error.reason(), CancelReason::from("before"));
    assert!(poll_once(pin!(token.clone().run_owned(ready(1)))) == Poll::Ready(Err(error)));
}

#[test]
fn s28_the_token_is_looked_at_before_each_poll() {
    let token = CancelToken::new();
    let polls = Cell::new(0);
    let future = poll_fn(|_| {
        polls.set(polls.get() + 1);
        if polls.get() == 2 { Poll::Ready(()) } else { Poll::Pending }
    });
    let mut run = pin!(token.run(future));
    assert!(poll_once(run.as_mut()).is_pending());
    token.cancel();
    assert!(matches!(poll_once(run), Poll::Ready(Err(_))), "it would have been ready");
    assert_eq!(polls.get(), 1);
}

#[test]
fn a_value_that_comes_in_a_poll_that_had_begun_is_not_lost() {
    let token = CancelToken::new();
    let run = token.run(async {
        token.cancel();
        "a value"
    });
    assert_eq!(poll_once(pin!(run)), Poll::Ready(Ok("a value")));
}

#[test]
fn a_future_that_cancels_its_own_token_ends_at_its_next_await() {
    let token = CancelToken::new();
    let (wakes, waker) = Wakes::new();
    let run = token.run(async {
        token.cancel();
        pending::<()>().await;
    });
    assert!(matches!(poll_with(pin!(run), &waker), Poll::Ready(Err(_))));
    assert_eq!(wakes.count(), 0);
}

#[test]
fn the_future_is_dropped_before_the_outcome_is_there() {
    let tracker = Tracker::new();
    let token = CancelToken::new();

    let held = tracker.track(());
    let mut run = pin!(token.run(async move {
        let _held = held;
        pending::<()>().await;
    }));
    assert!(poll_once(run.as_mut()).is_pending());
    token.cancel();
    assert!(poll_once(run.as_mut()).is_ready());
    tracker.assert_none_alive();

    let held = tracker.track(());
    let mut run = pin!(CancelToken::new().run_owned(poll_fn(move |_| {
        let _held = &held;
        Poll::Ready(7)
    })));
    assert_eq!(poll_once(run.as_mut()), Poll::Ready(Ok(7)));
    tracker.assert_none_alive();
}

#[test]
fn a_run_that_has_ended_leaves_nothing_behind() {
    let token = CancelToken::new();
    let (wakes, waker) = Wakes::new();
    let mut is_pending = true;
    let mut run =
        pin!(token.run(poll_fn(|_| {
            if std::mem::take(&mut is_pending) { Poll::Pending } else { Poll::Ready(1) }
        })));
    assert!(poll_with(run.as_mut(), &waker).is_pending());
    assert_eq!(poll_with(run.as_mut(), &waker), Poll::Ready(Ok(1)));
    token.cancel();
    assert_eq!((wakes.count(), Arc::strong_count(&wakes)), (0, 2));
}

#[test]
fn a_future_that_is_ready_registers_no_waker() {
    let token = CancelToken::new();
    let (wakes, waker) = Wakes::new();
    let mut run = pin!(token.run(poll_fn(|_| {
        // Its context's, ours, and the one in the test's hand.
        assert_eq!(Arc::strong_count(&wakes), 2);
        Poll::Ready(())
    })));
    assert_eq!(poll_with(run.as_mut(), &waker), Poll::Ready(Ok(())));
    assert_eq!(Arc::strong_count(&wakes), 2);
}

#[test]
fn s13_a_busy_stream_is_stopped_between_two_items() {
    let token = CancelToken::new();
    let mut numbers = stream::iter(0..);
    let mut taken = 0;
    futures::executor::block_on(async {
        while let Ok(Some(number)) = token.run(numbers.next()).await {
            taken += 1;
            if number == 9 {
                token.cancel();
            }
        }
    });
    assert_eq!(taken, 10, "none after it was cancelled");
}

#[test]
fn runs_nest_and_the_outer_one_takes_the_inner_one_along() {
    let (outer, inner) = (CancelToken::new(), CancelToken::new());
    let mut run = pin!(outer.run(inner.run(pending::<()>())));
    assert!(poll_once(run.as_mut()).is_pending());
    inner.cancel_with("inner");
    let Poll::Ready(Ok(Err(error))) = poll_once(run.as_mut()) else { panic!("the inner one has ended") };
    assert_eq!(error.to_string(), "cancelled: inner");

    let inner = CancelToken::new();
    let mut run = pin!(outer.run(inner.run(pending::<()>())));
    assert!(poll_once(run.as_mut()).is_pending());
    outer.cancel();
    assert!(matches!(poll_once(run.as_mut()), Poll::Ready(Err(_))));
}

#[test]
fn a_run_that_is_polled_after_its_end_says_so() {
    let token = CancelToken::new();
    let mut run = pin!(token.run(ready(1)));
    assert!(poll_once(run.as_mut()).is_ready());
    let panic = catch_unwind(AssertUnwindSafe(|| poll_once(run.as_mut()))).expect_err("it has ended");
    assert_eq!(panic.downcast_ref(), Some(&"a `Run` was polled after it had ended"));
}

#[test]
fn a_future_that_panics_leaves_nothing_behind() {
    let token = CancelToken::new();
    let (wakes, waker) = Wakes::new();
    let mut polls = 0;
    let mut run = Box::pin(token.run(poll_fn(|_| {
        polls += 1;
        assert!(polls < 2, "at its second poll");
        Poll::<()>::Pending
    })));
    assert!(poll_with(run.as_mut(), &waker).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| poll_with(run.as_mut(), &waker))).is_err());
    drop(run);
    assert_eq!(Arc::strong_count(&wakes), 2);
    token.cancel();
    assert_eq!(wakes.count(), 0);
}
