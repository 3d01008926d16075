//! A policy that lets a call through allocates nothing: counted.
//!
//! A file of its own, for the allocator.

#![allow(unsafe_code)]

use backstay_core::resilience::{AttemptTimeout, Bulkhead, Error, Fallback, Pipeline, TotalTimeout};
use backstay_core::time::Deadline;
use backstay_core::{Limit, Runtime};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The system's allocator, counting for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on as it came to the system's allocator, which keeps the contract; the counter has no
// destructor and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `alloc` above, which is the system's.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const SECOND: Duration = Duration::from_secs(1);

/// How many allocations it makes, from the first time on.
fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A runtime whose clock stands still, to be used outside of it: where its own records are not counted.
fn on_a_clock(test: impl FnOnce(&backstay::tokio::Tokio)) {
    use backstay_core::{BlockOn, Config};
    let owner = backstay::tokio::TokioOwner::new(Config::new()).expect("it is good");
    test(owner.runtime());
}

#[test]
fn a_bulkhead_allocates_nothing() {
    on_a_clock(|rt| {
        let bulkhead = Bulkhead::named("b").max_in_flight(1).max_waiting(4).build().expect("it is good");
        let free = allocations(|| {
            drop(bulkhead.try_acquire());
            drop(bulkhead.try_acquire_owned());
            assert!(poll(pin!(bulkhead.acquire(rt))).is_ready());
            assert!(poll(pin!(bulkhead.acquire_owned(rt))).is_ready());
            assert!(poll(pin!(bulkhead.run(rt, async |_| Ok::<_, ()>(())))).is_ready());
        });
        assert_eq!(free, 0);
        let nobody_waits = Bulkhead::new(Limit::ONE);
        let _place = nobody_waits.try_acquire().expect("it is free");
        let full = allocations(|| {
            drop(nobody_waits.try_acquire());
            assert!(poll(pin!(nobody_waits.acquire(rt))).is_ready());
            assert!(poll(pin!(nobody_waits.run(rt, async |_| Ok::<_, ()>(())))).is_ready());
        });
        assert_eq!(full, 0, "a refusal");
    });
}

#[test]
fn time_limits_and_fallbacks_allocate_nothing() {
    on_a_clock(|rt| {
        let bulkhead = Bulkhead::new(Limit::ONE);
        let users = Pipeline::named("users")
            .fallback(Fallback::value(1))
            .fallback(Fallback::operation(|_: &Error<()>| async { Ok(2) }))
            .deadline(SECOND)
            .bulkhead(&bulkhead)
            .attempt_timeout(SECOND)
            .build(rt)
            .expect("it is good");
        let deadline = Deadline::after(rt, SECOND);
        let ready = allocations(|| {
            for _ in 0..3 {
                assert!(poll(pin!(users.call(async |_| Ok(0)))).is_ready());
                assert!(poll(pin!(users.call(async |_| Err(())).within(deadline).detailed())).is_ready());
            }
            let late = Deadline::at(rt.now());
            assert!(poll(pin!(users.call(async |_| Ok(0)).within(late))).is_ready());
            assert!(poll(pin!(deadline.run(rt, std::future::ready(())))).is_ready());
        });
        assert_eq!(ready, 0);
        let graceful = allocations(|| {
            let timeout = AttemptTimeout::new(SECOND).grace(SECOND);
            assert!(poll(pin!(timeout.run(rt, async |_| Ok::<_, ()>(0)))).is_ready());
        });
        assert_eq!(graceful, 2, "the token of the attempt, as its documentation says");
        let total = TotalTimeout::new(SECOND);
        let plain = allocations(|| assert!(poll(pin!(total.run(rt, async |_| Ok::<_, ()>(0)))).is_ready()));
        assert_eq!(plain, 0);
    });
}
