//! Calls that are dropped at every poll, and tasks that are aborted there.

use super::kit::{Mock, Running, mock, ms, passed};
use backstay::Runtime;
use backstay::testing::{Sim, Subject, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::resilience::{
    Backoff, Bulkhead, CircuitBreaker, Error, Fallback, Pipeline, Quota, RateLimiter, Retry, RetryBudget,
};
use backstay_tower::{
    BulkheadLayer, CircuitBreakerLayer, FallbackLayer, PipelineLayer, RateLimitLayer, RetryLayer,
    TimeoutLayer, operation,
};
use std::task::{Context, Poll};
use tower::util::BoxCloneService;
use tower::{Service, ServiceBuilder, ServiceExt};

/// What there is to hold.
#[derive(Clone)]
struct Held {
    limiter: RateLimiter,
    bulkhead: Bulkhead,
    breaker: CircuitBreaker,
    budget: RetryBudget,
    inner: Mock<Sim>,
}

/// A mock whose calls take a millisecond.
#[derive(Clone)]
struct Slowly(Mock<Sim>, Sim);

impl Service<u32> for Slowly {
    type Response = u32;
    type Error = &'static str;
    type Future = Running<Result<u32, &'static str>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: u32) -> Self::Future {
        let (call, rt) = (self.0.call(request), self.1.clone());
        Box::pin(async move {
            rt.sleep(ms(1)).await;
            call.await
        })
    }
}

const RETRIES: u64 = 100;

/// A breaker that is half-open, with one probe; one place and one turn, which somebody has.
async fn held(rt: &Sim) -> Held {
    let breaker =
        CircuitBreaker::named("db").consecutive_failures(1).open_for(ms(1)).build().expect("it is good");
    breaker.try_acquire(rt.now()).expect("it passes").failure(rt.now());
    rt.sleep(ms(2)).await;
    Held {
        limiter: RateLimiter::new(Quota::per_second(100)).expect("a good quota"),
        bulkhead: Bulkhead::named("db").max_in_flight(1).max_waiting(9).build().expect("it is good"),
        breaker,
        budget: RetryBudget::token_bucket().build().expect("it is good"),
        inner: mock(rt, |call, request| if call % 2 == 1 { Err("down") } else { Ok(request) }),
    }
}

type Stack = BoxCloneService<u32, u32, Error<&'static str>>;

fn retry(held: &Held) -> Retry {
    let builder = Retry::builder().max_attempts(3).backoff(Backoff::constant(ms(3))).budget(&held.budget);
    builder.build().expect("it is good")
}

/// Layer over layer.
fn layers(rt: &Sim, held: &Held) -> Stack {
    let stack = ServiceBuilder::new()
        .layer(FallbackLayer::new(Fallback::value(0).when(|_: &Error<&str>| false)).flat())
        .layer(TimeoutLayer::total(rt, ms(900)).expect("not zero").flat())
        .layer(RetryLayer::new(rt, retry(held)).expect("it is good").flat())
        .layer(RateLimitLayer::new(rt, &held.limiter).flat())
        .layer(BulkheadLayer::new(rt, &held.bulkhead).flat())
        .layer(CircuitBreakerLayer::new(rt, &held.breaker).flat())
        .layer(TimeoutLayer::attempt(rt, ms(90)).expect("not zero"));
    BoxCloneService::new(stack.service(Slowly(held.inner.clone(), rt.clone())))
}

/// A pipeline, in one layer.
fn pipeline(rt: &Sim, held: &Held) -> Stack {
    let pipeline = Pipeline::named("users")
        .fallback(Fallback::value(0).when(|_: &Error<&str>| false))
        .deadline(ms(900))
        .retry(retry(held))
        .rate_limit(&held.limiter)
        .bulkhead(&held.bulkhead)
        .breaker(&held.breaker)
        .attempt_timeout(ms(90))
        .build(rt)
        .expect("it is good");
    BoxCloneService::new(PipelineLayer::new(pipeline).layer_on(Slowly(held.inner.clone(), rt.clone())))
}

/// `Layer::layer`, at the end of a line.
trait LayerOn<S>: tower::Layer<S> + Sized {
    fn layer_on(self, inner: S) -> Self::Service {
        self.layer(inner)
    }
}

impl<S, L: tower::Layer<S>> LayerOn<S> for L {}

fn sweep(stack: impl Fn(&Sim, &Held) -> Stack) {
    let scenario = |rt: Sim, subject: Subject| {
        let stack = &stack;
        async move {
            let held = held(&rt).await;
            let mut service = stack(&rt, &held);
            // Somebody else has the place and the turn, for a while.
            let place = held.bulkhead.try_acquire_owned().expect("it is free");
            let _turn = held.limiter.try_acquire(rt.now()).expect("it is there");
            let other = rt.spawn({
                let rt = rt.clone();
                async move {
                    rt.sleep(ms(15)).await;
                    drop(place);
                }
            });
            let call = async move { service.ready().await?.call(7).await };
            subject.spawn(&rt, call).await;
            other.await.expect("no panic");
            held
        }
    };
    let check = |rt: Sim, held: Held| async move {
        let Held { limiter, bulkhead, breaker, budget, inner } = held;
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting(), limiter.waiting()), (0, 0, 0));
        assert_eq!(inner.held(), (0, 0));
        assert_eq!(budget.available(rt.now()), RETRIES);
        rt.sleep(ms(20_000)).await;
        assert_eq!(limiter.available(rt.now()), 1);
        // The probe's place is free again.
        assert!(breaker.would_permit(rt.now()));
    };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 4);
    passed(abort_sweep(scenario, check));
    passed(panic_sweep(scenario, check));
}

#[test]
fn layers_hold_nothing_wherever_a_call_is_cut() {
    sweep(layers);
}

#[test]
fn a_pipelines_layer_holds_nothing_wherever_a_call_is_cut() {
    sweep(pipeline);
}

#[test]
fn a_service_as_an_operation_holds_nothing_wherever_it_is_cut() {
    let scenario = |rt: Sim, subject: Subject| async move {
        let held = held(&rt).await;
        let users = Pipeline::named("users").retry(retry(&held)).build(&rt).expect("it is good");
        let service =
            BulkheadLayer::new(&rt, &held.bulkhead).layer_on(Slowly(held.inner.clone(), rt.clone()));
        subject.run(async { users.call(operation(service, 7)).await.is_ok() }).await;
        held
    };
    let check = |_, held: Held| async move {
        assert_eq!((held.bulkhead.in_flight(), held.bulkhead.waiting(), held.inner.held()), (0, 0, (0, 0)));
    };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 3);
}

#[test]
fn a_call_outlives_its_service_and_its_layer() {
    super::kit::on_sim(async |rt| {
        let held = held(&rt).await;
        let mut service = pipeline(&rt, &held);
        service.ready().await.expect("ready");
        let call = service.call(7);
        drop(service);
        // Nothing but the call has the pipeline now, and the call is moved before it is polled.
        let task = rt.spawn(call);
        assert!(task.await.expect("no panic").is_ok() || held.inner.calls() > 0);
    });
}
