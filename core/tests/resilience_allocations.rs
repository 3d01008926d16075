//! A call under policies allocates nothing while all goes well: counted.
//!
//! A file of its own, for the allocator.

#![allow(unsafe_code)]

use backstay_core::resilience::{CircuitBreaker, Pipeline};
use backstay_core::{BlockOn, Config};
use backstay_smol::SmolOwner;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::pin::pin;
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

/// Allocations of a hundred runs.
fn allocations(mut run: impl FnMut()) -> usize {
    let before = ALLOCATIONS.get();
    (0..100).for_each(|_| run());
    ALLOCATIONS.get() - before
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_circuit_breaker_allocates_nothing() {
    let owner = SmolOwner::new(Config::new()).expect("a good configuration");
    let rt = owner.runtime();
    let named = CircuitBreaker::named;
    let builders = [
        named("consecutive").consecutive_failures(3),
        named("count"),
        named("time").time_window(Duration::from_secs(10)),
        named("slow").slow_call_duration(Duration::from_secs(10)).slow_call_rate(1.0),
    ];
    for builder in builders {
        let breaker = builder.build().expect("it is good");
        let alone = allocations(|| {
            assert_eq!(poll_once(breaker.run(rt, async |_| Ok::<_, &str>(7))), Poll::Ready(Ok(7)));
        });
        let pipeline = Pipeline::named("users").breaker(&breaker).build(rt).expect("it is good");
        let stacked = allocations(|| {
            assert_eq!(poll_once(pipeline.call(async |_| Ok::<_, &str>(7))), Poll::Ready(Ok(7)));
        });
        // Nor do a failure and a refusal; an event would, where somebody is told.
        let failing = allocations(|| {
            assert!(poll_once(pipeline.call(async |_| Err::<(), _>("down"))).is_ready());
        });
        let blocking = allocations(|| {
            let _ = breaker.call_blocking(|| backstay_core::time::Instant::ORIGIN, || Ok::<_, &str>(7));
            drop(breaker.try_acquire_owned(backstay_core::time::Instant::ORIGIN));
        });
        assert_eq!([alone, stacked, failing, blocking], [0; 4], "{breaker:?}");
    }
}

#[test]
fn b19_a_time_window_keeps_no_call() {
    let builder = CircuitBreaker::named("db").time_window(Duration::from_millis(100)).failure_rate(1.0);
    let breaker = builder.build().expect("it is good");
    let mut now = backstay_core::time::Instant::ORIGIN;
    let counted = allocations(|| {
        for _ in 0..10_000 {
            breaker.try_acquire(now).expect("it passes").success(now);
            now += Duration::from_micros(1);
        }
    });
    assert_eq!(counted, 0);
}
