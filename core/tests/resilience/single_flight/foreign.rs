//! What of the user's it runs, and when: clones, destructors, hashes, wakers. They may do anything, also use it, and
//! panic.

use super::{Flights, Hand, assert_empty, flights};
use crate::lock_probe::{LockProbe, assert_waits_without_lock, is_free};
use backstay_core::resilience::SingleFlight;
use std::cell::Cell;
use std::future::{pending, ready};
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::thread;

/// Pending until it is opened, then that.
async fn gated<T>(open: &Cell<bool>, value: T) -> T {
    while !open.get() {
        futures::pending!();
    }
    value
}

/// Counts its clones, and panics in the one that it is told to.
#[derive(Debug)]
struct Cloned(Rc<Cell<usize>>, usize);

impl Clone for Cloned {
    fn clone(&self) -> Self {
        self.0.set(self.0.get() + 1);
        if self.0.get() == self.1 {
            resume_unwind(Box::new("a clone"));
        }
        Self(Rc::clone(&self.0), self.1)
    }
}

#[test]
fn alone_nothing_is_cloned_and_of_many_one_for_each_who_follows() {
    for (followers, leaves) in [(0, 0), (1, 0), (1, 1), (5, 0), (5, 2)] {
        let flights = flights::<u8, Cloned, ()>();
        let (clones, open) = (Rc::new(Cell::new(0)), Cell::new(false));
        let call = || Hand::new(flights.run(7, gated(&open, Ok(Cloned(Rc::clone(&clones), 0)))));
        let mut calls: Vec<_> = (0..=followers).map(|_| call()).collect();
        assert!(calls.iter_mut().all(|call| call.poll().is_pending()));
        calls.truncate(followers + 1 - leaves);
        open.set(true);
        assert!(calls.iter_mut().all(|call| call.poll().is_ready()));
        assert_eq!(clones.get(), followers - leaves);
        assert_empty(&flights);
        drop(calls);
        assert_eq!(Rc::strong_count(&clones), 1, "nothing is kept");
    }
}

#[test]
fn a_clone_that_panics_is_one_calls_alone() {
    // The first is the leader's, for the others; then each has its own, but the last.
    for panics_at in 1..=3 {
        let flights = flights::<u8, Cloned, ()>();
        let (clones, open) = (Rc::new(Cell::new(0)), Cell::new(false));
        let call = || Hand::new(flights.run(7, gated(&open, Ok(Cloned(Rc::clone(&clones), panics_at)))));
        let mut calls: Vec<_> = (0..4).map(|_| Some(call())).collect();
        assert!(calls.iter_mut().flatten().all(|call| call.poll().is_pending()));
        open.set(true);
        let mut panics = 0;
        for call in &mut calls {
            let mut call = call.take().expect("it is there");
            match catch_unwind(AssertUnwindSafe(|| call.poll())) {
                Ok(poll) => assert!(poll.is_ready(), "panics at {panics_at}"),
                Err(_) => panics += 1,
            }
        }
        assert_eq!(panics, 1, "panics at {panics_at}");
        assert_empty(&flights);
    }
}

/// A key that panics where it is told to.
#[derive(Clone, Copy, Debug)]
struct Touchy {
    panics_in: Option<&'static str>,
}

impl Touchy {
    fn at(self, place: &'static str) {
        if self.panics_in == Some(place) {
            resume_unwind(Box::new(place));
        }
    }
}

impl Hash for Touchy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.at("hash");
        7.hash(state);
    }
}

impl PartialEq for Touchy {
    fn eq(&self, other: &Self) -> bool {
        self.at("eq");
        other.at("eq");
        true
    }
}

impl Eq for Touchy {}

impl Drop for TouchyDrop {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.0.at("drop");
        }
    }
}

/// One that may also panic when it is dropped.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TouchyDrop(Touchy);

const CALM: Touchy = Touchy { panics_in: None };

#[test]
fn a_key_that_panics_harms_nobody() {
    for place in ["hash", "eq", "drop"] {
        let flights = flights::<TouchyDrop, u32, ()>();
        let (open, touchy) = (Cell::new(false), Touchy { panics_in: Some(place) });
        let mut leader = Hand::new(flights.run(TouchyDrop(CALM), gated(&open, Ok(1))));
        let mut follower = Hand::new(flights.run(TouchyDrop(CALM), pending()));
        assert!(leader.poll().is_pending() && follower.poll().is_pending());
        let mut panics = Hand::new(flights.run(TouchyDrop(touchy), pending()));
        assert!(catch_unwind(AssertUnwindSafe(|| panics.poll())).is_err(), "{place}");
        if place != "drop" {
            let forgets = || flights.forget(&TouchyDrop(touchy));
            assert!(catch_unwind(AssertUnwindSafe(forgets)).is_err(), "{place}");
        }
        drop(panics);
        assert_eq!((flights.in_flight(), flights.waiting()), (1, 1));
        open.set(true);
        assert_eq!((leader.poll(), follower.poll()), (Poll::Ready(Ok(1)), Poll::Ready(Ok(1))));
        assert_empty(&flights);
    }
}

#[test]
fn a_leaders_key_that_panics_when_it_is_dropped_keeps_nobody_waiting() {
    let flights = flights::<TouchyDrop, u32, ()>();
    let (open, touchy) = (Cell::new(false), Touchy { panics_in: Some("drop") });
    let mut leader = Hand::new(flights.run(TouchyDrop(touchy), gated(&open, Ok(1))));
    let mut follower = Hand::new(flights.run(TouchyDrop(CALM), pending()));
    assert!(leader.poll().is_pending() && follower.poll().is_pending());
    open.set(true);
    assert!(catch_unwind(AssertUnwindSafe(|| leader.poll())).is_err());
    assert_eq!((follower.wakes(), follower.poll()), (1, Poll::Ready(Ok(1))));
    assert_empty(&flights);
}

#[test]
fn an_operation_that_panics_when_it_is_dropped_keeps_nobody_waiting() {
    struct Panics(bool);
    impl Drop for Panics {
        fn drop(&mut self) {
            if self.0 && !thread::panicking() {
                resume_unwind(Box::new("a destructor"));
            }
        }
    }
    for ends in [true, false] {
        let flights: Flights = flights();
        let open = Cell::new(false);
        let leads = async {
            let _panics = Panics(true);
            gated(&open, Ok(1)).await
        };
        let mut leader = Some(Hand::new(flights.run("ada", leads)));
        let mut follower = Hand::new(flights.run("ada", ready(Ok(2))));
        assert!(leader.as_mut().expect("it is there").poll().is_pending() && follower.poll().is_pending());
        open.set(ends);
        let goes = || leader.take().map(|mut leader| ends.then(|| leader.poll()));
        assert!(catch_unwind(AssertUnwindSafe(goes)).is_err());
        assert_eq!((follower.wakes(), follower.poll()), (1, Poll::Ready(Ok(2))));
        assert_empty(&flights);
    }
}

#[test]
fn the_operation_of_a_leader_is_dropped_before_the_next_begins_and_before_its_result_is_seen() {
    let flights: Flights = flights();
    let (running, open) = (Cell::new(0), Cell::new(false));
    struct Running<'a>(&'a Cell<usize>);
    impl Drop for Running<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }
    let operation = || async {
        assert_eq!(running.replace(running.get() + 1), 0);
        let _running = Running(&running);
        gated(&open, Ok(1)).await
    };
    let mut calls: Vec<_> = (0..3).map(|_| Hand::new(flights.run("ada", operation()))).collect();
    assert!(calls.iter_mut().all(|call| call.poll().is_pending()));
    drop(calls.remove(0));
    assert_eq!(running.get(), 0);
    assert!(calls[0].poll().is_pending());
    open.set(true);
    // The call that has ended is still there.
    assert!(calls[0].poll().is_ready());
    assert_eq!((running.get(), calls[1].poll()), (0, Poll::Ready(Ok(1))));
}

#[test]
fn wakers_are_cloned_woken_and_dropped_while_no_lock_is_held() {
    let flights = SingleFlight::<u8, (), ()>::new(&crate::by_hand::ByHand::new());
    let look = {
        let flights = flights.clone();
        move || assert!(flights.in_flight() <= 1 && flights.waiting() <= 2)
    };
    // What ends the wait: the leader's end; then its drop, after which the one that waits leads.
    let open = Cell::new(false);
    let leader = std::cell::RefCell::new(Hand::new(flights.run(7, gated(&open, Ok(())))));
    assert!(leader.borrow_mut().poll().is_pending());
    let end = || {
        open.set(true);
        assert!(leader.borrow_mut().poll().is_ready());
    };
    assert_waits_without_lock(look.clone(), || flights.run(7, ready(Ok(()))), end);

    let mut leader = Hand::new(flights.run(7, pending()));
    assert!(leader.poll().is_pending());
    assert_waits_without_lock(look.clone(), || flights.run(7, ready(Ok(()))), || drop(leader));

    // One that was to lead and is dropped wakes the next.
    let mut leader = Hand::new(flights.run(7, pending()));
    assert!(leader.poll().is_pending());
    let (first, second) = (LockProbe::new(look.clone()), LockProbe::new(look));
    let mut waits = [(); 2].map(|()| Box::pin(flights.run(7, ready(Ok(())))));
    assert!(first.poll(waits[0].as_mut()).is_pending() && second.poll(waits[1].as_mut()).is_pending());
    drop(leader);
    first.assert_touched();
    second.assert_touched();
    let [goes, mut stays] = waits;
    drop(goes);
    second.assert_touched();
    assert!(second.poll(stays.as_mut()).is_ready());
    assert_empty(&flights);
}

/// Uses the flights when it is dropped, or cloned.
struct Uses(Arc<OnceLock<SingleFlight<Uses, Uses, Uses>>>, Arc<AtomicBool>);

impl Uses {
    fn look(&self) {
        let flights = Arc::clone(&self.0);
        if !is_free(move || assert!(flights.get().is_none_or(|flights| flights.in_flight() < 9))) {
            self.1.store(true, SeqCst);
        }
    }
}

impl Clone for Uses {
    fn clone(&self) -> Self {
        self.look();
        Self(Arc::clone(&self.0), Arc::clone(&self.1))
    }
}

impl Drop for Uses {
    fn drop(&mut self) {
        self.look();
    }
}

impl Hash for Uses {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.look();
        7.hash(state);
    }
}

impl PartialEq for Uses {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Uses {}

#[test]
fn keys_values_and_errors_are_hashed_cloned_and_dropped_while_no_lock_is_held() {
    let (cell, held) = (Arc::new(OnceLock::new()), Arc::new(AtomicBool::new(false)));
    let uses = || Uses(Arc::clone(&cell), Arc::clone(&held));
    let flights = cell.get_or_init(flights).clone();
    for is_good in [true, false] {
        let open = Cell::new(false);
        let result = || if is_good { Ok(uses()) } else { Err(uses()) };
        let mut calls: Vec<_> =
            (0..5).map(|_| Hand::new(flights.run(uses(), gated(&open, result())))).collect();
        assert!(calls.iter_mut().all(|call| call.poll().is_pending()));
        // A leader goes, one that follows does, and one that has its result, but never sees it.
        drop(calls.remove(0));
        assert!(calls[0].poll().is_pending());
        drop(calls.remove(1));
        open.set(true);
        assert!(calls[0].poll().is_ready());
        drop(calls.remove(1));
        assert!(calls[1].poll().is_ready());
        assert!(!flights.forget(&uses()));
        // One that ends alone, and one that goes alone.
        assert!(Hand::new(flights.run(uses(), ready(result()))).poll().is_ready());
        assert!(Hand::new(flights.run(uses(), pending())).poll().is_pending());
        assert_empty(&flights);
        assert!(!held.load(SeqCst), "a lock was held");
    }
}

/// Begins another flight when it is dropped, and panics.
struct Begins(Option<&'static SingleFlight<Begins, u32, ()>>);

/// What it has begun.
type Begun = Hand<'static, Result<u32, ()>>;

thread_local! {
    static BEGUN: std::cell::RefCell<Option<Begun>> = const { std::cell::RefCell::new(None) };
}

impl Drop for Begins {
    fn drop(&mut self) {
        if let Some(flights) = self.0 {
            let mut begun = Hand::new(flights.run(Begins(None), pending()));
            assert!(begun.poll().is_pending());
            BEGUN.set(Some(begun));
            resume_unwind(Box::new("a destructor"));
        }
    }
}

impl Hash for Begins {
    fn hash<H: Hasher>(&self, state: &mut H) {
        7.hash(state);
    }
}

impl PartialEq for Begins {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Begins {}

#[test]
fn b38_a_leader_whose_end_panics_does_not_end_a_newer_flight_in_the_same_place() {
    let flights: &'static SingleFlight<Begins, u32, ()> = Box::leak(Box::new(flights()));
    for has_followers in [false, true] {
        let open = Cell::new(false);
        let mut leader = Hand::new(flights.run(Begins(Some(flights)), gated(&open, Ok(1))));
        let mut follower = Hand::new(flights.run(Begins(None), pending()));
        assert!(leader.poll().is_pending() && (!has_followers || follower.poll().is_pending()));
        open.set(true);
        assert!(catch_unwind(AssertUnwindSafe(|| leader.poll())).is_err());
        drop(leader);
        assert_eq!((flights.in_flight(), flights.waiting()), (1, 0), "the newer one goes on");
        assert!(!has_followers || follower.poll() == Poll::Ready(Ok(1)));
        drop(BEGUN.take());
        drop(follower);
        assert_empty(flights);
    }
}
