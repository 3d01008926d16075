//! The contract of `poll_ready` and `call`, of each layer.

use super::kit::{Mock, Step, broken, echo, is_ready, mock, ms, on_sim, slow, unready};
use backstay::testing::{Sim, checked, test_on_every_runtime};
use backstay::{JoinHandle, Runtime};
use backstay_core::resilience::{
    Backoff, Bulkhead, BulkheadBuilder, CircuitBreaker, Error, Fallback, Hedge, KeyedRateLimiter, Pipeline,
    Quota, RateLimiter, Reason, Retry, Scope,
};
use backstay_tower::{
    BulkheadLayer, CircuitBreakerLayer, FallbackLayer, HedgeLayer, KeyedRateLimitLayer, PipelineLayer,
    RateLimitLayer, RetryLayer, TimeoutLayer, operation, send,
};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use tower::{Layer, Service, ServiceExt};

type Failed = Error<&'static str>;

/// What every layer must do, around a mock.
async fn keeps_the_contract<S, L>(rt: &Sim, name: &str, layer: L)
where
    S: Service<u32, Response = u32, Error = Failed> + Clone,
    L: Layer<Mock<Sim>, Service = S>,
{
    // Asked often, it reserves once; the one that is ready is the one that is called.
    let inner = echo(rt);
    let mut service = layer.layer(inner.clone());
    for _ in 0..3 {
        checked(service.ready()).await.unwrap_or_else(|_| panic!("{name} is not ready"));
    }
    let [Step::Ready(id)] = inner.steps()[..] else { panic!("{name}: {:?}", inner.steps()) };
    {
        // What has ended is gone before anybody hears of it.
        let mut call = pin!(checked(service.call(7)));
        assert_eq!(call.as_mut().await, Ok(7), "{name}");
        assert_eq!(inner.held(), (0, 0), "{name}");
    }
    assert_eq!(inner.steps(), [Step::Ready(id), Step::Called(id, 7)], "{name}");
    assert_eq!(inner.held(), (0, 0), "{name}");

    // Again, and once more.
    for request in [8, 9] {
        rt.sleep(ms(1_000)).await;
        assert_eq!(
            service.ready().await.unwrap_or_else(|_| panic!("{name}")).call(request).await,
            Ok(request)
        );
    }

    // A clone of one that is ready is not.
    rt.sleep(ms(1_000)).await;
    assert!(is_ready(&mut service).await, "{name}");
    let mut clone = service.clone();
    let called = AssertUnwindSafe(async move { clone.call(1).await }).catch_unwind().await;
    let panic = called.expect_err(name);
    let message = panic.downcast_ref::<String>().cloned();
    let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    assert!(message.is_some_and(|text| text.contains("ready")), "{name}");
    // Nor is the original less so.
    assert_eq!(service.call(2).await, Ok(2), "{name}");

    // One that is ready and dropped gives back what is reserved.
    rt.sleep(ms(1_000)).await;
    assert!(is_ready(&mut service).await, "{name}");
    assert_eq!(inner.held(), (1, 0), "{name}");
    drop(service);
    assert_eq!(inner.held(), (0, 0), "{name}");

    // The readiness of the service inside is passed on: what is pending, with its wake, and an error.
    rt.sleep(ms(1_000)).await;
    let mut service = layer.layer(unready(rt, 3));
    assert!(!is_ready(&mut service).await, "{name}");
    assert_eq!(checked(service.ready()).await.unwrap_or_else(|_| panic!("{name}")).call(3).await, Ok(3));
    rt.sleep(ms(1_000)).await;
    let error = layer.layer(broken(rt)).ready().await.map(drop);
    assert_eq!(error, Err(Error::Operation("broken")), "{name}");
}

fn bulkhead(max_in_flight: usize) -> BulkheadBuilder {
    Bulkhead::named("db").max_in_flight(max_in_flight)
}

#[test]
fn every_layer_keeps_the_contract() {
    on_sim(async |rt| {
        let one = bulkhead(1).max_waiting(9).build().expect("it is good");
        keeps_the_contract(&rt, "bulkhead", BulkheadLayer::new(&rt, &one)).await;
        assert_eq!((one.in_flight(), one.waiting()), (0, 0));

        let limiter = RateLimiter::new(Quota::per_second(1)).expect("a good quota");
        keeps_the_contract(&rt, "rate limit", RateLimitLayer::new(&rt, &limiter)).await;
        rt.sleep(ms(1_000)).await;
        assert_eq!((limiter.available(rt.now()), limiter.waiting()), (1, 0));

        let keyed = KeyedRateLimiter::<u32>::new(&rt, Quota::per_second(9)).expect("a good quota");
        let layer = KeyedRateLimitLayer::new(&rt, &keyed, |request: &u32| *request);
        keeps_the_contract(&rt, "keyed rate limit", layer).await;

        let breaker = CircuitBreaker::named("db").build().expect("it is good");
        keeps_the_contract(&rt, "circuit breaker", CircuitBreakerLayer::new(&rt, &breaker)).await;

        let timeout = TimeoutLayer::attempt(&rt, ms(100)).expect("it is good");
        keeps_the_contract(&rt, "timeout", timeout).await;
        keeps_the_contract(&rt, "fallback", FallbackLayer::new(Fallback::value(0).when(|_: &Failed| false)))
            .await;
        keeps_the_contract(&rt, "retry", RetryLayer::new(&rt, Retry::default()).expect("it is good")).await;
        keeps_the_contract(&rt, "hedge", HedgeLayer::new(&rt, Hedge::default()).expect("it is good")).await;

        let pipeline = Pipeline::named("users")
            .deadline(ms(1_000))
            .retry(Retry::default())
            .breaker(&breaker)
            .bulkhead(&one)
            .attempt_timeout(ms(100))
            .build(&rt)
            .expect("it is good");
        keeps_the_contract(&rt, "pipeline", PipelineLayer::new(pipeline)).await;
        assert_eq!((one.in_flight(), one.waiting()), (0, 0));
    });
}

test_on_every_runtime! {
    two_clones_contend_for_one_place
    a_turn_is_waited_for_before_the_call
    each_attempt_has_a_service_that_is_ready
}

async fn two_clones_contend_for_one_place<R: Runtime>(rt: R) {
    let one = bulkhead(1).max_waiting(usize::MAX).build().expect("it is good");
    let inner = slow(&rt, ms(2));
    let mut first = BulkheadLayer::new(&rt, &one).layer(inner.clone());
    let mut second = first.clone();
    first.ready().await.expect("it has the place");
    assert!(!is_ready(&mut second).await);
    assert_eq!((one.in_flight(), one.waiting()), (1, 1));
    // Not even what is inside was asked.
    assert_eq!(inner.steps().len(), 1);
    let waits = rt.spawn(async move { second.ready().await?.call(2).await });
    {
        let mut call = pin!(first.call(1));
        // The place is the call's until it has ended, and nobody else's.
        assert!(call.as_mut().now_or_never().is_none());
        assert_eq!((one.in_flight(), one.waiting()), (1, 1));
        assert_eq!(call.as_mut().await, Ok(1));
        // Its place is another's, or free, though the future is still there.
        assert_eq!(one.waiting(), 0);
    }
    assert_eq!(waits.await.expect("no panic"), Ok(2));
    assert_eq!((one.in_flight(), one.waiting(), inner.held()), (0, 0, (0, 0)));

    // One that is ready and dropped lets the next in.
    let mut third = first.clone();
    first.ready().await.expect("it is free");
    assert!(!is_ready(&mut third).await);
    drop(first);
    assert!(is_ready(&mut third).await);
    drop(third);
    assert_eq!((one.in_flight(), one.waiting()), (0, 0));
}

async fn a_turn_is_waited_for_before_the_call<R: Runtime>(rt: R) {
    let limiter = RateLimiter::new(Quota::per_second(200)).expect("a good quota");
    let mut service = RateLimitLayer::new(&rt, &limiter).layer(echo(&rt));
    let start = rt.now();
    for request in 0..5 {
        // Also by its clones: they share the limiter.
        let mut clone = service.clone();
        assert_eq!(clone.ready().await.expect("it waits").call(request).await, Ok(request));
        assert_eq!(service.ready().await.expect("it waits").call(request).await, Ok(request));
    }
    assert!(rt.now() - start >= ms(45), "{:?}", rt.now() - start);
}

async fn each_attempt_has_a_service_that_is_ready<R: Runtime>(rt: R) {
    let inner = mock(&rt, |call, request| if call < 3 { Err("down") } else { Ok(request) });
    let retry = Retry::builder().max_attempts(3).backoff(Backoff::none()).build().expect("it is good");
    let mut service = RetryLayer::new(&rt, retry).expect("it is good").layer(inner.clone());
    assert_eq!(service.ready().await.expect("it is ready").call(7).await, Ok(7));
    let steps = inner.steps();
    let [
        Step::Ready(a),
        Step::Called(b, 7),
        Step::Ready(c),
        Step::Called(d, 7),
        Step::Ready(e),
        Step::Called(f, 7),
    ] = steps[..]
    else {
        panic!("{steps:?}");
    };
    assert!(a == b && c == d && e == f && a != c && c != e, "{steps:?}");
    assert_eq!(inner.held(), (0, 0));
}

#[test]
fn who_may_not_wait_is_ready_and_the_call_is_refused() {
    on_sim(async |rt| {
        let one = bulkhead(1).build().expect("it is good");
        let inner = echo(&rt);
        let mut first = BulkheadLayer::new(&rt, &one).layer(inner.clone());
        let mut second = first.clone();
        first.ready().await.expect("it is free");
        assert!(is_ready(&mut second).await);
        let refused = second.call(2).await.expect_err("it is full");
        assert_eq!(refused.rejected().map(|rejected| rejected.reason()), Some(Reason::QueueFull));
        assert_eq!((inner.calls(), inner.steps().len()), (0, 1));
        // What was no then is yes now.
        assert!(is_ready(&mut second).await);
        drop(first);
        assert!(is_ready(&mut second).await);
        assert_eq!(second.call(3).await, Ok(3));

        let limiter = RateLimiter::named("pings").quota(Quota::per_minute(1)).max_wait(ms(10)).build();
        let mut pings = RateLimitLayer::new(&rt, &limiter.expect("a good quota")).layer(inner.clone());
        assert_eq!(pings.ready().await.expect("its turn").call(4).await, Ok(4));
        let refused = pings.ready().await.expect("so is a refusal").call(5).await.expect_err("too soon");
        assert_eq!(refused.retry_after(), Some(ms(60_000)));
        assert_eq!(inner.calls(), 2);
    });
}

#[test]
fn who_waits_too_long_is_told_so_by_the_call() {
    on_sim(async |rt| {
        let one = bulkhead(1).max_waiting(1).max_wait(ms(50)).build().expect("it is good");
        let _place = one.try_acquire().expect("it is free");
        let mut service = BulkheadLayer::new(&rt, &one).layer(echo(&rt));
        let start = rt.now();
        service.ready().await.expect("so is a refusal");
        assert_eq!(rt.now() - start, ms(50));
        let late = service.call(1).await.expect_err("no turn came");
        assert_eq!(late, Error::TimedOut { scope: Scope::Queue, limit: ms(50) });
        // Closed for good.
        one.close();
        let closed = service.ready().await.expect("so is a refusal").call(1).await.expect_err("closed");
        assert_eq!(closed.rejected().map(|rejected| rejected.reason()), Some(Reason::Closed));
    });
}

#[test]
fn an_open_breaker_is_ready_and_says_when_to_come_back() {
    on_sim(async |rt| {
        let breaker = CircuitBreaker::named("db").consecutive_failures(1).open_for(ms(500)).build();
        let breaker = breaker.expect("it is good");
        let inner = mock(&rt, |call, request| if call == 1 { Err("down") } else { Ok(request) });
        let mut service = CircuitBreakerLayer::new(&rt, &breaker).layer(inner.clone());
        assert_eq!(service.ready().await.expect("ready").call(1).await, Err(Error::Operation("down")));
        let refused = service.ready().await.expect("ready").call(2).await.expect_err("it is open");
        assert_eq!((refused.retry_after(), inner.calls()), (Some(ms(500)), 1));
        // What was reserved inside for the call that was refused is there for the next.
        assert_eq!(inner.held(), (1, 0));
        rt.sleep(ms(500)).await;
        assert_eq!(service.ready().await.expect("ready").call(3).await, Ok(3));
        assert_eq!((inner.held(), breaker.would_permit(rt.now())), ((0, 0), true));
    });
}

#[test]
fn a_pipeline_that_refuses_gives_back_at_once_what_is_reserved() {
    on_sim(async |rt| {
        let breaker = CircuitBreaker::named("db").build().expect("it is good");
        breaker.isolate();
        let users = Pipeline::named("users").breaker(&breaker).build(&rt).expect("it is good");
        let inner = echo(&rt);
        let mut service = PipelineLayer::new(users).once().layer(inner.clone());
        service.ready().await.expect("ready");
        assert_eq!(inner.held(), (1, 0));
        assert!(service.call(1).await.is_err());
        assert_eq!((inner.held(), inner.calls()), ((0, 0), 0));
        // Not polled, a call has the service with it, and its drop gives that back.
        service.ready().await.expect("ready");
        let call = service.call(1);
        assert_eq!(inner.held(), (1, 0));
        drop((call, service));
        assert_eq!(inner.held(), (0, 0));
    });
}

#[test]
fn a_service_is_the_operation_of_a_pipeline() {
    on_sim(async |rt| {
        let inner = mock(&rt, |call, request| if call < 3 { Err("down") } else { Ok(request) });
        let users = Pipeline::named("users").deadline(ms(9_000)).retry(Retry::default()).build(&rt).unwrap();
        assert_eq!(users.call(operation(inner.clone(), 7)).await, Ok(7));
        assert_eq!((inner.calls(), inner.held()), (3, (0, 0)));
        assert_eq!(checked(send(unready(&rt, 2), 8)).await, Ok(8));
        assert_eq!(send(broken(&rt), 8).await, Err("broken"));
        // Dropped while it waits, and once it is called.
        let inner = slow(&rt, ms(10));
        let mut sending = Box::pin(send(inner.clone(), 9));
        assert!(sending.as_mut().now_or_never().is_none());
        assert_eq!(inner.held(), (0, 1));
        drop(sending);
        assert_eq!(inner.held(), (0, 0));
    });
}

#[test]
fn a_service_that_waits_can_be_sent_to_other_threads_and_shared() {
    fn is_shareable<T: Clone + Send + Sync + 'static>(_: &T) {}
    fn is_sendable<T: Send + 'static>(_: T) {}
    on_sim(async |rt| {
        let one = bulkhead(1).build().expect("it is good");
        let limiter = RateLimiter::new(Quota::per_second(1)).expect("a good quota");
        let users =
            Pipeline::named("users").deadline(ms(9)).retry(Retry::default()).bulkhead(&one).build(&rt);
        // A mock is shared by nobody: its future is boxed without a promise of that.
        let inner = tower::service_fn(|request: u32| std::future::ready(Ok::<_, &'static str>(request)));
        let inner = BulkheadLayer::new(&rt, &one).layer(inner);
        let inner = RateLimitLayer::new(&rt, &limiter).flat().layer(inner);
        let mut service = PipelineLayer::new(users.expect("it is good")).flat().layer(inner);
        is_shareable(&service);
        service.ready().await.expect("ready");
        is_sendable(service.call(1));
    });
}

#[test]
fn abort_of_a_task_that_waits_leaves_the_queue() {
    on_sim(async |rt| {
        let one = bulkhead(1).max_waiting(9).build().expect("it is good");
        let place = one.try_acquire().expect("it is free");
        let mut service = BulkheadLayer::new(&rt, &one).layer(echo(&rt));
        let waits = rt.spawn(async move { service.ready().await.map(drop) });
        rt.sleep(ms(1)).await;
        assert_eq!(one.waiting(), 1);
        waits.abort();
        assert!(waits.await.is_err());
        drop(place);
        assert_eq!((one.in_flight(), one.waiting()), (0, 0));
    });
}
