//! Models of the semaphore: taking, giving back, giving up, closing and resizing, all at once.

use crate::kit::give_up;
use backstay_core::Limit;
use backstay_core::sync::{AcquireError, Semaphore};
use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;
use std::sync::Arc;

fn limit(limit: usize) -> Limit {
    Limit::new(limit).unwrap()
}

fn semaphore(permits: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(limit(permits)))
}

/// All are back, and nothing keeps a newcomer from them.
fn assert_whole(semaphore: &Semaphore, permits: usize) {
    assert_eq!((semaphore.available(), semaphore.waiting()), (permits, 0));
    assert!(semaphore.try_acquire_many(limit(permits)).is_ok());
}

#[test]
fn s26_who_takes_a_permit_sees_what_was_done_under_it() {
    loom::model(|| {
        let semaphore = semaphore(1);
        let value = Arc::new(AtomicUsize::new(0));
        let add = |semaphore: &Semaphore, value: &AtomicUsize| {
            let _permit = block_on(semaphore.acquire()).unwrap();
            // As if it were no atomic: only the permit orders these.
            value.store(value.load(Relaxed) + 1, Relaxed);
        };
        let threads = [(); 2].map(|()| {
            let (semaphore, value) = (Arc::clone(&semaphore), Arc::clone(&value));
            thread::spawn(move || add(&semaphore, &value))
        });
        add(&semaphore, &value);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(value.load(Relaxed), 3);
        assert_whole(&semaphore, 1);
    });
}

#[test]
fn s26_weights_are_served_whole() {
    loom::model(|| {
        let semaphore = semaphore(2);
        let out = Arc::new(AtomicUsize::new(0));
        let hold = |semaphore: &Semaphore, out: &AtomicUsize, wanted| {
            let permit = block_on(semaphore.acquire_many(limit(wanted))).unwrap();
            assert!(out.fetch_add(wanted, Relaxed) + wanted <= 2, "more are out than there are");
            out.fetch_sub(wanted, Relaxed);
            drop(permit);
        };
        let threads = [2, 1].map(|wanted| {
            let (semaphore, out) = (Arc::clone(&semaphore), Arc::clone(&out));
            thread::spawn(move || hold(&semaphore, &out, wanted))
        });
        hold(&semaphore, &out, 1);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_whole(&semaphore, 2);
    });
}

#[test]
fn s26_who_takes_several_sees_what_was_done_under_each() {
    loom::model(|| {
        let semaphore = semaphore(2);
        let values = Arc::new([(); 2].map(|()| AtomicUsize::new(0)));
        let threads = [0, 1].map(|at| {
            let (held, values) = (semaphore.try_acquire_owned().unwrap(), Arc::clone(&values));
            thread::spawn(move || {
                values[at].store(1, Relaxed);
                drop(held);
            })
        });
        // Granted by whichever of the two serves the queue, on behalf of both.
        let permit = block_on(semaphore.acquire_many(limit(2))).unwrap();
        assert_eq!(values.each_ref().map(|value| value.load(Relaxed)), [1, 1]);
        drop(permit);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_whole(&semaphore, 2);
    });
}

#[test]
fn s25_s26_giving_up_loses_no_permit_and_no_wake() {
    loom::model(|| {
        let semaphore = semaphore(1);
        let held = semaphore.try_acquire_owned().unwrap();
        let gives_up = {
            let semaphore = Arc::clone(&semaphore);
            // Granted or not by the time it is dropped.
            thread::spawn(move || drop(give_up(semaphore.acquire())))
        };
        let waits = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || drop(block_on(semaphore.acquire()).unwrap()))
        };
        drop(held);
        gives_up.join().unwrap();
        waits.join().unwrap();
        assert_whole(&semaphore, 1);
    });
}

#[test]
fn b20_a_head_that_gives_up_lets_the_next_through() {
    loom::model(|| {
        let semaphore = semaphore(2);
        let held = semaphore.try_acquire_owned().unwrap();
        let head = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || drop(give_up(semaphore.acquire_many(limit(2)))))
        };
        // Nothing comes back: it must be let through by the head, or come before it.
        drop(block_on(semaphore.acquire()).unwrap());
        head.join().unwrap();
        drop(held);
        assert_whole(&semaphore, 2);
    });
}

#[test]
fn closing_wakes_whoever_waits_or_comes() {
    loom::model(|| {
        let semaphore = semaphore(1);
        let held = semaphore.try_acquire_owned().unwrap();
        let waits = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || block_on(semaphore.acquire()).map(drop))
        };
        let gives_back = thread::spawn(move || drop(held));
        semaphore.close();
        let outcome = waits.join().unwrap();
        assert!(matches!(outcome, Ok(()) | Err(AcquireError::Closed)), "{outcome:?}");
        gives_back.join().unwrap();
        assert_eq!((semaphore.available(), semaphore.waiting()), (1, 0));
    });
}

#[test]
fn shrinking_while_permits_come_and_go_keeps_their_number() {
    loom::model(|| {
        let semaphore = semaphore(2);
        let held = semaphore.try_acquire_owned().unwrap();
        let other = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || drop(block_on(semaphore.acquire()).unwrap()))
        };
        let gives_back = thread::spawn(move || drop(held));
        semaphore.set_capacity(Limit::ONE);
        other.join().unwrap();
        gives_back.join().unwrap();
        assert_whole(&semaphore, 1);
    });
}

#[test]
fn the_most_permits_there_can_be_never_overflow() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(Limit::MAX));
        let held = semaphore.try_acquire_many_owned(limit(Semaphore::MAX_PERMITS)).unwrap();
        semaphore.set_capacity(Limit::ONE);
        let gives_back = thread::spawn(move || drop(held));
        semaphore.set_capacity(Limit::MAX);
        gives_back.join().unwrap();
        assert_whole(&semaphore, Semaphore::MAX_PERMITS);
    });
}

#[test]
fn growing_and_forgetting_serve_or_refuse_whoever_waits() {
    loom::model(|| {
        let semaphore = semaphore(1);
        let held = semaphore.try_acquire_owned().unwrap();
        let waits = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || block_on(semaphore.acquire()).map(drop))
        };
        let forgets = thread::spawn(move || held.forget());
        semaphore.set_capacity(limit(2));
        // Refused while there was none; else served.
        let outcome = waits.join().unwrap();
        let none = AcquireError::TooLarge { requested: 1, capacity: 0 };
        assert!(outcome.is_ok() || outcome == Err(none), "{outcome:?}");
        forgets.join().unwrap();
        let left = semaphore.capacity();
        assert!((1..=2).contains(&left));
        assert_whole(&semaphore, left);
    });
}

#[test]
fn nobody_takes_what_a_waiter_was_granted() {
    loom::model(|| {
        let semaphore = semaphore(1);
        let out = Arc::new(AtomicUsize::new(1));
        let held = semaphore.try_acquire_owned().unwrap();
        let waits = {
            let (semaphore, out) = (Arc::clone(&semaphore), Arc::clone(&out));
            thread::spawn(move || {
                let permit = block_on(semaphore.acquire()).unwrap();
                assert_eq!(out.fetch_add(1, Relaxed), 0);
                out.fetch_sub(1, Relaxed);
                drop(permit);
            })
        };
        let newcomer = {
            let (semaphore, out) = (Arc::clone(&semaphore), Arc::clone(&out));
            thread::spawn(move || {
                if let Ok(permit) = semaphore.try_acquire() {
                    assert_eq!(out.fetch_add(1, Relaxed), 0);
                    out.fetch_sub(1, Relaxed);
                    drop(permit);
                }
            })
        };
        out.fetch_sub(1, Relaxed);
        drop(held);
        waits.join().unwrap();
        newcomer.join().unwrap();
        assert_whole(&semaphore, 1);
    });
}
