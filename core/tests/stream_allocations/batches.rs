//! What batches, buffers and sources allocate: counted.

use crate::{ALLOCATED, ALLOCATIONS};
use backstay::Runtime;
use backstay::runtime::BlockOn;
use backstay_core::channel::mpsc::Overflow;
use backstay_core::resilience::{Quota, RateLimiter};
use backstay_core::stream::{BatchConfig, FlowExt, generate};
use backstay_core::{Config, Limit};
use futures::stream::{self, Stream};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How often, and how much in all.
fn allocated<T>(run: impl FnOnce() -> T) -> ((u64, u64), T) {
    let before = (ALLOCATIONS.get(), ALLOCATED.get());
    let result = run();
    ((ALLOCATIONS.get() - before.0, ALLOCATED.get() - before.1), result)
}

/// The next so many items.
fn take<S: Stream>(mut stream: Pin<&mut S>, count: usize) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut taken = 0;
    while taken < count {
        match stream.as_mut().poll_next(&mut cx) {
            Poll::Ready(Some(_)) => taken += 1,
            Poll::Ready(None) => panic!("there are more"),
            Poll::Pending => {}
        }
    }
}

/// That items cost nothing once the first have come.
fn assert_warm_is_free<S: Stream>(name: &str, stream: S) {
    let mut stream = pin!(stream);
    take(stream.as_mut(), 1_000);
    let ((times, _), ()) = allocated(|| take(stream, 10_000));
    assert_eq!(times, 0, "{name}");
}

/// On a runtime whose timers are real, and which is not driven here.
fn on_tokio(run: impl FnOnce(&backstay::tokio::Tokio)) {
    let owner = backstay::tokio::TokioOwner::new(Config::new()).expect("it starts");
    run(owner.runtime());
}

#[test]
fn s21_a_batch_without_a_limit_allocates_nothing_for_it() {
    on_tokio(|rt| {
        let ((_, bytes), batch) = allocated(|| {
            let config = BatchConfig::new(Limit::MAX).within(Duration::from_millis(10));
            let mut batches = pin!(stream::iter(0_u32..20).batch(rt, config));
            let mut cx = Context::from_waker(Waker::noop());
            batches.as_mut().poll_next(&mut cx)
        });
        assert_eq!(batch, Poll::Ready(Some((0..20).collect())));
        assert!(bytes < 1_024, "{bytes}");
    });
}

#[test]
fn a_batch_is_one_allocation() {
    on_tokio(|rt| {
        let config = BatchConfig::new(Limit::new(100).unwrap()).within(Duration::from_secs(60));
        let mut batches = pin!(stream::repeat(1_u64).batch(rt, config));
        take(batches.as_mut(), 1);
        let ((times, bytes), ()) = allocated(|| take(batches.as_mut(), 1_000));
        assert_eq!((times, bytes), (1_000, 1_000 * 100 * 8));
    });
}

#[test]
fn the_room_of_a_large_batch_is_not_made_again() {
    on_tokio(|rt| {
        // A hundred thousand of them, then one that goes alone, and then few.
        let weight = |item: &u64| if *item >= 100_000 { usize::MAX } else { 0 };
        let config = BatchConfig::new(Limit::MAX).weight(Limit::MAX, weight);
        let mut batches = pin!(stream::iter(0_u64..200_000).batch(rt, config));
        take(batches.as_mut(), 1);
        let ((times, bytes), ()) = allocated(|| take(batches.as_mut(), 10));
        assert!(times <= 11 && bytes <= 17 << 10, "{times} of {bytes} bytes");
    });
}

#[test]
fn items_of_buffers_and_generators_allocate_nothing() {
    let limit = Limit::new(16).unwrap();
    for overflow in [Overflow::Wait, Overflow::DropOldest, Overflow::DropNewest] {
        assert_warm_is_free("buffer", stream::repeat(1).buffer(limit, overflow));
    }
    assert_warm_is_free("buffer_or_fail", stream::repeat(1).buffer_or_fail(limit));
    assert_warm_is_free("conflate", stream::repeat(1).conflate(i32::max));
    let emits = |y: backstay_core::stream::Yielder<u64>| async move {
        loop {
            y.emit(1).await;
        }
    };
    assert_warm_is_free("generate", generate(emits));
    let ((times, _), _) = allocated(|| take(pin!(generate(emits)), 10));
    assert!(times <= 2, "to begin with: {times}");
    on_tokio(|rt| {
        let limiter = RateLimiter::new(Quota::per_second(1_000_000).burst(1_000_000)).unwrap();
        let _ = limiter.try_acquire(rt.now());
        assert_warm_is_free("rate_limit", stream::repeat(1).rate_limit(rt, &limiter));
    });
}
