//! A whole pipeline around a service.

mod attempts;

use crate::{CloneRequest, Cloned, Flat, InnerError, Once, Plain, Sending};
use attempts::Attempts;
use backstay_core::Runtime;
use backstay_core::resilience::{Classify, Error, Inherit, Layer as Policies, Pipeline};
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// All the policies of a [`Pipeline`] around a service, as one layer with one flat [`Error`].
///
/// The policies, their order and what they share are the pipeline's: a call of the service is a call of the pipeline,
/// whose operation is a call of the service inside.
///
/// **Ready is: the service inside is.** The first attempt has that very service, and a clone that is not ready stays
/// behind. Each further attempt has a clone of its own, which has to become ready first: in the attempt's time. A call
/// that a policy refuses drops the service that was ready, and so gives back at once what that had reserved: before a
/// fallback that takes its time begins.
///
/// The pipeline's own bulkhead and rate limiter are asked by the call, for each attempt, and not by `poll_ready`: what
/// the service inside has reserved is kept while the first attempt waits for those. Where
/// callers are to be kept waiting before they make a request, a [`BulkheadLayer`](crate::BulkheadLayer) or a
/// [`RateLimitLayer`](crate::RateLimitLayer) goes around this one, [flat](Self::flat), or inside of it, where every
/// attempt takes its turn.
///
/// Requests are cloned for further attempts: before each is sent, since afterwards it is gone. A pipeline without a
/// retry needs no clones, and says so with [`once`](Self::once); [`clone_with`](Self::clone_with) says how.
///
/// # Errors
///
/// Of a call: those of [`Pipeline::call`]. Of `poll_ready`: those of the service inside.
///
/// # Cancel safety
///
/// As [`Pipeline::call`].
///
/// # Cost
///
/// One allocation a call, but for those of the pipeline, of the service inside and of the clone of the request: the
/// call's future is boxed, with the pipeline that it borrows. So the service inside, its future and the request are
/// `Send` and `'static`. It clones the service for each call.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{Fallback, Pipeline, Retry};
/// use backstay_tower::PipelineLayer;
/// use std::time::Duration;
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// Sim::builder().run(|rt: Sim| async move {
///     let pipeline = Pipeline::named("users")
///         .fallback(Fallback::value("a guest"))
///         .deadline(Duration::from_secs(2))
///         .retry(Retry::default())
///         .attempt_timeout(Duration::from_millis(500))
///         .build(&rt)
///         .expect("it is good");
///     let mut users = ServiceBuilder::new()
///         .layer(PipelineLayer::new(pipeline))
///         .service_fn(|id: u32| async move { if id == 1 { Ok("Ada") } else { Err("out of order") } });
///     assert_eq!(users.ready().await.unwrap().call(1).await, Ok("Ada"));
///     assert_eq!(users.ready().await.unwrap().call(2).await, Ok("a guest")); // after three attempts
/// })?;
/// # Ok::<(), Failure>(())
/// ```
pub struct PipelineLayer<R, L, C = Inherit, Q = Cloned, M = Plain> {
    pipeline: Arc<Pipeline<R, L, C>>,
    cloning: Q,
    mode: PhantomData<fn() -> M>,
}

impl<R, L, C> PipelineLayer<R, L, C> {
    /// One with this pipeline.
    pub fn new(pipeline: Pipeline<R, L, C>) -> Self {
        Self { pipeline: Arc::new(pipeline), cloning: Cloned, mode: PhantomData }
    }
}

impl<R, L, C, Q, M> PipelineLayer<R, L, C, Q, M> {
    /// The same, whose further attempts send what `Fn(&Request) -> Option<Request>` makes of a request.
    pub fn clone_with<D>(self, cloning: D) -> PipelineLayer<R, L, C, D, M> {
        PipelineLayer { pipeline: self.pipeline, cloning, mode: PhantomData }
    }

    /// The same for requests that are sent once: nothing is cloned, and there is no further attempt.
    pub fn once(self) -> PipelineLayer<R, L, C, Once, M> {
        self.clone_with(Once)
    }

    /// The same over a service that is under policies already: its [`Error`] stays as it is, and what it refuses is a
    /// refusal to this pipeline's policies too.
    pub fn flat(self) -> PipelineLayer<R, L, C, Q, Flat> {
        PipelineLayer { pipeline: self.pipeline, cloning: self.cloning, mode: PhantomData }
    }
}

impl<S, R, L, C, Q: Clone, M> Layer<S> for PipelineLayer<R, L, C, Q, M> {
    type Service = PipelineService<S, R, L, C, Q, M>;

    fn layer(&self, inner: S) -> Self::Service {
        PipelineService { inner, layer: self.clone() }
    }
}

/// The service of [`PipelineLayer`].
pub struct PipelineService<S, R, L, C = Inherit, Q = Cloned, M = Plain> {
    inner: S,
    layer: PipelineLayer<R, L, C, Q, M>,
}

impl<S, Req, R, L, C, Q, M> Service<Req> for PipelineService<S, R, L, C, Q, M>
where
    S: Service<Req> + Clone + Send + 'static,
    S::Future: Send,
    Req: Send + 'static,
    R: Runtime,
    L: Policies<S::Response, M::Operation> + Send + Sync + 'static,
    for<'p> L::State<'p, Sending<S, Req>>: Send,
    C: Classify<S::Response, M::Operation> + Send + Sync + 'static,
    Q: CloneRequest<Req> + Clone + Send + 'static,
    M: InnerError<S::Error> + 'static,
{
    type Response = S::Response;
    type Error = Error<M::Operation>;
    type Future = PipelineFuture<S::Response, M::Operation>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(M::flatten)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        // The one that is ready goes along, and what stays behind is not.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        let PipelineLayer { pipeline, cloning, .. } = &self.layer;
        let pipeline = Arc::clone(pipeline);
        let attempts = Attempts::<S, Req, Q, M>::new(ready, request, cloning.clone());
        // A call borrows its pipeline, and a service's future may not borrow its service.
        PipelineFuture { call: Box::pin(async move { pipeline.call_operation(attempts).await }) }
    }
}

/// The future of [`PipelineService`].
///
/// # Cancel safety
///
/// As [`Pipeline::call`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct PipelineFuture<T, E> {
    call: Pin<Box<dyn Future<Output = Result<T, Error<E>>> + Send>>,
}

impl<T, E> Future for PipelineFuture<T, E> {
    type Output = Result<T, Error<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.call.as_mut().poll(cx)
    }
}

impl<R, L, C, Q: Clone, M> Clone for PipelineLayer<R, L, C, Q, M> {
    fn clone(&self) -> Self {
        Self { pipeline: Arc::clone(&self.pipeline), cloning: self.cloning.clone(), mode: PhantomData }
    }
}

/// A clone is ready when the clone of the service inside is.
impl<S: Clone, R, L, C, Q: Clone, M> Clone for PipelineService<S, R, L, C, Q, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<R, L, C, Q, M> fmt::Debug for PipelineLayer<R, L, C, Q, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineLayer").finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, R, L, C, Q, M> fmt::Debug for PipelineService<S, R, L, C, Q, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<T, E> fmt::Debug for PipelineFuture<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineFuture").finish_non_exhaustive()
    }
}
