//! Models of a shared future: a wake that meets a poll, a clone that goes meanwhile, a panic.

use crate::kit::give_up;
use backstay_core::future::shared;
use loom::future::block_on;
use loom::sync::Mutex;
use loom::thread;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// What the shared future waits for.
#[derive(Default)]
struct Gate(Mutex<(bool, Option<Waker>)>);

impl Gate {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn open(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 = true;
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Opens it from another thread, before, while or after somebody polls.
fn open_later(gate: &Arc<Gate>) -> thread::JoinHandle<()> {
    let gate = Arc::clone(gate);
    thread::spawn(move || gate.open())
}

#[test]
fn s08_a_wake_reaches_all_who_wait() {
    loom::model(|| {
        let gate = Gate::new();
        let opener = open_later(&gate);
        let shared = shared(poll_fn(move |cx| gate.poll(cx).map(|()| 7)));
        let other = {
            let shared = shared.clone();
            thread::spawn(move || assert_eq!(block_on(shared), Ok(7)))
        };
        assert_eq!(block_on(shared), Ok(7));
        other.join().unwrap();
        opener.join().unwrap();
    });
}

#[test]
fn s08_s25_a_clone_that_gives_up_strands_nobody() {
    loom::model(|| {
        let gate = Gate::new();
        let opener = open_later(&gate);
        let shared = shared(poll_fn(move |cx| gate.poll(cx).map(|()| 7)));
        let gives_up = {
            let shared = shared.clone();
            thread::spawn(move || {
                let _ = give_up(shared);
            })
        };
        assert_eq!(block_on(shared), Ok(7));
        gives_up.join().unwrap();
        opener.join().unwrap();
    });
}

#[test]
fn s08_a_panic_reaches_all_who_wait() {
    loom::model(|| {
        let gate = Gate::new();
        let opener = open_later(&gate);
        let shared =
            shared(poll_fn(move |cx| gate.poll(cx).map(|()| resume_unwind(Box::new("broken")) as ())));
        let other = {
            let shared = shared.clone();
            thread::spawn(move || assert!(block_on(shared).is_err()))
        };
        assert!(block_on(shared).is_err());
        other.join().unwrap();
        opener.join().unwrap();
    });
}

#[test]
fn s08_a_future_that_is_woken_twice_is_polled_by_whoever_is_there() {
    loom::model(|| {
        let gates = [Gate::new(), Gate::new()];
        let opener = {
            let gates = gates.clone();
            thread::spawn(move || gates.iter().for_each(|gate| gate.open()))
        };
        let shared = shared(poll_fn(move |cx| {
            for gate in &gates {
                if gate.poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
            Poll::Ready(7)
        }));
        let mut early = Box::pin(shared.clone());
        let noop = &mut Context::from_waker(Waker::noop());
        // It has the first place, and does not come again.
        let _ = early.as_mut().poll(noop);
        let goes = thread::spawn(move || drop(early));
        assert_eq!(block_on(shared), Ok(7));
        goes.join().unwrap();
        opener.join().unwrap();
    });
}
