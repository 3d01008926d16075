//! The token: what needs no runtime here, the rest beside it.

mod deadline;
mod locks;
mod model;
mod run;
mod shield;
mod sweeps;
mod tree;

use crate::kit::{Log, Wakes, poll_once, poll_with, waker};
use backstay::testing::Sim;
use backstay_core::task::{
    CancelReason, CancelToken, Cancelled, CancelledFuture, CancelledOwned, DropGuard, Run, RunOwned, Shield,
};
use backstay_core::testing::checked;
use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;

#[test]
fn a_clone_is_the_same_token() {
    let token = CancelToken::default();
    let clone = token.clone();
    assert!(!token.is_cancelled() && token.reason().is_none() && token.check().is_ok());
    clone.cancel();
    assert!(token.is_cancelled() && clone.is_cancelled());
}

#[test]
fn s28_the_first_reason_stays() {
    let token = CancelToken::new();
    token.cancel_with("first");
    token.cancel();
    token.cancel_with(CancelReason::Deadline);
    drop(token.clone().drop_guard());
    assert_eq!(token.reason(), Some(CancelReason::from("first")));
    assert_eq!(token.child().reason(), Some(CancelReason::from("first")));
}

#[test]
fn a_reason_is_told_by_all_who_tell_one() {
    let reasons = [
        (CancelReason::Explicit, "cancelled"),
        (CancelReason::Deadline, "cancelled: the deadline has passed"),
        (CancelReason::GuardDropped, "cancelled: its guard was dropped"),
        (CancelReason::from("static"), "cancelled: static"),
        (CancelReason::from(String::from("made")), "cancelled: made"),
        (CancelReason::from(Arc::<str>::from("shared")), "cancelled: shared"),
    ];
    for (reason, text) in reasons {
        let token = CancelToken::new();
        let child = token.child();
        token.cancel_with(reason.clone());
        for token in [token, child] {
            assert_eq!(token.reason(), Some(reason.clone()));
            assert_eq!(poll_once(pin!(token.cancelled())), std::task::Poll::Ready(reason.clone()));
            let error = token.check().expect_err("it is cancelled");
            assert_eq!((error.reason(), error.to_string().as_str()), (&reason, text));
            assert!(error.source().is_none());
            assert_eq!(error.into_reason(), reason);
        }
    }
    assert_eq!(CancelReason::from("a text"), CancelReason::from(String::from("a text")));
    assert_ne!(CancelReason::from("a text"), CancelReason::from("another"));
    assert_eq!(CancelReason::Explicit.to_string(), "on request");
}

#[test]
fn equal_reasons_have_equal_hashes_and_others_have_others() {
    fn hash(reason: impl Into<CancelReason>) -> u64 {
        let mut hasher = DefaultHasher::new();
        reason.into().hash(&mut hasher);
        hasher.finish()
    }
    assert_eq!(hash("a text"), hash(String::from("a text")));
    assert_ne!(hash("a text"), hash("another"));
    assert_ne!(hash(CancelReason::Explicit), hash(CancelReason::Deadline));
}

#[test]
fn a_wait_ends_however_often_it_is_polled() {
    let token = CancelToken::new();
    let (wakes, waker) = Wakes::new();
    let mut borrows = Box::pin(checked(token.cancelled()));
    let mut owns = pin!(token.clone().cancelled_owned());
    for _ in 0..3 {
        assert!(poll_with(borrows.as_mut(), &waker).is_pending());
        assert!(poll_with(owns.as_mut(), &waker).is_pending());
    }
    token.cancel();
    assert_eq!(wakes.count(), 2);
    assert!(poll_with(borrows.as_mut(), &waker).is_ready());
    drop(borrows);
    for _ in 0..3 {
        assert!(poll_with(owns.as_mut(), &waker).is_ready(), "it is fused");
        assert_eq!(Arc::strong_count(&wakes), 2, "it keeps no waker");
    }
}

#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    let token = CancelToken::new();
    let mut waiting = pin!(token.cancelled());
    let ((first, a), (last, b)) = (Wakes::new(), Wakes::new());
    assert!(poll_with(waiting.as_mut(), &a).is_pending());
    assert!(poll_with(waiting.as_mut(), &b).is_pending());
    drop(a);
    assert_eq!(Arc::strong_count(&first), 1, "the one before is kept");
    token.cancel();
    assert_eq!((first.count(), last.count()), (0, 1));
}

#[test]
fn s09_who_stops_waiting_leaves_nothing_behind() {
    let token = CancelToken::new();
    let (wakes, waker) = Wakes::new();
    for _ in 0..3 {
        let mut waits: Vec<_> = (0..100).map(|_| Box::pin(token.cancelled())).collect();
        for wait in &mut waits {
            assert!(poll_with(wait.as_mut(), &waker).is_pending());
        }
        assert_eq!(Arc::strong_count(&wakes), 2 + 200, "two each: its own, and the token's");
        // From the middle, from both ends.
        drop(waits.swap_remove(50));
        drop(waits.remove(0));
        drop(waits.pop());
        assert_eq!(Arc::strong_count(&wakes), 2 + 194);
        drop(waits);
        assert_eq!(Arc::strong_count(&wakes), 2);
    }
    token.cancel();
    assert_eq!(wakes.count(), 0);
}

#[test]
fn who_waits_is_woken_parents_first_then_by_age_then_by_turn() {
    let log = Log::default();
    let root = CancelToken::new();
    let (younger, older);
    older = root.child();
    younger = root.child();
    let below = older.child();
    // Each twice, in another order than that of the tree.
    let tokens = [&younger, &below, &root, &older];
    let mut waits: Vec<_> = (0..8).map(|turn| Box::pin(tokens[turn % 4].cancelled())).collect();
    for (turn, wait) in waits.iter_mut().enumerate() {
        assert!(poll_with(wait.as_mut(), &log.waker(turn)).is_pending());
    }
    root.cancel();
    assert_eq!(log.take(), [2, 6, 3, 7, 1, 5, 0, 4]);
}

#[test]
fn a_waker_may_do_anything_with_the_tree() {
    let root = CancelToken::new();
    let (child, sibling) = (root.child(), root.child());
    let mut waits: Vec<_> =
        [&root, &child, &sibling].map(|token| Box::pin(token.clone().cancelled_owned())).into();
    let (done, does) = std::sync::mpsc::channel();
    for wait in &mut waits {
        let (root, child, done) = (root.clone(), child.clone(), done.clone());
        let waker = waker(move || {
            assert!(root.is_cancelled() && child.is_cancelled());
            child.cancel();
            root.cancel_with("again");
            assert!(root.child().child().is_cancelled());
            assert!(poll_once(pin!(child.cancelled())).is_ready());
            drop((root, child));
            done.send(()).expect("somebody listens");
        });
        assert!(poll_with(wait.as_mut(), &waker).is_pending());
    }
    drop((child, sibling));
    root.cancel();
    assert_eq!(does.try_iter().count(), 3);
}

#[test]
fn a_waker_that_is_dropped_may_do_anything_with_the_tree() {
    let token = CancelToken::new();
    let mut waiting = Box::pin(token.cancelled());
    for _ in 0..2 {
        // Dropped with its waker, as another comes and as the wait is over: takes the token's lock, and the tree's.
        let mut inner = Box::pin(token.child().cancelled_owned());
        assert!(poll_once(inner.as_mut()).is_pending());
        let guard = (token.clone(), inner);
        let waker = waker(move || drop(guard));
        assert!(poll_with(waiting.as_mut(), &waker).is_pending());
    }
    drop(waiting);
    token.cancel();
}

#[test]
fn a_waker_that_panics_keeps_nobody_from_waking() {
    let root = CancelToken::new();
    let tokens = [root.clone(), root.child(), root.child()];
    for panics in 0..3 {
        let root = CancelToken::new();
        let tokens = [root.clone(), root.child(), root.child()];
        let log = Log::default();
        let mut waits: Vec<_> = tokens.iter().map(|token| Box::pin(token.cancelled())).collect();
        for (name, wait) in waits.iter_mut().enumerate() {
            let waker = if name == panics { waker(|| panic!("a waker")) } else { log.waker(name) };
            assert!(poll_with(wait.as_mut(), &waker).is_pending());
        }
        assert!(catch_unwind(AssertUnwindSafe(|| root.cancel())).is_err());
        assert_eq!(log.take().len(), 2);
        assert!(tokens.iter().all(CancelToken::is_cancelled));
    }
    drop(tokens);
}

#[test]
fn a_wait_that_is_forgotten_does_no_harm() {
    let root = CancelToken::new();
    let ((wakes, waker), (other, other_waker)) = (Wakes::new(), Wakes::new());
    for token in [&root, &root.child()] {
        let mut forgotten = Box::pin(token.cancelled());
        assert!(poll_with(forgotten.as_mut(), &waker).is_pending());
        std::mem::forget(forgotten);
    }
    let mut waiting = pin!(root.cancelled());
    assert!(poll_with(waiting.as_mut(), &other_waker).is_pending());
    root.cancel();
    assert_eq!((wakes.count(), other.count()), (1, 1), "of the child nothing was left");
}

#[test]
fn a_guard_cancels_when_it_is_dropped() {
    let token = CancelToken::new();
    let guard = token.clone().drop_guard();
    assert!(!guard.token().is_cancelled());
    let panic = catch_unwind(AssertUnwindSafe(move || {
        let _guard = guard;
        panic!("while it is held");
    }));
    assert!(panic.is_err());
    assert_eq!(token.reason(), Some(CancelReason::GuardDropped));

    let token = CancelToken::new();
    let disarmed = token.clone().drop_guard().disarm();
    drop(disarmed);
    assert!(!token.is_cancelled());

    // An earlier reason stays.
    token.cancel_with("before");
    drop(token.clone().drop_guard());
    assert_eq!(token.reason(), Some(CancelReason::from("before")));
}

#[test]
fn what_is_shown_says_what_is_known() {
    let token = CancelToken::new();
    assert_eq!(format!("{token:?}"), "CancelToken { cancelled: None, deadline: None, .. }");
    token.cancel_with("a text");
    assert!(format!("{token:?}").contains("Message(\"a text\")"), "{token:?}");
    assert_eq!(format!("{:?}", token.cancelled()), "CancelledFuture { .. }");
    assert_eq!(format!("{:?}", token.clone().cancelled_owned()), "CancelledOwned { .. }");
    assert_eq!(format!("{:?}", token.shield()), "Shield { .. }");
    assert!(format!("{:?}", token.run(std::future::ready(7))).contains('7'));
    assert!(format!("{:?}", token.clone().run_owned(std::future::ready(7))).contains('7'));
    assert!(format!("{:?}", token.clone().drop_guard()).contains("Message(\"a text\")"));
}

#[test]
fn a_report_says_what_is_waited_for_and_held() {
    let token = CancelToken::new();
    let failure = Sim::builder().run(|_| token.cancelled()).map(|_| ()).expect_err("nobody cancels it");
    assert!(failure.to_string().contains("cancellation, 1 waiting"), "{failure}");
    let two = || futures::future::join(token.cancelled(), token.cancelled());
    let failure = Sim::builder().run(|_| two()).map(|_| ()).expect_err("nobody cancels it");
    assert!(failure.to_string().contains("cancellation, 2 waiting"), "{failure}");

    let run = || token.run(std::future::pending::<()>());
    let failure = Sim::builder().run(|_| run()).map(|_| ()).expect_err("nobody cancels it");
    assert!(failure.to_string().contains("cancellation, 1 waiting"), "{failure}");

    let (token, shield) = (CancelToken::new(), std::cell::Cell::new(None));
    let failure = Sim::builder().run(|_| async {
        let run = token.run(async {
            shield.set(Some(token.shield()));
            token.cancel();
            std::future::pending::<()>().await;
        });
        let _ = run.await;
    });
    let failure = failure.map(|_| ()).expect_err("the shield stays");
    assert!(failure.to_string().contains("the end of a shield"), "{failure}");
    drop(shield.take());

    let failure = Sim::builder().run(|_| async { std::mem::forget(token.shield()) });
    let failure = failure.map(|_| ()).expect_err("it is never dropped");
    assert!(failure.to_string().contains("a shield against cancellation"), "{failure}");
}

#[test]
fn everything_goes_to_other_threads_and_a_token_is_a_pointer() {
    fn is_shared<T: Send + Sync + Unpin>() {}
    fn survives_panics<T: UnwindSafe + RefUnwindSafe>() {}
    is_shared::<CancelToken>();
    is_shared::<CancelReason>();
    is_shared::<Cancelled>();
    is_shared::<DropGuard>();
    is_shared::<Shield>();
    is_shared::<CancelledFuture<'_>>();
    is_shared::<CancelledOwned>();
    is_shared::<Run<'_, std::future::Ready<()>>>();
    is_shared::<RunOwned<std::future::Ready<()>>>();
    survives_panics::<CancelToken>();
    assert_eq!(size_of::<CancelToken>(), size_of::<usize>());
    assert_eq!(size_of::<Option<CancelToken>>(), size_of::<usize>());
    // Its entry, which is a number and a waker; a timer; whose.
    assert_eq!(size_of::<CancelledFuture<'_>>(), 6 * size_of::<usize>());
}
