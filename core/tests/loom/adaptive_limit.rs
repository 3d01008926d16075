//! Models of the adaptive limit: however its changes meet, there are as many places as it says in the end, and nobody
//! who waits is forgotten.

use crate::tasks::Threads;
use backstay_core::resilience::{AdaptiveLimit, Aimd, Event, EventKind};
use backstay_core::time::Instant;
use loom::future::block_on;
use loom::thread;
use std::sync::{Arc, Mutex};

const fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

#[test]
fn changes_that_meet_are_all_made_and_told_in_order() {
    loom::model(|| {
        let told = Arc::new(Mutex::new(Vec::new()));
        let observer = {
            let told = Arc::clone(&told);
            move |event: &Event| {
                if let EventKind::LimitChanged { from, to } = event.kind {
                    told.lock().unwrap().push((from, to));
                }
            }
        };
        let limit = AdaptiveLimit::named("l").algorithm(Aimd::new()).initial_limit(2).observer(observer);
        let limit = limit.build().unwrap();
        let permits = [(); 2].map(|()| limit.try_acquire_owned(at(1)).unwrap());
        let [grows, shrinks] = permits;
        // 2.5 would be no change; an overload makes it one, and a success two and a half.
        let other = thread::spawn(move || grows.success(at(2)));
        shrinks.overloaded(at(2));
        other.join().unwrap();
        assert_eq!(limit.in_flight(), 0);
        let told = told.lock().unwrap();
        let mut places = 2;
        for &(from, to) in &*told {
            assert!(from == places && from != to, "{told:?}");
            places = to;
        }
        assert_eq!(limit.limit(), places);
        // Either way: one, and a call at it; or one of what two and a half is.
        assert!((1..=2).contains(&places), "{told:?}");
        let all: Vec<_> = (0..places).map(|_| limit.try_acquire(at(3)).unwrap()).collect();
        assert!(limit.try_acquire(at(3)).is_err());
        drop(all);
    });
}

#[test]
fn a_limit_that_grows_lets_in_who_waits() {
    loom::model(|| {
        let limit = AdaptiveLimit::named("l").algorithm(Aimd::new()).initial_limit(1).max_waiting(1);
        let limit = limit.build().unwrap();
        let held = limit.try_acquire_owned(at(1)).unwrap();
        let other = thread::spawn(move || held.success(at(2)));
        block_on(limit.acquire(&Threads)).unwrap().ignore();
        other.join().unwrap();
        assert_eq!((limit.limit(), limit.in_flight(), limit.waiting()), (2, 0, 0));
    });
}
