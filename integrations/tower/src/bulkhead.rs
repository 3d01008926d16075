//! At most so many calls at a time.

use crate::turn::Turn;
use crate::{Flat, InnerError, Plain, ResponseFuture};
use backstay_core::Runtime;
use backstay_core::resilience::{Bulkhead, BulkheadAcquireOwned, Error, OwnedBulkheadPermit};
use std::fmt;
use std::marker::PhantomData;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// At most so many calls at a time, over all services that a [`Bulkhead`] is in.
///
/// **Ready is: it has a place.** `poll_ready` waits for it in the bulkhead's queue, first come, first served, as long
/// as the bulkhead lets anybody wait; then for the service inside. `call` takes the place along, and it is free again
/// when the call has ended. A service that is dropped gives back its place, or leaves the queue; a clone has none.
///
/// By default a bulkhead lets nobody wait. Who is refused is *ready*, and the call gives the refusal without calling
/// anything: an error of `poll_ready` means to tower that a service is broken for good. It is ready until the call: asked
/// again before that it takes a place that is free, and does not wait for one. For nothing but backpressure give it a
/// [`max_waiting`](backstay_core::resilience::BulkheadBuilder::max_waiting) of `usize::MAX`.
///
/// # Errors
///
/// Of a call: [`Error::Operation`]; [`Error::Rejected`], or [`Error::TimedOut`] with
/// [`Scope::Queue`](backstay_core::resilience::Scope::Queue), without one. Of `poll_ready`: those of the service
/// inside.
///
/// # Cancel safety
///
/// The future of a call, dropped, drops the one inside and gives the place back.
///
/// # Cost
///
/// A place that is free costs no allocation; who has to wait for one, one.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::Bulkhead;
/// use backstay_tower::BulkheadLayer;
/// use std::convert::Infallible;
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// Sim::builder().run(|rt: Sim| async move {
///     let bulkhead = Bulkhead::named("db").max_in_flight(1).max_waiting(9).build().expect("it is good");
///     let mut users = ServiceBuilder::new()
///         .layer(BulkheadLayer::new(&rt, &bulkhead))
///         .service_fn(|id: u32| async move { Ok::<_, Infallible>(id) });
///     users.ready().await.expect("there is a place");
///     assert_eq!(bulkhead.in_flight(), 1); // reserved, before there is a call
///     assert_eq!(users.call(7).await, Ok(7));
///     assert_eq!(bulkhead.in_flight(), 0);
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "ConcurrencyLimitLayer")]
pub struct BulkheadLayer<R, M = Plain> {
    rt: R,
    bulkhead: Bulkhead,
    mode: PhantomData<fn() -> M>,
}

impl<R: Runtime> BulkheadLayer<R> {
    /// One with the places of this bulkhead.
    pub fn new(rt: &R, bulkhead: &Bulkhead) -> Self {
        Self { rt: rt.clone(), bulkhead: bulkhead.clone(), mode: PhantomData }
    }

    /// The same over a service that is under policies already: its [`Error`] stays as it is.
    pub fn flat(self) -> BulkheadLayer<R, Flat> {
        BulkheadLayer { rt: self.rt, bulkhead: self.bulkhead, mode: PhantomData }
    }
}

impl<S, R: Runtime, M> Layer<S> for BulkheadLayer<R, M> {
    type Service = BulkheadService<S, R, M>;

    fn layer(&self, inner: S) -> Self::Service {
        BulkheadService { inner, turn: Turn::Idle, layer: self.clone() }
    }
}

/// The service of [`BulkheadLayer`].
pub struct BulkheadService<S, R: Runtime, M = Plain> {
    // Before the turn: what is inside is given back first.
    inner: S,
    turn: Turn<BulkheadAcquireOwned<R>, OwnedBulkheadPermit>,
    layer: BulkheadLayer<R, M>,
}

impl<S, Req, R, M> Service<Req> for BulkheadService<S, R, M>
where
    S: Service<Req>,
    R: Runtime,
    M: InnerError<S::Error>,
{
    type Response = S::Response;
    type Error = Error<M::Operation>;
    type Future = ResponseFuture<S::Future, OwnedBulkheadPermit, M>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let Self { inner, turn, layer } = self;
        turn.poll_ready(|| layer.bulkhead.acquire_owned(&layer.rt), |cx| inner.poll_ready(cx), cx)
            .map_err(M::flatten)
    }

    /// # Panics
    ///
    /// If it is not ready.
    fn call(&mut self, request: Req) -> Self::Future {
        match self.turn.take() {
            Ok(permit) => ResponseFuture::called(self.inner.call(request), permit),
            Err(rejected) => ResponseFuture::refused(rejected),
        }
    }
}

impl<R: Clone, M> Clone for BulkheadLayer<R, M> {
    fn clone(&self) -> Self {
        Self { rt: self.rt.clone(), bulkhead: self.bulkhead.clone(), mode: PhantomData }
    }
}

/// A clone is not ready, whatever the original is.
impl<S: Clone, R: Runtime, M> Clone for BulkheadService<S, R, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), turn: Turn::Idle, layer: self.layer.clone() }
    }
}

impl<R, M> fmt::Debug for BulkheadLayer<R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BulkheadLayer").field(&self.bulkhead).finish()
    }
}

impl<S: fmt::Debug, R: Runtime, M> fmt::Debug for BulkheadService<S, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, turn, layer } = self;
        f.debug_struct("BulkheadService")
            .field("inner", inner)
            .field("turn", turn)
            .field("bulkhead", &layer.bulkhead)
            .finish()
    }
}
