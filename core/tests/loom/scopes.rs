//! Models of the scopes in one task: a spawn from another thread beside the scope's polls, its end, and its drop.

use crate::kit::give_up;
use backstay_core::JoinError;
use backstay_core::task::{Scope, borrow_scope};
use loom::future::block_on;
use loom::sync::atomic::{AtomicBool, Ordering::SeqCst};
use loom::sync::{Arc, Mutex};
use loom::thread;
use std::future::{pending, poll_fn, ready};
use std::task::{Poll, Waker};

/// Spawns a child from another thread; gives its outcome, and whether it ran.
fn spawns(scope: Scope<'static>) -> thread::JoinHandle<(Result<u32, JoinError>, bool)> {
    thread::spawn(move || {
        let ran = Arc::new(AtomicBool::new(false));
        let child = {
            let ran = Arc::clone(&ran);
            async move {
                ran.store(true, SeqCst);
                7
            }
        };
        let outcome = block_on(scope.spawn(child));
        (outcome, ran.load(SeqCst))
    })
}

#[test]
fn a_spawn_against_the_end_runs_or_is_told() {
    loom::model(|| {
        let spawning = Arc::new(Mutex::new(None));
        block_on(borrow_scope(|scope| {
            *spawning.lock().unwrap() = Some(spawns(scope));
            ready(())
        }));
        let spawning = spawning.lock().unwrap().take().unwrap();
        match spawning.join().unwrap() {
            (Ok(7), ran) => assert!(ran),
            (Err(JoinError::Aborted), ran) => assert!(!ran),
            (outcome, _) => panic!("{outcome:?}"),
        }
    });
}

#[test]
fn a_spawn_against_a_scope_that_comes_to_rest_is_heard() {
    loom::model(|| {
        // The child ends the body, and only the spawn wakes the scope.
        let gate: Arc<Mutex<(bool, Option<Waker>)>> = Arc::default();
        let spawning = Arc::new(Mutex::new(None));
        block_on(borrow_scope(|scope: Scope<'static>| {
            let opens = Arc::clone(&gate);
            let child = async move {
                let waiter = {
                    let mut gate = opens.lock().unwrap();
                    gate.0 = true;
                    gate.1.take()
                };
                waiter.into_iter().for_each(Waker::wake);
            };
            *spawning.lock().unwrap() = Some(thread::spawn(move || scope.spawn(child).detach()));
            let gate = Arc::clone(&gate);
            poll_fn(move |cx| {
                let mut gate = gate.lock().unwrap();
                if gate.0 {
                    return Poll::Ready(());
                }
                gate.1 = Some(cx.waker().clone());
                Poll::Pending
            })
        }));
        let spawning = spawning.lock().unwrap().take().unwrap();
        spawning.join().unwrap();
    });
}

#[test]
fn a_spawn_against_the_drop_runs_or_is_told() {
    loom::model(|| {
        let spawning = Arc::new(Mutex::new(None));
        let output = give_up(borrow_scope(|scope| {
            *spawning.lock().unwrap() = Some(spawns(scope));
            pending::<()>()
        }));
        assert!(output.is_none());
        let spawning = spawning.lock().unwrap().take().unwrap();
        match spawning.join().unwrap() {
            (Ok(7), ran) => assert!(ran),
            (Err(JoinError::Aborted), ran) => assert!(!ran),
            (outcome, _) => panic!("{outcome:?}"),
        }
    });
}
