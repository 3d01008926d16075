//! What policies allocate on their happy paths, and where they refuse: nothing; counted.
//!
//! A file of its own, for the allocator.

#![allow(unsafe_code)]

use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::resilience::{KeyedRateLimiter, Pipeline, Quota, RateLimiter};
use backstay_core::time::Instant;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
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

/// Allocations of a run.
fn allocations<T>(run: impl FnOnce() -> T) -> (usize, T) {
    let before = ALLOCATIONS.get();
    let result = run();
    (ALLOCATIONS.get() - before, result)
}

/// Allocations of the second run, and of a hundred more.
fn warm_allocations(mut run: impl FnMut()) -> usize {
    run();
    allocations(|| (0..100).for_each(|_| run())).0
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// What a test needs of a runtime: on the sim, in its one task.
fn with_rt(test: impl Fn(&Sim) + Clone + Send + 'static) {
    let outcome = Sim::builder().run(move |rt: Sim| async move { test(&rt) });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_rate_limiter_allocates_nothing() {
    let limiter = RateLimiter::new(Quota::per_second(10).burst(5)).expect("a good quota");
    let tries = || (0..10).filter(|_| limiter.try_acquire(Instant::ORIGIN).is_ok()).count();
    assert_eq!(allocations(tries), (0, 5), "from the first on, granted or refused");
    let mut batched = limiter.batched(backstay_core::Limit::MAX);
    assert_eq!(allocations(|| batched.try_acquire(|| Instant::ORIGIN).is_ok()), (0, false));
    drop(batched);
    let strict = RateLimiter::new(Quota::strict(5, Duration::from_secs(1))).expect("a good quota");
    let tries = || (0..10).filter(|_| strict.try_acquire(Instant::ORIGIN).is_ok()).count();
    assert_eq!(allocations(tries), (0, 5));
}

#[test]
fn a_call_under_a_rate_limiter_allocates_nothing() {
    with_rt(|rt| {
        let limiter = RateLimiter::new(Quota::per_second(10).burst(5)).expect("a good quota");
        let pipeline = Pipeline::named("test").rate_limit(&limiter).build(rt).expect("it is good");
        let ready = || {
            let alone = poll(pin!(limiter.run(rt, async |_| Ok::<_, Infallible>(()))));
            let stacked = poll(pin!(pipeline.call(async |_| Ok::<_, Infallible>(()))));
            let acquired = poll(pin!(limiter.acquire(rt)));
            alone.is_ready() && stacked.is_ready() && acquired.is_ready()
        };
        assert_eq!(allocations(ready), (0, true));
        // Places in the queue are used again; the timer is the runtime's.
        let full = RateLimiter::new(Quota::per_hour(1)).expect("a good quota");
        let _permit = full.try_acquire(rt.now()).expect("there is one");
        let timer = warm_allocations(|| assert!(poll(pin!(rt.sleep(Duration::from_secs(60)))).is_pending()));
        let waits = warm_allocations(|| assert!(poll(pin!(full.acquire(rt))).is_pending()));
        assert!(waits <= timer, "{waits} beside the {timer} of a sleep");
    });
}

#[test]
fn a_keyed_rate_limiter_allocates_nothing_for_a_key_that_is_there() {
    with_rt(|rt| {
        let limiter =
            KeyedRateLimiter::<String>::new(rt, Quota::per_second(10).burst(5)).expect("a good quota");
        assert!(limiter.try_acquire("ann", Instant::ORIGIN).is_ok());
        let tries = || (0..10).filter(|_| limiter.try_acquire("ann", Instant::ORIGIN).is_ok()).count();
        assert_eq!(allocations(tries), (0, 4));
    });
}
