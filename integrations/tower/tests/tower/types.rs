//! `Send`, `Sync` and `Unpin` of the public types are part of the interface.

use super::kit::{echo, on_sim};
use backstay::Runtime;
use backstay::testing::Sim;
use backstay_core::resilience::{
    DefaultOrder, Error, Fallback, Inherit, OwnedBulkheadPermit, Pipeline, Retry, Value,
};
use backstay_tower::{
    BulkheadLayer, BulkheadService, CircuitBreakerFuture, CircuitBreakerLayer, CircuitBreakerService, Cloned,
    FallbackFuture, FallbackLayer, FallbackService, Flat, HedgeLayer, KeyedRateLimitLayer,
    KeyedRateLimitService, Once, PipelineFuture, PipelineLayer, PipelineService, Plain, RateLimitLayer,
    RateLimitService, ResponseFuture, RetryLayer, Sending, TimeoutFuture, TimeoutLayer, TimeoutService,
};
use std::cell::Cell;
use std::future::Ready;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tower::{Layer, Service, ServiceExt};

/// Whether a type has a trait, also where the compiler would refuse to compile a bound.
macro_rules! has {
    ($type:ty: $trait:path) => {{
        #[allow(dead_code, reason = "not taken where the bound holds")]
        trait No {
            const HAS: bool = false;
        }
        impl<T: ?Sized> No for T {}
        struct Of<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code, reason = "not taken where the bound fails")]
        impl<T: ?Sized + $trait> Of<T> {
            const HAS: bool = true;
        }
        <Of<$type>>::HAS
    }};
}

/// `type: Send, Sync, Unpin` as they must be.
macro_rules! pinned {
    ($($type:ty: $send:literal $sync:literal $unpin:literal;)*) => {
        $(assert_eq!(
            (has!($type: Send), has!($type: Sync), has!($type: Unpin)),
            ($send, $sync, $unpin),
            stringify!($type),
        );)*
    };
}

/// A service that can go anywhere, and one that can't.
#[derive(Clone)]
struct Anywhere;
#[derive(Clone)]
struct Here(#[allow(dead_code, reason = "for what it is not")] Rc<()>);

macro_rules! service {
    ($($service:ty => $future:ty;)*) => {
        $(impl Service<u32> for $service {
            type Response = u32;
            type Error = &'static str;
            type Future = $future;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, _: u32) -> Self::Future {
                unreachable!("nobody calls it")
            }
        })*
    };
}

type Answer = Ready<Result<u32, &'static str>>;

/// A future that must be pinned.
struct Pinned(#[allow(dead_code, reason = "for what it is not")] PhantomPinned);

impl Future for Pinned {
    type Output = Result<u32, &'static str>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Pending
    }
}

#[derive(Clone)]
struct Pinning;

service! {
    Anywhere => Answer;
    Here => Answer;
    Pinning => Pinned;
}

type Key = fn(&u32) -> u32;
type Policies = DefaultOrder;
type Guest = Value<u32>;
type Failed = &'static str;

#[test]
fn auto_traits() {
    pinned! {
        BulkheadLayer<Sim>: true true true;
        RateLimitLayer<Sim, Flat>: true true true;
        KeyedRateLimitLayer<Sim, u32, Key>: true true true;
        CircuitBreakerLayer<Sim>: true true true;
        TimeoutLayer<Sim>: true true true;
        FallbackLayer<Guest>: true true true;
        PipelineLayer<Sim, Policies>: true true true;
        HedgeLayer<Sim>: true true true;
        RetryLayer<Sim>: true true true;
        Cloned: true true true;
        Once: true true true;
        Plain: true true true;
        Flat: true true true;

        BulkheadService<Anywhere, Sim>: true true true;
        RateLimitService<Anywhere, Sim>: true true true;
        KeyedRateLimitService<Anywhere, Sim, u32, Key>: true true true;
        CircuitBreakerService<Anywhere, Sim>: true true true;
        TimeoutService<Anywhere, Sim>: true true true;
        FallbackService<Anywhere, Guest>: true true true;
        PipelineService<Anywhere, Sim, Policies>: true true true;
        // As far as the service inside is.
        BulkheadService<Here, Sim>: false false true;
        TimeoutService<Here, Sim>: false false true;
        PipelineService<Here, Sim, Policies>: false false true;

        ResponseFuture<Answer, OwnedBulkheadPermit>: true true true;
        CircuitBreakerFuture<Answer, Sim, Inherit>: true true true;
        FallbackFuture<Answer, Answer, Guest, backstay_core::resilience::Always, Failed>: true true true;
        Sending<Anywhere, u32>: true true true;
        Sending<Here, u32>: false false true;
        // As far as the future inside is.
        ResponseFuture<Pinned, OwnedBulkheadPermit>: true true false;
        CircuitBreakerFuture<Pinned, Sim, Inherit>: true true false;
        TimeoutFuture<Pinned, Sim>: true true false;
        Sending<Pinning, u32>: true true false;
        // Boxed: it moves, and is polled by one at a time.
        PipelineFuture<Cell<u32>, Failed>: true false true;
    }
}

/// What a user's function asks for who puts a pipeline around any service.
fn guarded<S, R>(
    rt: &R,
    inner: S,
) -> impl Service<u32, Response = u32, Error = Error<Failed>, Future: Send> + Clone
where
    S: Service<u32, Response = u32, Error = Failed, Future: Send> + Clone + Send + 'static,
    R: Runtime,
{
    let users = Pipeline::named("users").fallback(Fallback::value(0)).retry(Retry::default()).build(rt);
    PipelineLayer::new(users.expect("it is good")).layer(inner)
}

#[test]
fn a_pipeline_goes_around_any_service() {
    on_sim(async |rt| {
        assert_eq!(guarded(&rt, echo(&rt)).oneshot(7).await, Ok(7));
    });
}
