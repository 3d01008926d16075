//! Models of a single flight: a leader that ends or goes while others come, wait and go.

use crate::kit::give_up;
use crate::tasks::Threads;
use backstay_core::resilience::{Role, SingleFlight};
use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::thread;
use std::future::{pending, poll_fn, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

type Flights = SingleFlight<u8, u32, u32>;

/// It is to be empty when all have gone.
fn flights() -> Flights {
    Flights::new(&Threads)
}

fn assert_empty(flights: &Flights) {
    assert_eq!((flights.in_flight(), flights.waiting()), (0, 0));
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Ready at its second poll, which is not waited for.
fn twice(value: u32) -> impl Future<Output = Result<u32, u32>> {
    let mut polls = 0;
    poll_fn(move |_| {
        polls += 1;
        if polls > 1 { Poll::Ready(Ok(value)) } else { Poll::Pending }
    })
}

#[test]
fn b38_who_comes_while_the_leader_ends_gets_a_result() {
    loom::model(|| {
        let flights = flights();
        let comes = |flights: &Flights, value| {
            let flights = flights.clone();
            thread::spawn(move || block_on(flights.run(7, ready(Ok(value))).detailed()))
        };
        let leader = {
            let flights = flights.clone();
            thread::spawn(move || {
                let mut flight = Box::pin(flights.run(7, twice(1)).detailed());
                match poll(flight.as_mut()) {
                    // It leads: at its second poll it ends. If it follows, it waits for its turn.
                    Poll::Pending => block_on(flight),
                    Poll::Ready(result) => result,
                }
            })
        };
        let other = comes(&flights, 2);
        let results = [leader.join().unwrap(), other.join().unwrap()];
        for (own, (result, role)) in (1..).zip(results) {
            assert!(role == Role::Follower || result == Ok(own));
            assert!(result == Ok(1) || result == Ok(2));
        }
        assert_empty(&flights);
    });
}

#[test]
fn b38_a_leader_that_goes_leaves_its_place_to_who_waits() {
    loom::model(|| {
        let flights = flights();
        let mut leader = Box::pin(async {
            let flights = flights.clone();
            flights.run(7, pending()).await
        });
        assert!(poll(leader.as_mut()).is_pending());
        let running = Arc::new(AtomicUsize::new(0));
        let others = [2, 3].map(|value| {
            let (flights, running) = (flights.clone(), Arc::clone(&running));
            thread::spawn(move || {
                let operation = poll_fn(|_| {
                    assert_eq!(running.fetch_add(1, SeqCst), 0, "two at a time");
                    running.fetch_sub(1, SeqCst);
                    Poll::Ready(Ok(value))
                });
                block_on(flights.run(7, operation))
            })
        });
        drop(leader);
        for other in others {
            let result = other.join().unwrap();
            assert!(result == Ok(2) || result == Ok(3));
        }
        assert_empty(&flights);
    });
}

#[test]
fn s25_who_is_to_lead_and_goes_instead_keeps_nobody_waiting() {
    loom::model(|| {
        let flights = flights();
        let mut leader = Box::pin(async {
            let flights = flights.clone();
            flights.run(7, pending()).await
        });
        assert!(poll(leader.as_mut()).is_pending());
        let goes = {
            let flights = flights.clone();
            thread::spawn(move || give_up(flights.run(7, ready(Ok(2)))))
        };
        let stays = {
            let flights = flights.clone();
            thread::spawn(move || block_on(flights.run(7, ready(Ok(3)))))
        };
        drop(leader);
        let _ = goes.join().unwrap();
        let result = stays.join().unwrap();
        assert!(result == Ok(2) || result == Ok(3));
        assert_empty(&flights);
    });
}

#[test]
fn b38_an_old_leader_that_ends_leaves_a_newer_one_alone() {
    loom::model(|| {
        let flights = flights();
        let old = flights.clone();
        let mut old = Box::pin(async move { old.run(7, twice(1)).await });
        assert!(poll(old.as_mut()).is_pending());
        let ends = thread::spawn(move || block_on(old));
        let forgot = flights.forget(&7);
        let mut new = Box::pin(flights.run(7, pending()).detailed());
        let first = poll(new.as_mut());
        assert_eq!(ends.join().unwrap(), Ok(1));
        // Either the old one was forgotten or it had ended: the new one leads, and is there.
        assert!(first.is_pending(), "{forgot}");
        assert_eq!((flights.in_flight(), flights.waiting()), (1, 0));
        let mut follows = Box::pin(flights.run(7, ready(Ok(3))));
        assert!(poll(follows.as_mut()).is_pending());
        drop(new);
        assert_eq!(poll(follows.as_mut()), Poll::Ready(Ok(3)));
        assert_empty(&flights);
    });
}

#[test]
fn b38_who_waits_is_not_taken_for_one_of_a_newer_flight_in_the_same_place() {
    loom::model(|| {
        let flights = flights();
        let leader = flights.clone();
        let mut leader = Box::pin(async move { leader.run(7, twice(1)).await });
        let mut follower = Box::pin(flights.run(7, ready(Ok(2))));
        assert!(poll(leader.as_mut()).is_pending() && poll(follower.as_mut()).is_pending());
        let other = {
            let flights = flights.clone();
            thread::spawn(move || {
                assert_eq!(block_on(leader), Ok(1));
                // It has the place in memory that the other had.
                let mut newer = Box::pin(flights.run(8, pending()));
                assert!(poll(newer.as_mut()).is_pending());
                assert_eq!((flights.in_flight(), flights.waiting()), (1, 0));
            })
        };
        assert_eq!(block_on(follower), Ok(1));
        other.join().unwrap();
        assert_empty(&flights);
    });
}
