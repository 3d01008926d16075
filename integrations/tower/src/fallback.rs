//! Another answer where there is none.

use crate::{Flat, InnerError, Plain};
use backstay_core::resilience::{Always, Cause, Error, Fallback, Substitute, WhichErrors};
use pin_project_lite::pin_project;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// Another response where the service has none, by a [`Fallback`].
///
/// It belongs outermost. It needs no runtime: whatever waits is inside.
///
/// # Errors
///
/// Of a call: that of the service inside where the fallback is not for it; [`Error::FallbackFailed`] where that failed
/// too. Of `poll_ready`: those of the service inside, for which there is no fallback: nothing was called.
///
/// # Cancel safety
///
/// The future of a call, dropped, drops the one inside, or that of the fallback.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::Fallback;
/// use backstay_tower::FallbackLayer;
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// futures::executor::block_on(async {
///     let mut users = ServiceBuilder::new()
///         .layer(FallbackLayer::new(Fallback::value("a guest")))
///         .service_fn(|id: u32| async move { if id == 1 { Ok("Ada") } else { Err("not found") } });
///     assert_eq!(users.ready().await.unwrap().call(1).await, Ok("Ada"));
///     assert_eq!(users.ready().await.unwrap().call(2).await, Ok("a guest"));
/// });
/// ```
pub struct FallbackLayer<U, P = Always, M = Plain> {
    fallback: Arc<Fallback<U, P>>,
    mode: PhantomData<fn() -> M>,
}

impl<U, P> FallbackLayer<U, P> {
    /// One with this fallback.
    pub fn new(fallback: Fallback<U, P>) -> Self {
        Self { fallback: Arc::new(fallback), mode: PhantomData }
    }

    /// The same over a service that is under policies already: its [`Error`] stays as it is.
    pub fn flat(self) -> FallbackLayer<U, P, Flat> {
        FallbackLayer { fallback: self.fallback, mode: PhantomData }
    }
}

impl<S, U, P, M> Layer<S> for FallbackLayer<U, P, M> {
    type Service = FallbackService<S, U, P, M>;

    fn layer(&self, inner: S) -> Self::Service {
        FallbackService { inner, layer: self.clone() }
    }
}

/// The service of [`FallbackLayer`].
pub struct FallbackService<S, U, P = Always, M = Plain> {
    inner: S,
    layer: FallbackLayer<U, P, M>,
}

impl<S, Req, U, P, M> Service<Req> for FallbackService<S, U, P, M>
where
    S: Service<Req>,
    U: Substitute<S::Response, M::Operation>,
    P: WhichErrors<M::Operation>,
    M: InnerError<S::Error>,
{
    type Response = S::Response;
    type Error = Error<M::Operation>;
    type Future = FallbackFuture<S::Future, U::Future, U, P, M::Operation, M>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(M::flatten)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        FallbackFuture {
            state: State::Primary { future: self.inner.call(request) },
            layer: self.layer.clone(),
        }
    }
}

pin_project! {
    /// The future of [`FallbackService`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the future of the service inside, or that of the fallback.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct FallbackFuture<F, G, U, P, E, M = Plain> {
        #[pin]
        state: State<F, G, E>,
        layer: FallbackLayer<U, P, M>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, G, E> {
        Primary { #[pin] future: F },
        Substitute { #[pin] future: G, primary: Option<Cause<E>> },
        Done,
    }
}

impl<T, I, F, U, P, M> Future for FallbackFuture<F, U::Future, U, P, M::Operation, M>
where
    F: Future<Output = Result<T, I>>,
    U: Substitute<T, M::Operation>,
    P: WhichErrors<M::Operation>,
    M: InnerError<I>,
{
    type Output = Result<T, Error<M::Operation>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let StateProj::Primary { future } = this.state.as_mut().project() {
            let result = ready!(future.poll(cx)).map_err(M::flatten);
            // It has given back what it held before anybody is asked for something else.
            this.state.set(State::Done);
            let error = match result {
                Err(error) => error,
                response => return Poll::Ready(response),
            };
            let Some(future) = this.layer.fallback.substitute(&error) else {
                return Poll::Ready(Err(error));
            };
            this.state.set(State::Substitute { future, primary: error.into_cause() });
        }
        let StateProj::Substitute { future, primary } = this.state.as_mut().project() else {
            unreachable!("it is not polled again once it was ready");
        };
        let result = ready!(future.poll(cx));
        let primary = primary.take();
        this.state.set(State::Done);
        Poll::Ready(result.map_err(|error| match primary {
            Some(primary) => Error::FallbackFailed { primary, fallback: Cause::Operation(error) },
            // There is no fallback for what was cancelled.
            None => Error::Cancelled,
        }))
    }
}

impl<U, P, M> Clone for FallbackLayer<U, P, M> {
    fn clone(&self) -> Self {
        Self { fallback: Arc::clone(&self.fallback), mode: PhantomData }
    }
}

impl<S: Clone, U, P, M> Clone for FallbackService<S, U, P, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<U, P, M> fmt::Debug for FallbackLayer<U, P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FallbackLayer").field(&self.fallback).finish()
    }
}

impl<S: fmt::Debug, U, P, M> fmt::Debug for FallbackService<S, U, P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<F, G, U, P, E, M> fmt::Debug for FallbackFuture<F, G, U, P, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackFuture").finish_non_exhaustive()
    }
}
