//! Services that are ready to say no, and who asks them again.

use super::kit::{broken, echo, is_ready, ms, on_sim, unready};
use backstay::{Limit, Runtime};
use backstay_core::resilience::{
    Bulkhead, CircuitBreaker, Error, Fallback, Pipeline, Quota, RateLimiter, Reason, Scope,
};
use backstay_tower::{BulkheadLayer, PipelineLayer, RateLimitLayer};
use futures::FutureExt;
use std::pin::pin;
use tower::{Layer, Service, ServiceExt};

/// A balancer asks a service that was ready again before it calls it. tower's contract: who was ready is not pending
/// before there is a call. One that would begin to wait anew is never called, and nobody hears of the refusal.
#[test]
fn who_was_ready_is_not_pending_before_the_call() {
    on_sim(async |rt| {
        // Its wait was too long; asked again, it does not wait again.
        let one = Bulkhead::named("db").max_in_flight(1).max_waiting(1).max_wait(ms(50)).build().unwrap();
        let place = one.try_acquire().expect("it is free");
        let mut late = BulkheadLayer::new(&rt, &one).layer(echo(&rt));
        let start = rt.now();
        late.ready().await.expect("so is a refusal");
        assert!(is_ready(&mut late).await);
        assert_eq!((rt.now() - start, one.waiting()), (ms(50), 0));
        let error = late.call(1).await.expect_err("no turn came");
        assert_eq!(error, Error::TimedOut { scope: Scope::Queue, limit: ms(50) });

        // The queue was full; that there is room in it now is no reason to wait.
        let mut waits = BulkheadLayer::new(&rt, &one).layer(echo(&rt));
        let mut refused = waits.clone();
        assert!(!is_ready(&mut waits).await);
        assert!(is_ready(&mut refused).await);
        drop(waits);
        assert!(is_ready(&mut refused).await);
        let error = refused.call(2).await.expect_err("the queue was full");
        assert_eq!(error.rejected().map(|rejected| rejected.reason()), Some(Reason::QueueFull));

        // A place that is free is had.
        late.ready().await.expect("so is a refusal");
        drop(place);
        assert!(is_ready(&mut late).await);
        assert_eq!((one.in_flight(), late.call(3).await), (1, Ok(3)));

        // The same of turns.
        let limiter = RateLimiter::named("pings").quota(Quota::per_second(1)).max_waiting(Limit::ONE);
        let limiter = limiter.build().expect("a good quota");
        let _turn = limiter.try_acquire(rt.now()).expect("the first");
        let mut waits = RateLimitLayer::new(&rt, &limiter).layer(echo(&rt));
        let mut refused = waits.clone();
        assert!(!is_ready(&mut waits).await);
        assert!(is_ready(&mut refused).await);
        drop(waits);
        assert!(is_ready(&mut refused).await);
        assert_eq!(limiter.waiting(), 0);
        assert!(refused.call(4).await.is_err());

        // What it says is what was so when it was asked last.
        let limiter = RateLimiter::named("pings").quota(Quota::per_minute(1)).max_wait(ms(10)).build();
        let limiter = limiter.expect("a good quota");
        let _turn = limiter.try_acquire(rt.now()).expect("the first");
        let mut refused = RateLimitLayer::new(&rt, &limiter).layer(echo(&rt));
        assert!(is_ready(&mut refused).await);
        rt.sleep(ms(20_000)).await;
        assert!(is_ready(&mut refused).await);
        assert_eq!(refused.call(5).await.expect_err("too soon").retry_after(), Some(ms(40_000)));
    });
}

/// Nor for the service inside, which was not asked before.
#[test]
fn who_was_ready_does_not_wait_for_what_is_inside() {
    on_sim(async |rt| {
        let one = Bulkhead::named("db").max_in_flight(1).build().unwrap();
        let place = one.try_acquire().expect("it is free");
        let mut refused = BulkheadLayer::new(&rt, &one).layer(unready(&rt, 2));
        assert!(is_ready(&mut refused).await);
        drop(place);
        assert!(is_ready(&mut refused).await);
        assert_eq!(one.in_flight(), 0);
        let error = refused.call(1).await.expect_err("it was full");
        assert_eq!(error.rejected().map(|rejected| rejected.reason()), Some(Reason::QueueFull));
        // And then as ever.
        assert_eq!(refused.ready().await.expect("ready").call(2).await, Ok(2));

        // An error of it is one.
        let place = one.try_acquire().expect("it is free");
        let mut refused = BulkheadLayer::new(&rt, &one).layer(broken(&rt));
        assert!(is_ready(&mut refused).await);
        drop(place);
        assert_eq!(refused.ready().await.map(drop), Err(Error::Operation("broken")));
    });
}

/// What was reserved is for others while a fallback takes its time: the call has no use for it.
#[test]
fn who_is_refused_gives_back_what_is_reserved_before_a_substitute() {
    on_sim(async |rt| {
        let breaker = CircuitBreaker::named("db").build().expect("it is good");
        breaker.isolate();
        let sleeper = rt.clone();
        let slowly = Fallback::operation(move |_: &Error<&'static str>| {
            let rt = sleeper.clone();
            async move {
                rt.sleep(ms(100)).await;
                Ok(0)
            }
        });
        let pipeline = Pipeline::named("users").fallback(slowly).breaker(&breaker).build(&rt);
        let inner = echo(&rt);
        let mut service = PipelineLayer::new(pipeline.expect("it is good")).layer(inner.clone());
        assert!(is_ready(&mut service).await);
        assert_eq!(inner.held(), (1, 0));
        let mut call = pin!(service.call(1));
        assert!(call.as_mut().now_or_never().is_none());
        assert_eq!(inner.held(), (0, 0));
        assert_eq!(call.await, Ok(0));
        assert_eq!(inner.calls(), 0);
    });
}
