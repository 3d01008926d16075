//! What a call that is let through allocates, and how often it reads the clock: counted.
//!
//! A file of its own, for the allocator.

#![allow(unsafe_code)]

use backstay::time::Instant;
use backstay::tokio::{Tokio, TokioOwner};
use backstay::{BlockOn, Config, Runtime};
use backstay_core::resilience::{
    Bulkhead, CircuitBreaker, Error, Fallback, Hedge, KeyedRateLimiter, Pipeline, Quota, RateLimiter, Retry,
};
use backstay_tower::{
    BulkheadLayer, CircuitBreakerLayer, FallbackLayer, HedgeLayer, KeyedRateLimitLayer, PipelineLayer,
    RateLimitLayer, RetryLayer, TimeoutLayer,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tower::{Layer, Service};

/// The system's allocator, counting for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static READINGS: Cell<usize> = const { Cell::new(0) };
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

/// A runtime whose clock is counted.
#[derive(Clone)]
struct Clocked(Tokio);

impl Runtime for Clocked {
    type JoinHandle<T: Send + 'static> = <Tokio as Runtime>::JoinHandle<T>;
    type BlockingHandle<T: Send + 'static> = <Tokio as Runtime>::BlockingHandle<T>;
    type Sleep = <Tokio as Runtime>::Sleep;

    fn name(&self) -> &'static str {
        "clocked"
    }

    fn spawn<F>(&self, future: F) -> Self::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.spawn(future)
    }

    fn spawn_blocking<F, T>(&self, f: F) -> Self::BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.0.spawn_blocking(f)
    }

    fn now(&self) -> Instant {
        READINGS.set(READINGS.get() + 1);
        self.0.now()
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        self.0.sleep_until(at)
    }

    fn random_u64(&self) -> u64 {
        self.0.random_u64()
    }

    fn to_std(&self, at: Instant) -> std::time::Instant {
        self.0.to_std(at)
    }

    fn from_std(&self, at: std::time::Instant) -> Instant {
        self.0.from_std(at)
    }
}

/// Gives back the request, at once.
#[derive(Clone)]
struct Echo;

impl Service<u32> for Echo {
    type Response = u32;
    type Error = &'static str;
    type Future = Ready<Result<u32, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u32) -> Self::Future {
        ready(Ok(request))
    }
}

/// Allocations and readings of the clock of one call: as many of a service as of a clone of it.
fn cost<S>(layer: &impl Layer<Echo, Service = S>) -> (usize, usize)
where
    S: Service<u32, Response = u32> + Clone,
    S::Error: std::fmt::Debug,
{
    let mut service = layer.layer(Echo);
    let (allocations, readings) = (ALLOCATIONS.get(), READINGS.get());
    let mut context = Context::from_waker(Waker::noop());
    let mut clone = service.clone();
    for service in [&mut service, &mut clone] {
        assert!(service.poll_ready(&mut context).is_ready());
        let Poll::Ready(result) = pin!(service.call(7)).poll(&mut context) else { panic!("it is pending") };
        assert_eq!(result.expect("it is let through"), 7);
    }
    let (allocations, readings) = (ALLOCATIONS.get() - allocations, READINGS.get() - readings);
    assert_eq!((allocations % 2, readings % 2), (0, 0));
    (allocations / 2, readings / 2)
}

#[test]
fn a_call_that_is_let_through_allocates_nothing_or_its_box() {
    const SECOND: Duration = Duration::from_secs(1);

    let owner = TokioOwner::new(Config::new()).expect("it is good");
    let rt = Clocked(owner.runtime().clone());
    let bulkhead = Bulkhead::named("db").max_in_flight(9).max_waiting(9).build().expect("it is good");
    let limiter = RateLimiter::new(Quota::per_second(1).burst(1_000)).expect("a good quota");
    let keyed = KeyedRateLimiter::<u32>::new(&rt, Quota::per_second(1).burst(1_000)).expect("a good quota");
    let _known = keyed.try_acquire(&7, rt.now()).expect("her first");
    let breaker = CircuitBreaker::named("db").build().expect("it is good");

    assert_eq!(cost(&BulkheadLayer::new(&rt, &bulkhead)), (0, 0), "bulkhead");
    assert_eq!(cost(&RateLimitLayer::new(&rt, &limiter)), (0, 1), "rate limit");
    let layer = KeyedRateLimitLayer::new(&rt, &keyed, |request: &u32| *request);
    assert_eq!(cost(&layer), (0, 1), "keyed rate limit");
    assert_eq!(cost(&CircuitBreakerLayer::new(&rt, &breaker)), (0, 2), "circuit breaker");
    assert_eq!(cost(&TimeoutLayer::attempt(&rt, SECOND).expect("not zero")), (0, 0), "timeout");
    assert_eq!(cost(&FallbackLayer::new(Fallback::value(0))), (0, 0), "fallback");
    let hedge = Hedge::builder().delay(SECOND).build().expect("it is good");
    assert_eq!(cost(&HedgeLayer::new(&rt, hedge).expect("it is good")), (1, 0), "hedge");
    assert_eq!(cost(&HedgeLayer::new(&rt, Hedge::default()).expect("it is good")), (1, 1), "measured");
    assert_eq!(cost(&RetryLayer::new(&rt, Retry::default()).expect("it is good")), (1, 0), "retry");

    let pipeline = Pipeline::named("users")
        .fallback(Fallback::value(0).when(|error: &Error<&str>| error.is_timeout()))
        .deadline(SECOND)
        .retry(Retry::default())
        .rate_limit(&limiter)
        .breaker(&breaker)
        .bulkhead(&bulkhead)
        .attempt_timeout(SECOND)
        .build(&rt)
        .expect("it is good");
    // One reading for all of its policies, as without tower; and one box.
    assert_eq!(cost(&PipelineLayer::new(pipeline)), (1, 1), "pipeline");
}
