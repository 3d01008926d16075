//! Models of the token: every interleaving of who cancels, who waits, who makes children and who drops them.

use backstay_core::task::{CancelReason, CancelToken};
use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, Wake, Waker};

type Part = Box<dyn FnOnce() + Send>;

fn part(part: impl FnOnce() + Send + 'static) -> Part {
    Box::new(part)
}

/// Runs two parts at once, and then a check. Twice, with either part in the thread that makes them: where all that a
/// thread does with an atomic is between two accesses of another, loom doesn't try each order, and which thread
/// is tried first makes a difference.
fn race(parts: fn() -> [Part; 3]) {
    for spawn in [0, 1] {
        loom::model(move || {
            let [first, second, check] = parts();
            let (spawned, here) = if spawn == 0 { (first, second) } else { (second, first) };
            let spawned = thread::spawn(spawned);
            here();
            spawned.join().unwrap();
            check();
        });
    }
}

/// Counts its wakes.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wakes {
    fn new() -> (std::sync::Arc<Self>, Waker) {
        let wakes = std::sync::Arc::new(Self::default());
        (std::sync::Arc::clone(&wakes), Waker::from(wakes))
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

fn cancel(token: &CancelToken) -> Part {
    let token = token.clone();
    part(move || token.cancel())
}

#[test]
fn s28_who_waits_as_it_is_cancelled_is_woken() {
    race(|| {
        let token = CancelToken::new();
        let cancels = cancel(&token);
        let waits = token.clone().cancelled_owned();
        let waits = part(move || assert_eq!(block_on(waits), CancelReason::Explicit));
        [cancels, waits, part(move || assert!(token.is_cancelled()))]
    });
}

#[test]
fn s28_two_who_wait_as_it_is_cancelled_are_woken() {
    loom::model(|| {
        let token = CancelToken::new();
        let other = token.clone();
        let other = thread::spawn(move || block_on(other.cancelled_owned()));
        let cancels = thread::spawn(cancel(&token));
        block_on(token.cancelled());
        cancels.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn who_comes_with_another_waker_is_woken_with_that() {
    race(|| {
        let token = CancelToken::new();
        let mut waits = Box::pin(token.clone().cancelled_owned());
        let (_, before) = Wakes::new();
        assert!(poll(waits.as_mut(), &before).is_pending());
        let is_over = Arc::new(AtomicBool::new(false));
        let (wakes, waker) = Wakes::new();
        let comes_again = {
            let is_over = Arc::clone(&is_over);
            part(move || {
                let is_ready = poll(waits.as_mut(), &waker).is_ready();
                is_over.store(is_ready, Ordering::SeqCst);
                // What is not dropped has to be woken.
                std::mem::forget(waits);
            })
        };
        let check = part(move || {
            assert!(is_over.load(Ordering::SeqCst) || wakes.count() == 1, "it sleeps on");
        });
        [cancel(&token), comes_again, check]
    });
}

#[test]
fn who_stops_waiting_as_it_is_cancelled_disturbs_nobody() {
    race(|| {
        let token = CancelToken::new();
        let ((wakes, waker), (others, other)) = (Wakes::new(), Wakes::new());
        let mut leaves = Box::pin(token.clone().cancelled_owned());
        let mut stays = Box::pin(token.clone().cancelled_owned());
        assert!(poll(leaves.as_mut(), &waker).is_pending());
        assert!(poll(stays.as_mut(), &other).is_pending());
        let check = part(move || {
            assert!(wakes.count() <= 1);
            assert_eq!(others.count(), 1);
            assert!(poll(stays.as_mut(), &other).is_ready());
        });
        [cancel(&token), part(move || drop(leaves)), check]
    });
}

#[test]
fn s28_a_child_that_is_made_as_its_parent_is_cancelled_is_cancelled() {
    race(|| {
        let parent = CancelToken::new();
        let cancels = cancel(&parent);
        let makes = part(move || {
            let child = parent.child();
            assert_eq!(block_on(child.cancelled()), CancelReason::Explicit);
        });
        [cancels, makes, part(|| {})]
    });
}

#[test]
fn s28_a_token_in_the_middle_that_is_dropped_as_all_is_cancelled_hands_it_down() {
    race(|| {
        let root = CancelToken::new();
        let middle = root.child();
        let leaf = middle.child();
        let cancels = cancel(&root);
        let check = part(move || {
            assert!(leaf.is_cancelled());
            drop(leaf);
            assert!(root.child().is_cancelled());
        });
        [cancels, part(move || drop(middle)), check]
    });
}

#[test]
fn children_come_and_go_while_others_are_cancelled() {
    race(|| {
        let root = CancelToken::new();
        let branch = root.child();
        let twig = branch.child();
        let cancels = cancel(&branch);
        let comes_and_goes = {
            let root = root.clone();
            part(move || {
                let child = root.child();
                drop(twig);
                assert!(!child.is_cancelled());
                drop(child);
                assert!(!root.is_cancelled());
            })
        };
        let check = part(move || {
            assert!(branch.child().is_cancelled());
            let last = root.child();
            root.cancel();
            assert!(last.is_cancelled());
        });
        [cancels, comes_and_goes, check]
    });
}

#[test]
fn s28_the_first_reason_stays_and_who_returns_from_cancel_finds_all_cancelled() {
    race(|| {
        let parent = CancelToken::new();
        let child = parent.child();
        let cancels = |why: &'static str| {
            let (parent, child) = (parent.clone(), child.clone());
            part(move || {
                parent.cancel_with(why);
                assert!(child.is_cancelled(), "cancel has returned");
                assert_eq!(child.reason(), parent.reason());
            })
        };
        let (one, other) = (cancels("one"), cancels("other"));
        let check = part(move || {
            assert!(
                [CancelReason::from("one"), CancelReason::from("other")].map(Some).contains(&parent.reason())
            );
            assert_eq!(child.reason(), parent.reason());
        });
        [one, other, check]
    });
}

#[test]
fn s28_child_and_parent_are_cancelled_at_once() {
    race(|| {
        let parent = CancelToken::new();
        let child = parent.child();
        let of_child = {
            let child = child.clone();
            part(move || {
                child.cancel_with("child");
                assert!(child.reason().is_some());
            })
        };
        let of_parent = cancel(&parent);
        let check = part(move || {
            assert_eq!(parent.reason(), Some(CancelReason::Explicit));
            let reason = child.reason();
            assert!(reason == Some(CancelReason::Explicit) || reason == Some(CancelReason::from("child")));
        });
        [of_child, of_parent, check]
    });
}

#[test]
fn who_sees_a_token_cancelled_sees_all_below_it_cancelled_and_what_was_done_before() {
    race(|| {
        let root = CancelToken::new();
        let child = root.child();
        let done = Arc::new(AtomicBool::new(false));
        let cancels = {
            let (root, done) = (root.clone(), Arc::clone(&done));
            part(move || {
                done.store(true, Ordering::Relaxed);
                root.cancel();
            })
        };
        let looks = part(move || {
            if root.is_cancelled() {
                assert!(child.is_cancelled(), "its parent is");
                assert!(done.load(Ordering::Relaxed));
            }
        });
        [cancels, looks, part(|| {})]
    });
}

#[test]
fn a_run_ends_when_it_is_cancelled() {
    race(|| {
        let token = CancelToken::new();
        let cancels = cancel(&token);
        let runs = part(move || assert!(block_on(token.run(pending::<()>())).is_err()));
        [cancels, runs, part(|| {})]
    });
}

#[test]
fn s17_a_run_that_is_cancelled_ends_when_its_shield_is_dropped() {
    race(|| {
        let token = CancelToken::new();
        let shield = token.shield();
        let run = token.clone().run_owned(poll_fn(move |_| {
            // Within its first poll, as it has to have begun.
            token.cancel();
            Poll::<()>::Pending
        }));
        let runs = part(move || assert!(block_on(run).is_err()));
        [part(move || drop(shield)), runs, part(|| {})]
    });
}

#[test]
fn s17_a_run_ends_when_it_is_cancelled_and_its_shield_is_dropped() {
    loom::model(|| {
        let token = CancelToken::new();
        let lowered = Arc::new(AtomicBool::new(false));
        let shield = token.shield();
        let drops = {
            let lowered = Arc::clone(&lowered);
            thread::spawn(move || {
                lowered.store(true, Ordering::Relaxed);
                drop(shield);
            })
        };
        let mut begun = false;
        let cancels = thread::spawn(cancel(&token));
        let outcome = block_on(token.run(poll_fn(|_| {
            begun = true;
            Poll::<()>::Pending
        })));
        assert!(outcome.is_err());
        assert!(!begun || lowered.load(Ordering::Relaxed), "it was shielded");
        drops.join().unwrap();
        cancels.join().unwrap();
    });
}

#[test]
fn a_shield_keeps_nobody_who_waits_for_the_token_alone() {
    race(|| {
        let token = CancelToken::new();
        let shield = token.shield();
        let cancels = cancel(&token);
        let waits = part(move || {
            block_on(token.cancelled());
        });
        [cancels, waits, part(move || drop(shield))]
    });
}
