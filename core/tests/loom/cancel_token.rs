//! Models of the token: every interleaving of who cancels, who waits, who makes children and who drops them.

use backstay_core::task::{CancelReason, CancelToken};
use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Wake, Waker};

/// A waker that can be asked whether it was woken.
#[derive(Default)]
struct Woken(std::sync::atomic::AtomicUsize);

impl Woken {
    fn new() -> (std::sync::Arc<Self>, Waker) {
        let woken = std::sync::Arc::new(Self::default());
        (std::sync::Arc::clone(&woken), Waker::from(woken))
    }

    fn count(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

fn cancel_in_thread(token: &CancelToken) -> thread::JoinHandle<()> {
    let token = token.clone();
    thread::spawn(move || token.cancel())
}

#[test]
fn s28_who_waits_as_it_is_cancelled_is_woken() {
    loom::model(|| {
        let token = CancelToken::new();
        let cancel = cancel_in_thread(&token);
        assert_eq!(block_on(token.cancelled()), CancelReason::Explicit);
        cancel.join().unwrap();
    });
}

#[test]
fn s28_two_who_wait_as_it_is_cancelled_are_woken() {
    loom::model(|| {
        let token = CancelToken::new();
        let other = token.clone();
        let other = thread::spawn(move || block_on(other.cancelled_owned()));
        let cancel = cancel_in_thread(&token);
        block_on(token.cancelled());
        cancel.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn who_comes_with_another_waker_is_woken_with_that() {
    loom::model(|| {
        let token = CancelToken::new();
        let mut waiting = pin!(token.cancelled());
        let (_, before) = Woken::new();
        assert!(poll(waiting.as_mut(), &before).is_pending());
        let cancel = cancel_in_thread(&token);
        let (woken, waker) = Woken::new();
        let poll = poll(waiting.as_mut(), &waker);
        cancel.join().unwrap();
        assert!(poll.is_ready() || woken.count() == 1, "it sleeps on");
    });
}

#[test]
fn who_stops_waiting_as_it_is_cancelled_disturbs_nobody() {
    loom::model(|| {
        let token = CancelToken::new();
        let ((woken, waker), mut stays) = (Woken::new(), pin!(token.cancelled()));
        let mut leaves = Box::pin(token.clone().cancelled_owned());
        assert!(poll(leaves.as_mut(), &waker).is_pending());
        let (stays_woken, stays_waker) = Woken::new();
        assert!(poll(stays.as_mut(), &stays_waker).is_pending());
        let cancel = cancel_in_thread(&token);
        drop(leaves);
        cancel.join().unwrap();
        assert!(woken.count() <= 1);
        assert_eq!(stays_woken.count(), 1);
        assert!(poll(stays, &stays_waker).is_ready());
    });
}

#[test]
fn s28_a_child_that_is_made_as_its_parent_is_cancelled_is_cancelled() {
    loom::model(|| {
        let parent = CancelToken::new();
        let cancel = cancel_in_thread(&parent);
        let child = parent.child();
        block_on(child.cancelled());
        cancel.join().unwrap();
        assert_eq!(child.reason(), Some(CancelReason::Explicit));
    });
}

#[test]
fn s28_a_token_in_the_middle_that_is_dropped_as_all_is_cancelled_hands_it_down() {
    loom::model(|| {
        let root = CancelToken::new();
        let middle = root.child();
        let leaf = middle.child();
        let cancel = cancel_in_thread(&root);
        let drops = thread::spawn(move || drop(middle));
        block_on(leaf.cancelled());
        cancel.join().unwrap();
        drops.join().unwrap();
        assert!(root.child().is_cancelled());
    });
}

#[test]
fn children_come_and_go_while_others_are_cancelled() {
    loom::model(|| {
        let root = CancelToken::new();
        let branch = root.child();
        let busy = {
            let root = root.clone();
            thread::spawn(move || {
                let child = root.child();
                let was_cancelled = child.is_cancelled();
                drop(child);
                was_cancelled
            })
        };
        let twig = branch.child();
        branch.cancel();
        assert!(twig.is_cancelled());
        assert!(!busy.join().unwrap());
        let last = root.child();
        root.cancel();
        assert!(last.is_cancelled());
    });
}

#[test]
fn s28_the_first_reason_stays_and_who_returns_from_cancel_finds_all_cancelled() {
    loom::model(|| {
        let parent = CancelToken::new();
        let child = parent.child();
        let other = {
            let parent = parent.clone();
            thread::spawn(move || {
                parent.cancel_with("other");
                parent.reason()
            })
        };
        parent.cancel();
        assert!(child.is_cancelled(), "cancel has returned");
        let reason = parent.reason();
        assert_eq!(child.reason(), reason);
        assert_eq!(other.join().unwrap(), reason);
        assert_eq!(parent.reason(), reason);
    });
}

#[test]
fn child_and_parent_are_cancelled_at_once() {
    loom::model(|| {
        let parent = CancelToken::new();
        let child = parent.child();
        let other = {
            let child = child.clone();
            thread::spawn(move || {
                child.cancel_with("other");
                child.reason()
            })
        };
        parent.cancel();
        let reason = child.reason();
        assert!(reason.is_some());
        assert_eq!(other.join().unwrap(), reason);
        assert_eq!(parent.reason(), Some(CancelReason::Explicit));
    });
}

#[test]
fn who_sees_a_token_cancelled_sees_all_below_it_cancelled_and_what_was_done_before() {
    loom::model(|| {
        let root = CancelToken::new();
        let child = root.child();
        let done = Arc::new(AtomicBool::new(false));
        let cancel = {
            let (root, done) = (root.clone(), Arc::clone(&done));
            thread::spawn(move || {
                done.store(true, Ordering::Relaxed);
                root.cancel();
            })
        };
        if root.is_cancelled() {
            assert!(child.is_cancelled(), "its parent is");
            assert!(done.load(Ordering::Relaxed));
        }
        cancel.join().unwrap();
    });
}

#[test]
fn a_run_ends_when_it_is_cancelled() {
    loom::model(|| {
        let token = CancelToken::new();
        let cancel = cancel_in_thread(&token);
        assert!(block_on(token.run(pending::<()>())).is_err());
        cancel.join().unwrap();
    });
}

#[test]
fn s17_a_run_ends_when_it_is_cancelled_and_its_shield_is_dropped() {
    loom::model(|| {
        let token = CancelToken::new();
        let lowered = Arc::new(AtomicUsize::new(0));
        let shield = token.shield();
        let drops = {
            let lowered = Arc::clone(&lowered);
            thread::spawn(move || {
                lowered.store(1, Ordering::Relaxed);
                drop(shield);
            })
        };
        let mut begun = false;
        let cancel = cancel_in_thread(&token);
        let outcome = block_on(token.run(poll_fn(|_| {
            begun = true;
            Poll::<()>::Pending
        })));
        assert!(outcome.is_err());
        assert!(!begun || lowered.load(Ordering::Relaxed) == 1, "it was shielded");
        drops.join().unwrap();
        cancel.join().unwrap();
    });
}
