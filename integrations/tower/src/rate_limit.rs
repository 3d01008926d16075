//! At most so many calls in a time.

use crate::turn::Turn;
use crate::{Flat, InnerError, Plain, ResponseFuture};
use backstay_core::Runtime;
use backstay_core::resilience::{AcquireRateOwned, Error, RateLimiter, Reservation};
use std::fmt;
use std::marker::PhantomData;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// At most so many calls in a time, over all services that a [`RateLimiter`] is in.
///
/// **Ready is: it has its turn.** `poll_ready` waits for it in the limiter's queue, first come, first served; then for
/// the service inside. `call` spends it. A service that is dropped unused gives its turn back, as far as it has not
/// been refilled since, or leaves the queue; a clone has none. However often it is cloned, the limit is the limiter's:
/// tower's own can't be cloned, so that many who call need a buffer.
///
/// Where the limiter has a [`max_wait`](backstay_core::resilience::RateLimiterBuilder::max_wait) that is too short, or
/// a full queue, the service is *ready*, and the call gives the refusal with the time after which to come back, without
/// calling anything: an error of `poll_ready` means to tower that a service is broken for good. It is ready until the
/// call: asked again before that it takes a turn that is there, and does not wait for one.
///
/// # Errors
///
/// Of a call: [`Error::Operation`]; [`Error::Rejected`], or [`Error::TimedOut`] with
/// [`Scope::Queue`](backstay_core::resilience::Scope::Queue), without one. Of `poll_ready`: those of the service
/// inside.
///
/// # Cancel safety
///
/// Once `call` was called the turn is spent, whatever becomes of the future.
///
/// # Cost
///
/// A turn that is there costs a reading of the clock and no allocation; who has to wait for one, one allocation.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{Quota, RateLimiter};
/// use backstay_tower::RateLimitLayer;
/// use std::convert::Infallible;
/// use std::time::Duration;
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let limiter = RateLimiter::new(Quota::per_second(10).burst(10)).expect("a good quota");
///     let mut users = ServiceBuilder::new()
///         .layer(RateLimitLayer::new(&rt, &limiter))
///         .service_fn(|id: u32| async move { Ok::<_, Infallible>(id) });
///     for id in 0..20 {
///         assert_eq!(users.ready().await.expect("it waits").call(id).await, Ok(id));
///     }
/// })?;
/// assert_eq!(run.elapsed, Duration::from_secs(1)); // ten at once, and ten at their rate
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "throttle")]
pub struct RateLimitLayer<R, M = Plain> {
    rt: R,
    limiter: RateLimiter,
    mode: PhantomData<fn() -> M>,
}

impl<R: Runtime> RateLimitLayer<R> {
    /// One with the turns of this limiter.
    pub fn new(rt: &R, limiter: &RateLimiter) -> Self {
        Self { rt: rt.clone(), limiter: limiter.clone(), mode: PhantomData }
    }

    /// The same over a service that is under policies already: its [`Error`] stays as it is.
    pub fn flat(self) -> RateLimitLayer<R, Flat> {
        RateLimitLayer { rt: self.rt, limiter: self.limiter, mode: PhantomData }
    }
}

impl<S, R: Runtime, M> Layer<S> for RateLimitLayer<R, M> {
    type Service = RateLimitService<S, R, M>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimitService { inner, turn: Turn::Idle, layer: self.clone() }
    }
}

/// The service of [`RateLimitLayer`].
pub struct RateLimitService<S, R: Runtime, M = Plain> {
    // Before the turn: what is inside is given back first.
    inner: S,
    turn: Turn<AcquireRateOwned<R>, Reservation>,
    layer: RateLimitLayer<R, M>,
}

impl<S, Req, R, M> Service<Req> for RateLimitService<S, R, M>
where
    S: Service<Req>,
    R: Runtime,
    M: InnerError<S::Error>,
{
    type Response = S::Response;
    type Error = Error<M::Operation>;
    type Future = ResponseFuture<S::Future, (), M>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let Self { inner, turn, layer } = self;
        turn.poll_ready(|| layer.limiter.acquire_owned(&layer.rt), |cx| inner.poll_ready(cx), cx)
            .map_err(M::flatten)
    }

    /// # Panics
    ///
    /// If it is not ready.
    fn call(&mut self, request: Req) -> Self::Future {
        match self.turn.take() {
            Ok(turn) => {
                turn.commit();
                ResponseFuture::called(self.inner.call(request), ())
            }
            Err(rejected) => ResponseFuture::refused(rejected),
        }
    }
}

impl<R: Clone, M> Clone for RateLimitLayer<R, M> {
    fn clone(&self) -> Self {
        Self { rt: self.rt.clone(), limiter: self.limiter.clone(), mode: PhantomData }
    }
}

/// A clone is not ready, whatever the original is.
impl<S: Clone, R: Runtime, M> Clone for RateLimitService<S, R, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), turn: Turn::Idle, layer: self.layer.clone() }
    }
}

impl<R, M> fmt::Debug for RateLimitLayer<R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RateLimitLayer").field(&self.limiter).finish()
    }
}

impl<S: fmt::Debug, R: Runtime, M> fmt::Debug for RateLimitService<S, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, turn, layer } = self;
        f.debug_struct("RateLimitService")
            .field("inner", inner)
            .field("turn", turn)
            .field("limiter", &layer.limiter)
            .finish()
    }
}
