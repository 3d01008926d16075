//! What the policies do to calls, and to each other's errors.

use super::kit::{Step, broken, echo, mock, ms, on_sim, slow};
use backstay::Runtime;
use backstay_core::resilience::{
    Backoff, Bulkhead, Cause, CircuitBreaker, Error, Fallback, Hedge, KeyedRateLimiter, Pipeline, Quota,
    RateLimiter, Retry, RetryBudget, Scope, Stop, Verdict,
};
use backstay_tower::{
    BulkheadLayer, CircuitBreakerLayer, FallbackLayer, HedgeLayer, KeyedRateLimitLayer, PipelineLayer,
    RateLimitLayer, RetryLayer, TimeoutLayer,
};
use std::error::Error as _;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

fn retry(attempts: u32) -> Retry {
    Retry::builder().max_attempts(attempts).backoff(Backoff::constant(ms(10))).build().expect("it is good")
}

#[test]
fn a_timeout_drops_the_call_and_says_whose_time_it_was() {
    on_sim(async |rt| {
        let inner = slow(&rt, ms(100));
        for (layer, scope) in [
            (TimeoutLayer::attempt(&rt, ms(50)), Scope::Attempt),
            (TimeoutLayer::total(&rt, ms(50)), Scope::Total),
        ] {
            let mut service = ServiceBuilder::new().layer(layer.expect("not zero")).service(inner.clone());
            service.ready().await.expect("ready");
            // The time of the first poll counts.
            let mut call = pin!(service.call(1));
            rt.sleep(ms(70)).await;
            let start = rt.now();
            assert_eq!(call.as_mut().await, Err(Error::TimedOut { scope, limit: ms(50) }));
            assert_eq!((rt.now() - start, inner.held()), (ms(50), (0, 0)));
        }
        // Both at once: there is a response.
        let mut service = ServiceBuilder::new()
            .layer(TimeoutLayer::attempt(&rt, ms(100)).expect("not zero"))
            .service(inner);
        assert_eq!(service.ready().await.expect("ready").call(1).await, Ok(1));
        let zero = TimeoutLayer::attempt(&rt, ms(0)).unwrap_err();
        assert_eq!(zero.to_string(), "invalid `attempt_timeout` = 0s: must be longer than zero");
        assert_eq!(TimeoutLayer::total(&rt, ms(0)).unwrap_err().field(), Some("deadline"));
    });
}

#[test]
fn a_retry_has_its_budget_and_says_why_it_gave_up() {
    on_sim(async |rt| {
        let inner = mock(&rt, |_, _| Err("down"));
        let mut service = ServiceBuilder::new()
            .layer(RetryLayer::new(&rt, retry(3)).expect("it is good"))
            .service(inner.clone());
        let start = rt.now();
        let error = service.ready().await.expect("ready").call(1).await.expect_err("it is down");
        let Error::RetriesExhausted {
            attempts: 3,
            why: Stop::MaxAttempts,
            last: Cause::Operation("down"),
            ..
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!((rt.now() - start, inner.calls()), (ms(20), 3));

        let budget = RetryBudget::ratio(0.1).min_per_second(0).build().expect("it is good");
        let frugal = Retry::builder().budget(&budget).backoff(Backoff::none()).build().expect("it is good");
        let layer = RetryLayer::new(&rt, frugal).expect("it is good");
        let mut service = ServiceBuilder::new().layer(layer).service(inner.clone());
        let error = service.ready().await.expect("ready").call(1).await.expect_err("it is down");
        assert!(matches!(error, Error::RetriesExhausted { why: Stop::Budget, .. }), "{error:?}");
        assert_eq!(inner.calls(), 4);
    });
}

#[test]
fn what_has_no_clone_has_one_attempt() {
    // Not `Clone`, as a body is that comes from a socket.
    struct Body(u32);

    on_sim(async |rt| {
        let calls = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        let service = tower::service_fn(move |body: Body| {
            counted.fetch_add(1, Relaxed);
            std::future::ready(if body.0 == 0 { Ok(()) } else { Err("down") })
        });
        let layer = RetryLayer::new(&rt, retry(5)).expect("it is good");
        let by_hand = |body: &Body| body.0.checked_sub(1).filter(|_| body.0 < 3).map(Body);
        let mut service = ServiceBuilder::new().layer(layer.clone_with(by_hand)).service(service);
        let start = rt.now();
        // 2, 1, 0: the closure made those.
        assert_eq!(service.ready().await.expect("ready").call(Body(2)).await, Ok(()));
        assert_eq!((calls.swap(0, Relaxed), rt.now() - start), (3, ms(20)));
        // It is as it came, and at once.
        assert_eq!(service.ready().await.expect("ready").call(Body(3)).await, Err(Error::Operation("down")));
        assert_eq!((calls.swap(0, Relaxed), rt.now() - start), (1, ms(20)));
    });
}

#[test]
fn a_response_can_be_a_failure() {
    on_sim(async |rt| {
        // Statuses: two that say when to come back, and then one that is good.
        let inner = mock(&rt, |call, _| Ok(if call < 3 { 503 } else { 200 }));
        let by_status = |result: Result<&u32, &Error<&'static str>>| match result {
            Ok(503) => Verdict::failure().after(ms(700)),
            Ok(_) => Verdict::Success,
            Err(error) => Verdict::of_error(error),
        };
        let breaker = CircuitBreaker::named("db").consecutive_failures(2).build().expect("it is good");
        let users = Pipeline::named("users").classify(by_status).retry(retry(3)).breaker(&breaker).build(&rt);
        let mut service = ServiceBuilder::new()
            .layer(PipelineLayer::new(users.expect("it is good")))
            .service(inner.clone());
        let start = rt.now();
        let response = service.ready().await.expect("ready").call(1).await;
        // The second opened the breaker, and there is no limit to wait for it: what there is of a response is lost.
        assert!(response.is_err_and(|error| error.rejected().is_some()));
        assert_eq!((rt.now() - start, inner.calls()), (ms(1_400), 2));
        breaker.reset();
        assert_eq!(service.ready().await.expect("ready").call(1).await, Ok(200));

        // Of a layer alone: the breaker's own.
        let inner = mock(&rt, |_, _| Ok(503));
        let breaker = CircuitBreaker::named("db").consecutive_failures(1).build().expect("it is good");
        let layer = CircuitBreakerLayer::new(&rt, &breaker.classify(by_status));
        let mut service = ServiceBuilder::new().layer(layer).service(inner);
        assert_eq!(service.ready().await.expect("ready").call(1).await, Ok(503));
        // Open for as long as the service said: its default of five seconds is longer.
        assert!(service.ready().await.expect("ready").call(1).await.is_err());
    });
}

#[test]
fn a_fallback_answers_for_everything_but_what_it_is_not_for() {
    on_sim(async |rt| {
        let inner = mock(&rt, |_, request| if request == 0 { Err("not found") } else { Err("down") });
        let guest = Fallback::value(7).when(|error: &Error<&str>| error.operation() == Some(&"not found"));
        let mut service = ServiceBuilder::new().layer(FallbackLayer::new(guest)).service(inner.clone());
        assert_eq!(service.ready().await.expect("ready").call(0).await, Ok(7));
        assert_eq!(service.ready().await.expect("ready").call(1).await, Err(Error::Operation("down")));

        let replica = Fallback::operation({
            let rt = rt.clone();
            move |_: &Error<&'static str>| {
                let rt = rt.clone();
                async move {
                    rt.sleep(ms(10)).await;
                    Err::<u32, _>("so is the replica")
                }
            }
        });
        let mut service = ServiceBuilder::new().layer(FallbackLayer::new(replica)).service(inner);
        let error = service.ready().await.expect("ready").call(1).await.expect_err("both are down");
        let fallback = Cause::Operation("so is the replica");
        assert_eq!(error, Error::FallbackFailed { primary: Cause::Operation("down"), fallback });

        // Over refusals, flat: not for what is broken for good, since nothing was called.
        let one = Bulkhead::new(backstay_core::Limit::ONE);
        let _place = one.try_acquire().expect("it is free");
        let mut service = ServiceBuilder::new()
            .layer(FallbackLayer::new(Fallback::value(9)).flat())
            .layer(BulkheadLayer::new(&rt, &one))
            .service(echo(&rt));
        assert_eq!(service.ready().await.expect("ready").call(1).await, Ok(9));
        let mut service =
            ServiceBuilder::new().layer(FallbackLayer::new(Fallback::value(9))).service(broken(&rt));
        assert_eq!(service.ready().await.map(drop), Err(Error::Operation("broken")));
    });
}

#[test]
fn a_stack_of_layers_has_one_flat_error() {
    on_sim(async |rt| {
        let one = Bulkhead::named("db").max_in_flight(1).build().expect("it is good");
        let limiter = RateLimiter::new(Quota::per_second(1_000).burst(100)).expect("a good quota");
        let keyed =
            KeyedRateLimiter::<u32>::new(&rt, Quota::per_second(1_000).burst(100)).expect("a good quota");
        let breaker = CircuitBreaker::named("db").consecutive_failures(2).build().expect("it is good");
        let inner = mock(&rt, |call, request| if call < 2 { Err("down") } else { Ok(request) });
        let mut service = ServiceBuilder::new()
            .layer(
                FallbackLayer::new(Fallback::value(0).when(|error: &Error<&str>| error.is_timeout())).flat(),
            )
            .layer(TimeoutLayer::total(&rt, ms(500)).expect("not zero").flat())
            .layer(RetryLayer::new(&rt, retry(3)).expect("it is good").flat())
            .layer(KeyedRateLimitLayer::new(&rt, &keyed, |request: &u32| *request).flat())
            .layer(RateLimitLayer::new(&rt, &limiter).flat())
            .layer(BulkheadLayer::new(&rt, &one).flat())
            .layer(CircuitBreakerLayer::new(&rt, &breaker).flat())
            .layer(TimeoutLayer::attempt(&rt, ms(100)).expect("not zero"))
            .service(inner.clone());
        assert_eq!(service.ready().await.expect("ready").call(5).await, Ok(5));
        assert_eq!((inner.calls(), one.in_flight()), (2, 0));

        // The bulkhead is inside the retry: its refusal is known to be one, and no attempt failed before it.
        let place = one.try_acquire().expect("it is free");
        let result: Result<u32, Error<&'static str>> = service.ready().await.expect("ready").call(6).await;
        assert!(matches!(result, Err(Error::Rejected(_))), "{result:?}");
        drop(place);
        assert_eq!(inner.calls(), 2);
    });
}

#[test]
fn an_attempt_takes_its_turn_inside_of_the_retry() {
    on_sim(async |rt| {
        let limiter = RateLimiter::new(Quota::per_second(2)).expect("a good quota");
        let inner = mock(&rt, |call, request| if call < 3 { Err("down") } else { Ok(request) });
        let mut service = ServiceBuilder::new()
            .layer(RetryLayer::new(&rt, retry(3)).expect("it is good").flat())
            .layer(RateLimitLayer::new(&rt, &limiter))
            .service(inner);
        let start = rt.now();
        assert_eq!(service.ready().await.expect("ready").call(5).await, Ok(5));
        assert_eq!(rt.now() - start, ms(1_000));
    });
}

#[test]
fn the_error_is_one_of_the_standard_librarys() {
    on_sim(async |rt| {
        let users = Pipeline::named("users").retry(retry(2)).build(&rt).expect("it is good");
        let mut service = ServiceBuilder::new()
            .map_err(BoxError::from)
            .layer(PipelineLayer::new(users))
            .service_fn(|_: u32| async { Err::<(), _>(io::Error::from(io::ErrorKind::BrokenPipe)) });
        let error: BoxError = service.ready().await.expect("ready").call(1).await.expect_err("it is down");
        let flat = error.downcast_ref::<Error<io::Error>>().expect("one level");
        assert_eq!(flat.operation().map(io::Error::kind), Some(io::ErrorKind::BrokenPipe));
        assert!(
            flat.source().and_then(|cause| cause.source()).is_some_and(|source| source.is::<io::Error>())
        );
    });
}

#[test]
fn a_hedge_goes_to_a_clone_and_what_has_no_clone_has_none() {
    on_sim(async |rt| {
        let layer = || {
            let hedge = Hedge::builder().delay(ms(20)).build().expect("it is good");
            HedgeLayer::new(&rt, hedge).expect("it is good")
        };
        let inner = slow(&rt, ms(100));
        let mut service = ServiceBuilder::new().layer(layer()).service(inner.clone());
        assert_eq!(service.ready().await.expect("ready").call(7).await, Ok(7));
        assert_eq!((inner.calls(), inner.held(), rt.now().as_nanos()), (1, (0, 0), 100_000_000));
        let called = |step: &Step| matches!(step, Step::Called(..));
        assert_eq!(inner.steps().iter().filter(|step| called(step)).count(), 2);

        let inner = slow(&rt, ms(100));
        let mut service =
            ServiceBuilder::new().layer(layer().clone_with(|_: &u32| None)).service(inner.clone());
        assert_eq!(service.ready().await.expect("ready").call(7).await, Ok(7));
        assert_eq!(inner.steps().iter().filter(|step| called(step)).count(), 1);
    });
}

#[test]
fn a_hedge_that_is_refused_inside_ends_nothing() {
    on_sim(async |rt| {
        let hedge = Hedge::builder().delay(ms(20)).build().expect("it is good");
        let one = Bulkhead::named("db").max_in_flight(1).build().expect("it is good");
        let inner = slow(&rt, ms(100));
        let mut service = ServiceBuilder::new()
            .layer(HedgeLayer::new(&rt, hedge).expect("it is good").flat())
            .layer(BulkheadLayer::new(&rt, &one))
            .service(inner.clone());
        assert_eq!(service.ready().await.expect("ready").call(7).await, Ok(7));
        assert_eq!((inner.calls(), rt.now().as_nanos()), (1, 100_000_000));
        assert_eq!((one.in_flight(), one.waiting(), inner.held()), (0, 0, (0, 0)));
    });
}
