//! Trees: who is cancelled with whom, and very large ones.

use crate::kit::{Wakes, poll_with};
use backstay_core::task::{CancelReason, CancelToken};
use std::thread;

const MANY: usize = 100_000;

/// On a stack on which nothing recurses a hundred thousand times.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(64 * 1024).spawn(test).expect("a thread");
    thread.join().expect("the test passes");
}

#[test]
fn s28_a_child_goes_with_its_parent_and_not_the_other_way_round() {
    let root = CancelToken::new();
    let (left, right) = (root.child(), root.child());
    let below = left.child();
    left.cancel_with("left");
    assert_eq!([&root, &left, &right, &below].map(CancelToken::is_cancelled), [false, true, false, true]);
    root.cancel_with("root");
    assert_eq!(below.reason(), Some(CancelReason::from("left")));
    assert_eq!(right.reason(), Some(CancelReason::from("root")));
    assert_eq!(root.child().child().reason(), Some(CancelReason::from("root")));
}

#[test]
fn s28_children_of_a_token_that_is_dropped_are_its_parents() {
    let root = CancelToken::new();
    let middle = root.child();
    let leaves: Vec<_> = (0..3).map(|_| middle.child()).collect();
    drop(middle);
    let late = leaves[0].child();
    assert!(!late.is_cancelled());
    root.cancel();
    assert!(leaves.iter().chain([&late]).all(CancelToken::is_cancelled));
}

#[test]
fn a_root_that_is_dropped_cancels_nothing() {
    let root = CancelToken::new();
    let (left, right) = (root.child(), root.child());
    let below = left.child();
    drop(root);
    assert!(![&left, &right, &below].map(CancelToken::is_cancelled).contains(&true));
    left.cancel();
    assert_eq!([&left, &right, &below].map(CancelToken::is_cancelled), [true, false, true]);
    assert!(!right.child().is_cancelled());
}

#[test]
fn s28_a_hundred_thousand_deep() {
    on_a_small_stack(|| {
        let mut chain = vec![CancelToken::new()];
        for depth in 0..MANY {
            chain.push(chain[depth].child());
        }
        let (wakes, waker) = Wakes::new();
        let mut waits: Vec<_> = chain.iter().map(|token| Box::pin(token.clone().cancelled_owned())).collect();
        for wait in &mut waits {
            assert!(poll_with(wait.as_mut(), &waker).is_pending());
        }
        chain[MANY / 2].cancel();
        assert_eq!(wakes.count(), MANY / 2 + 1);
        assert!(!chain[MANY / 2 - 1].is_cancelled());
        chain[0].cancel();
        assert_eq!(wakes.count(), MANY + 1);
        assert!(chain.iter().all(CancelToken::is_cancelled));
    });
}

#[test]
fn s28_a_hundred_thousand_wide() {
    on_a_small_stack(|| {
        let root = CancelToken::new();
        let children: Vec<_> = (0..MANY).map(|_| root.child()).collect();
        let (wakes, waker) = Wakes::new();
        let mut waits: Vec<_> = children.iter().map(|token| Box::pin(token.cancelled())).collect();
        for wait in &mut waits {
            assert!(poll_with(wait.as_mut(), &waker).is_pending());
        }
        root.cancel_with(String::from("all of them"));
        assert_eq!(wakes.count(), MANY);
        assert!(children.iter().all(CancelToken::is_cancelled));
        drop(waits);
    });
}

#[test]
fn s28_large_trees_are_dropped_from_any_end() {
    for order in 0..4 {
        on_a_small_stack(move || {
            // Deep and wide.
            let mut tokens = vec![CancelToken::new()];
            for number in 1..MANY {
                let parent = if number % 2 == 0 { number - 1 } else { number / 2 };
                tokens.push(tokens[parent].child());
            }
            let last = tokens.pop().expect("many");
            match order {
                0 => drop(tokens),
                1 => tokens.into_iter().rev().for_each(drop),
                2 => {
                    let (a, b): (Vec<_>, Vec<_>) =
                        tokens.into_iter().enumerate().partition(|(n, _)| n % 3 == 0);
                    drop(b);
                    drop(a);
                }
                _ => {
                    tokens.remove(1).cancel();
                    drop(tokens);
                }
            }
            assert_eq!(last.is_cancelled(), order == 3);
            last.cancel();
        });
    }
}

#[test]
fn s28_a_chain_of_which_only_the_end_is_kept_stays_short_and_is_cancelled_by_its_start() {
    on_a_small_stack(|| {
        let root = CancelToken::new();
        let mut last = root.child();
        for _ in 0..MANY {
            last = last.child();
        }
        assert!(!last.is_cancelled());
        root.cancel();
        assert!(last.is_cancelled());
    });
}

#[test]
fn a_child_of_a_cancelled_token_is_its_own_roots_business() {
    let root = CancelToken::new();
    let child = root.child();
    child.cancel();
    // Neither of them has a place in the tree.
    let late = child.child();
    let later = late.child();
    drop((child, late));
    assert!(later.is_cancelled() && !root.is_cancelled());
    let sibling = root.child();
    root.cancel();
    assert!(sibling.is_cancelled());
}
