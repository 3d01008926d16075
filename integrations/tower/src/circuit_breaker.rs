//! No calls to what is down.

use crate::{Flat, InnerError, Plain};
use backstay_core::Runtime;
use backstay_core::resilience::{CircuitBreaker, Classify, Error, Inherit, OwnedCircuitPermit, Rejected};
use pin_project_lite::pin_project;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// No calls to what is down, by a [`CircuitBreaker`] that all its services share.
///
/// **An open breaker does not make the service unready.** `poll_ready` is that of the service inside, and `call` is
/// refused at once, with the typed error and the time after which to come back. The other ways are worse: an error of
/// `poll_ready` means to tower that a service is broken for good, and it may be thrown away; a service that is pending
/// until the breaker's time is over makes every caller wait for what a breaker is there to tell it at once, and holds a
/// probe's place for who may never call.
///
/// What the service inside has reserved for a call that is refused, it keeps for the next call, or until it is dropped.
/// So put the breaker inside a bulkhead and a rate limiter, or let a [`PipelineLayer`](crate::PipelineLayer) do it,
/// which gives back at once.
///
/// What is a failure says the breaker's [classifier](CircuitBreaker::classify), also of responses.
///
/// # Errors
///
/// Of a call: [`Error::Operation`]; [`Error::Rejected`] without one. Of `poll_ready`: those of the service inside.
///
/// # Cancel safety
///
/// The future of a call, dropped, counts nothing; a probe gives its place back.
///
/// # Cost
///
/// Two readings of the clock a call, no allocation.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{CircuitBreaker, Error, Verdict};
/// use backstay_tower::CircuitBreakerLayer;
/// use std::convert::Infallible;
/// use std::time::Duration;
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// Sim::builder().run(|rt: Sim| async move {
///     let breaker = CircuitBreaker::named("users").consecutive_failures(1).open_for(Duration::from_secs(9)).build();
///     // A status is no error, and a failure all the same.
///     let breaker = breaker.expect("it is good").classify(|result: Result<&u16, &Error<Infallible>>| match result {
///         Ok(500..) => Verdict::failure(),
///         Ok(_) => Verdict::Success,
///         Err(error) => Verdict::of_error(error),
///     });
///     let mut users = ServiceBuilder::new()
///         .layer(CircuitBreakerLayer::new(&rt, &breaker))
///         .service_fn(|status: u16| async move { Ok::<_, Infallible>(status) });
///     assert_eq!(users.ready().await.unwrap().call(503).await, Ok(503));
///     let refused = users.ready().await.unwrap().call(200).await.unwrap_err();
///     assert_eq!(refused.retry_after(), Some(Duration::from_secs(9)));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
pub struct CircuitBreakerLayer<R, D = Inherit, M = Plain> {
    rt: R,
    breaker: CircuitBreaker<D>,
    mode: PhantomData<fn() -> M>,
}

impl<R: Runtime, D: Clone> CircuitBreakerLayer<R, D> {
    /// One with this breaker, and its classifier.
    pub fn new(rt: &R, breaker: &CircuitBreaker<D>) -> Self {
        Self { rt: rt.clone(), breaker: breaker.clone(), mode: PhantomData }
    }

    /// The same over a service that is under policies already: its [`Error`] stays as it is.
    pub fn flat(self) -> CircuitBreakerLayer<R, D, Flat> {
        CircuitBreakerLayer { rt: self.rt, breaker: self.breaker, mode: PhantomData }
    }
}

impl<S, R: Runtime, D: Clone, M> Layer<S> for CircuitBreakerLayer<R, D, M> {
    type Service = CircuitBreakerService<S, R, D, M>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreakerService { inner, layer: self.clone() }
    }
}

/// The service of [`CircuitBreakerLayer`].
pub struct CircuitBreakerService<S, R, D = Inherit, M = Plain> {
    inner: S,
    layer: CircuitBreakerLayer<R, D, M>,
}

impl<S, Req, R, D, M> Service<Req> for CircuitBreakerService<S, R, D, M>
where
    S: Service<Req>,
    R: Runtime,
    D: Classify<S::Response, M::Operation> + Clone,
    M: InnerError<S::Error>,
{
    type Response = S::Response;
    type Error = Error<M::Operation>;
    type Future = CircuitBreakerFuture<S::Future, R, D, M>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(M::flatten)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let state = match self.layer.breaker.try_acquire_owned(self.layer.rt.now()) {
            Ok(permit) => State::Called { future: self.inner.call(request), permit: Some(permit) },
            Err(rejected) => State::Refused { rejected },
        };
        CircuitBreakerFuture { state, layer: self.layer.clone() }
    }
}

pin_project! {
    /// The future of [`CircuitBreakerService`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the future of the service inside and counts nothing.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct CircuitBreakerFuture<F, R, D, M = Plain> {
        #[pin]
        state: State<F>,
        layer: CircuitBreakerLayer<R, D, M>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Called {
            // Before the permit: it has ended when a probe's place is another's.
            #[pin]
            future: F,
            permit: Option<OwnedCircuitPermit>,
        },
        Refused { rejected: Rejected },
        Done,
    }
}

impl<T, I, F, R, D, M> Future for CircuitBreakerFuture<F, R, D, M>
where
    F: Future<Output = Result<T, I>>,
    R: Runtime,
    D: Classify<T, M::Operation>,
    M: InnerError<I>,
{
    type Output = Result<T, Error<M::Operation>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (result, permit) = match this.state.as_mut().project() {
            StateProj::Called { future, permit } => {
                (ready!(future.poll(cx)).map_err(M::flatten), permit.take())
            }
            StateProj::Refused { rejected } => (Err((*rejected).into()), None),
            StateProj::Done => unreachable!("it is not polled again once it was ready"),
        };
        this.state.set(State::Done);
        if let Some(permit) = permit {
            let verdict = this.layer.breaker.classifier().classify(result.as_ref());
            permit.record(verdict, this.layer.rt.now());
        }
        Poll::Ready(result)
    }
}

impl<R: Clone, D: Clone, M> Clone for CircuitBreakerLayer<R, D, M> {
    fn clone(&self) -> Self {
        Self { rt: self.rt.clone(), breaker: self.breaker.clone(), mode: PhantomData }
    }
}

impl<S: Clone, R: Clone, D: Clone, M> Clone for CircuitBreakerService<S, R, D, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<R, D, M> fmt::Debug for CircuitBreakerLayer<R, D, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CircuitBreakerLayer").field(&self.breaker).finish()
    }
}

impl<S: fmt::Debug, R, D, M> fmt::Debug for CircuitBreakerService<S, R, D, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, layer } = self;
        f.debug_struct("CircuitBreakerService")
            .field("inner", inner)
            .field("breaker", &layer.breaker)
            .finish()
    }
}

impl<F, R, D, M> fmt::Debug for CircuitBreakerFuture<F, R, D, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerFuture").field("breaker", &self.layer.breaker).finish_non_exhaustive()
    }
}
