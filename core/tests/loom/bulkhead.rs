//! Models of the bulkhead: its queue has room for so many and no more, and nobody in it is forgotten.

use crate::kit::give_up;
use crate::tasks::Threads;
use backstay_core::Limit;
use backstay_core::resilience::{Bulkhead, Reason};
use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::thread;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

fn bulkhead(places: usize, waiting: usize) -> Bulkhead {
    Bulkhead::named("b").max_in_flight(places).max_waiting(waiting).build().unwrap()
}

fn assert_empty(bulkhead: &Bulkhead, places: usize) {
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
    assert!(bulkhead.weighing(Limit::new(places).unwrap()).try_acquire().is_ok());
}

#[test]
fn never_more_wait_than_may() {
    loom::model(|| {
        let bulkhead = bulkhead(1, 1);
        let held = bulkhead.try_acquire().unwrap();
        let waiting = Arc::new(AtomicUsize::new(0));
        let ask = |bulkhead: &Bulkhead, waiting: &AtomicUsize| {
            let mut acquire = pin!(bulkhead.acquire(&Threads));
            let first = block_on(poll_fn(|cx| Poll::Ready(acquire.as_mut().poll(cx))));
            match first {
                Poll::Pending => {
                    assert_eq!(waiting.fetch_add(1, SeqCst), 0, "two wait");
                    waiting.fetch_sub(1, SeqCst);
                }
                Poll::Ready(Ok(_)) => panic!("it is held"),
                Poll::Ready(Err(rejected)) => assert_eq!(rejected.reason(), Reason::QueueFull),
            }
        };
        let other = {
            let (bulkhead, waiting) = (bulkhead.clone(), Arc::clone(&waiting));
            thread::spawn(move || ask(&bulkhead, &waiting))
        };
        ask(&bulkhead, &waiting);
        other.join().unwrap();
        drop(held);
        assert_empty(&bulkhead, 1);
    });
}

#[test]
fn b20_who_gives_up_at_the_head_keeps_nobody_waiting() {
    loom::model(|| {
        let bulkhead = bulkhead(2, 2);
        let held = bulkhead.try_acquire_owned().unwrap();
        let head = {
            let bulkhead = bulkhead.weighing(Limit::new(2).unwrap());
            thread::spawn(move || drop(give_up(bulkhead.acquire(&Threads))))
        };
        let back = thread::spawn(move || drop(held));
        drop(block_on(bulkhead.acquire(&Threads)).unwrap());
        head.join().unwrap();
        back.join().unwrap();
        assert_empty(&bulkhead, 2);
    });
}

#[test]
fn what_is_resized_while_it_is_full_lets_in_who_waits() {
    loom::model(|| {
        let bulkhead = bulkhead(1, 1);
        let held = bulkhead.try_acquire().unwrap();
        let resized = {
            let bulkhead = bulkhead.clone();
            thread::spawn(move || bulkhead.resize(Limit::new(2).unwrap()))
        };
        drop(block_on(bulkhead.acquire(&Threads)).unwrap());
        drop(held);
        resized.join().unwrap();
        assert_empty(&bulkhead, 2);
    });
}
