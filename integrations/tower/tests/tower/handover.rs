//! What changes hands: readiness that is asked for by another task, turns that nobody needs, futures that have ended.

use super::kit::{broken, echo, is_ready, ms, on_sim};
use backstay::Runtime;
use backstay_core::resilience::{Bulkhead, Error, Fallback, Quota, RateLimiter};
use backstay_tower::{BulkheadLayer, FallbackLayer, RateLimitLayer};
use futures::task::{ArcWake, waker};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use tower::{Layer, Service, ServiceExt};

#[derive(Default)]
struct Wakes(AtomicUsize);

impl ArcWake for Wakes {
    fn wake_by_ref(wakes: &Arc<Self>) {
        wakes.0.fetch_add(1, SeqCst);
    }
}

/// A service behind a lock is asked by whichever task has it.
#[test]
fn the_task_that_asked_last_is_woken() {
    on_sim(async |rt| {
        let one = Bulkhead::named("db").max_in_flight(1).max_waiting(9).build().expect("it is good");
        let limiter = RateLimiter::new(Quota::per_minute(1)).expect("a good quota");
        let place = one.try_acquire().expect("it is free");
        let turn = limiter.acquire_owned(&rt).await.expect("it is there");
        let mut by_place = BulkheadLayer::new(&rt, &one).layer(echo(&rt));
        let mut by_turn = RateLimitLayer::new(&rt, &limiter).layer(echo(&rt));
        let (first, last) = (Arc::new(Wakes::default()), Arc::new(Wakes::default()));
        for wakes in [&first, &last] {
            let waker = waker(Arc::clone(wakes));
            let mut cx = Context::from_waker(&waker);
            assert!(by_place.poll_ready(&mut cx).is_pending());
            assert!(by_turn.poll_ready(&mut cx).is_pending());
        }
        drop(place);
        assert_eq!((first.0.load(SeqCst), last.0.load(SeqCst)), (0, 1));
        turn.cancel(rt.now());
        assert_eq!((first.0.load(SeqCst), last.0.load(SeqCst)), (0, 2));
        assert!(is_ready(&mut by_place).await && is_ready(&mut by_turn).await);
    });
}

#[test]
fn a_turn_that_is_dropped_unused_is_the_next_ones_at_once() {
    on_sim(async |rt| {
        let limiter = RateLimiter::new(Quota::per_minute(1)).expect("a good quota");
        let mut first = RateLimitLayer::new(&rt, &limiter).layer(echo(&rt));
        let mut second = first.clone();
        first.ready().await.expect("its turn");
        let start = rt.now();
        let waits = rt.spawn(async move { second.ready().await?.call(2).await });
        rt.sleep(ms(10)).await;
        drop(first);
        assert_eq!(waits.await.expect("no panic"), Ok(2));
        assert_eq!(rt.now() - start, ms(10));
    });
}

#[test]
fn what_is_broken_inside_keeps_no_place_and_no_turn() {
    on_sim(async |rt| {
        let one = Bulkhead::named("db").max_in_flight(1).build().expect("it is good");
        let mut service = BulkheadLayer::new(&rt, &one).layer(broken(&rt));
        assert_eq!(service.ready().await.map(drop), Err(Error::Operation("broken")));
        assert_eq!(one.in_flight(), 0);
        let limiter = RateLimiter::new(Quota::per_minute(1)).expect("a good quota");
        let mut service = RateLimitLayer::new(&rt, &limiter).layer(broken(&rt));
        assert_eq!(service.ready().await.map(drop), Err(Error::Operation("broken")));
        assert_eq!(limiter.available(rt.now()), 1);
    });
}

/// A future that holds something until it is dropped, as those of tower's own concurrency limit do.
struct Holds(Arc<AtomicBool>);

impl Future for Holds {
    type Output = Result<u32, &'static str>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Err("down"))
    }
}

impl Drop for Holds {
    fn drop(&mut self) {
        self.0.store(false, SeqCst);
    }
}

#[test]
fn what_has_failed_is_gone_before_what_stands_in_is_asked() {
    on_sim(async |_| {
        let held = Arc::new(AtomicBool::new(true));
        let seen = Arc::clone(&held);
        let fallback = Fallback::from_error(move |_: &Error<&str>| u32::from(seen.load(SeqCst)));
        let service = tower::service_fn(move |_: u32| Holds(Arc::clone(&held)));
        let call = FallbackLayer::new(fallback).layer(service).oneshot(1);
        assert_eq!(call.await, Ok(0), "the place of what has failed was still taken");
    });
}
