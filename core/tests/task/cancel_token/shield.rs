//! What must not stop in the middle.

use crate::kit::{Wakes, ms, poll_once, poll_with};
use backstay::test_on_every_runtime;
use backstay_core::task::{CancelReason, CancelToken};
use backstay_core::testing::checked;
use backstay_core::{Runtime, sometimes};
use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::Poll;

#[test]
fn s17_a_run_goes_on_until_its_shield_is_dropped() {
    let token = CancelToken::new();
    let (wakes, waker) = Wakes::new();
    let shield = Cell::new(Some(token.shield()));
    let polls = Cell::new(0);
    let mut run = pin!(checked(token.run(poll_fn(|_| {
        polls.set(polls.get() + 1);
        Poll::<()>::Pending
    }))));
    assert!(poll_with(run.as_mut(), &waker).is_pending());
    token.cancel();
    assert!(
        token.is_cancelled() && poll_once(pin!(token.cancelled())).is_ready(),
        "it is cancelled all the same"
    );
    assert_eq!(wakes.count(), 1);
    assert!(poll_with(run.as_mut(), &waker).is_pending());
    assert!(poll_with(run.as_mut(), &waker).is_pending());
    assert_eq!((wakes.count(), polls.get()), (1, 3));
    drop(shield.take());
    assert_eq!(wakes.count(), 2);
    assert!(matches!(poll_with(run.as_mut(), &waker), Poll::Ready(Err(_))));
    assert_eq!(polls.get(), 3, "it is not polled again");
}

#[test]
fn s17_the_last_of_several_shields_counts() {
    let token = CancelToken::new();
    let (first, second) = (token.shield(), token.clone().shield());
    let (wakes, waker) = Wakes::new();
    let mut run = pin!(token.run(pending::<()>()));
    assert!(poll_with(run.as_mut(), &waker).is_pending());
    token.cancel();
    assert!(poll_with(run.as_mut(), &waker).is_pending());
    drop(first);
    assert_eq!(wakes.count(), 1, "that of the cancel");
    assert!(poll_with(run.as_mut(), &waker).is_pending());
    drop(second);
    assert_eq!(wakes.count(), 2);
    assert!(poll_with(run.as_mut(), &waker).is_ready());
}

#[test]
fn s17_a_shield_that_is_dropped_in_the_same_poll_ends_it_at_once() {
    let token = CancelToken::new();
    let mut polls = 0;
    let mut shield = None;
    let mut run = pin!(token.run(poll_fn(|_| {
        polls += 1;
        shield = (polls == 1).then(|| token.shield());
        Poll::<()>::Pending
    })));
    assert!(poll_once(run.as_mut()).is_pending());
    token.cancel();
    assert!(matches!(poll_once(run.as_mut()), Poll::Ready(Err(_))));
}

#[test]
fn s17_a_value_under_a_shield_is_not_lost() {
    let token = CancelToken::new();
    let mut is_pending = true;
    let mut run = pin!(token.run(async {
        let _shield = token.shield();
        poll_fn(|_| if std::mem::take(&mut is_pending) { Poll::Pending } else { Poll::Ready(()) }).await;
        "committed"
    }));
    assert!(poll_once(run.as_mut()).is_pending());
    token.cancel();
    assert_eq!(poll_once(run.as_mut()), Poll::Ready(Ok("committed")));
}

#[test]
fn s17_what_has_not_begun_does_not_begin_under_a_shield() {
    let token = CancelToken::new();
    let _shield = token.shield();
    token.cancel();
    let run = token.run(async { unreachable!("it has not begun") });
    assert!(matches!(poll_once(pin!(run)), Poll::Ready(Err(_))));
}

#[test]
fn s17_a_shield_is_one_tokens_own() {
    let parent = CancelToken::new();
    let child = parent.child();
    let _shield = child.shield();
    let mut of_parent = pin!(parent.run(pending::<()>()));
    let mut of_child = pin!(child.run(pending::<()>()));
    let mut of_clone = pin!(child.clone().run_owned(pending::<()>()));
    assert!(poll_once(of_parent.as_mut()).is_pending());
    assert!(poll_once(of_child.as_mut()).is_pending());
    assert!(poll_once(of_clone.as_mut()).is_pending());
    parent.cancel();
    assert!(poll_once(of_parent).is_ready());
    assert!(poll_once(of_child).is_pending());
    assert!(poll_once(of_clone).is_pending());
}

#[test]
fn a_shield_that_is_dropped_while_nothing_is_cancelled_wakes_nobody() {
    let token = CancelToken::new();
    let (wakes, waker) = Wakes::new();
    let mut run = pin!(token.run(pending::<()>()));
    let shield = token.shield();
    assert!(poll_with(run.as_mut(), &waker).is_pending());
    drop(shield);
    assert_eq!(wakes.count(), 0);
    token.cancel();
    assert_eq!(wakes.count(), 1);
}

test_on_every_runtime! {
    sim only;
    s17_what_is_shielded_ends_whatever_is_cancelled_meanwhile
    s17_a_shield_in_another_task_ends_the_run_when_it_is_dropped
}

async fn s17_what_is_shielded_ends_whatever_is_cancelled_meanwhile<R: Runtime>(rt: R) {
    let token = CancelToken::with_deadline(&rt, rt.now() + ms(5));
    let steps = Cell::new(0);
    let cancel = rt.spawn({
        let (rt, token) = (rt.clone(), token.clone());
        let after = ms(rt.random_u64() % 8);
        async move {
            rt.sleep(after).await;
            token.cancel();
        }
    });
    let outcome = token
        .run(checked(async {
            rt.sleep(ms(2)).await;
            steps.set(1);
            let shield = token.shield();
            rt.sleep(ms(4)).await;
            steps.set(2);
            drop(shield);
            rt.sleep(ms(4)).await;
            steps.set(3);
        }))
        .await;
    let reason = outcome.expect_err("it takes longer than the deadline").into_reason();
    assert!(steps.get() != 1, "cut off under the shield");
    sometimes!(steps.get() == 0 && reason == CancelReason::Explicit, "it was cancelled before the shield");
    sometimes!(steps.get() == 2 && reason == CancelReason::Explicit, "it was cancelled under the shield");
    sometimes!(reason == CancelReason::Deadline, "the deadline was first");
    cancel.await.expect("no panic");
}

async fn s17_a_shield_in_another_task_ends_the_run_when_it_is_dropped<R: Runtime>(rt: R) {
    let token = CancelToken::new();
    let task = rt.spawn({
        let (rt, shield) = (rt.clone(), token.shield());
        async move {
            rt.sleep(ms(3)).await;
            drop(shield);
        }
    });
    let cancel = rt.spawn({
        let (rt, token) = (rt.clone(), token.clone());
        async move {
            rt.sleep(ms(rt.random_u64() % 6)).await;
            token.cancel_with("now");
        }
    });
    let start = rt.now();
    let outcome = token.run(checked(rt.sleep(ms(3_600_000)))).await;
    assert_eq!(outcome.expect_err("it is cancelled").to_string(), "cancelled: now");
    assert!(rt.now() - start >= ms(3));
    task.await.expect("no panic");
    cancel.await.expect("no panic");
}
