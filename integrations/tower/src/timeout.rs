//! A limit on the time of a call.

use crate::{Flat, InnerError, Plain};
use backstay_core::resilience::{Error, Scope};
use backstay_core::settings::{Rule, Setting};
use backstay_core::time::Timeout;
use backstay_core::{ConfigError, Runtime};
use pin_project_lite::pin_project;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tower_layer::Layer;
use tower_service::Service;

/// A limit on the time of a call.
///
/// It counts from the first poll of the call's future: waiting for readiness is not a part of it. When it is up the
/// future of the service inside is dropped, and the error is [`Error::TimedOut`]. Never early; a response that is there
/// in the same poll counts.
///
/// Inside a [`RetryLayer`](crate::RetryLayer) it limits each [attempt](Self::attempt), outside of it all of them
/// [together](Self::total). The two say which in their error, and differ in nothing else.
///
/// # Errors
///
/// Of a call: [`Error::Operation`], [`Error::TimedOut`]. Of `poll_ready`: those of the service inside.
///
/// # Cancel safety
///
/// The future of a call, dropped, drops the one inside.
///
/// # Cost
///
/// A response that is there at once has no clock read and no timer made.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{Error, Scope};
/// use backstay_tower::TimeoutLayer;
/// use std::io;
/// use std::time::Duration;
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// let limit = Duration::from_millis(500);
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let mut users = ServiceBuilder::new()
///         .layer(TimeoutLayer::attempt(&rt, limit).expect("it is not zero"))
///         .service_fn(|id: u32| {
///             let rt = rt.clone();
///             async move { Ok::<_, io::Error>(rt.sleep(Duration::from_secs(id.into())).await) }
///         });
///     users.ready().await.unwrap().call(60).await.unwrap_err()
/// })?;
/// assert!(matches!(run.value, Error::TimedOut { scope: Scope::Attempt, limit: l } if l == limit));
/// assert_eq!(run.elapsed, limit);
/// # Ok::<(), Failure>(())
/// ```
pub struct TimeoutLayer<R, M = Plain> {
    rt: R,
    limit: Limit,
    mode: PhantomData<fn() -> M>,
}

#[derive(Clone, Copy, Debug)]
struct Limit {
    scope: Scope,
    time: Duration,
}

impl<R: Runtime> TimeoutLayer<R> {
    /// So long for each attempt.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] if it is zero.
    pub fn attempt(rt: &R, limit: Duration) -> Result<Self, ConfigError> {
        Self::new(rt, Limit { scope: Scope::Attempt, time: limit }, "attempt_timeout")
    }

    /// So long for each call, with all its attempts.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] if it is zero.
    pub fn total(rt: &R, limit: Duration) -> Result<Self, ConfigError> {
        Self::new(rt, Limit { scope: Scope::Total, time: limit }, "deadline")
    }

    fn new(rt: &R, limit: Limit, field: &'static str) -> Result<Self, ConfigError> {
        limit.time.check(field, &Rule::<Duration>::NOT_ZERO)?;
        Ok(Self { rt: rt.clone(), limit, mode: PhantomData })
    }

    /// The same over a service that is under policies already: its [`Error`] stays as it is.
    pub fn flat(self) -> TimeoutLayer<R, Flat> {
        TimeoutLayer { rt: self.rt, limit: self.limit, mode: PhantomData }
    }
}

impl<S, R: Runtime, M> Layer<S> for TimeoutLayer<R, M> {
    type Service = TimeoutService<S, R, M>;

    fn layer(&self, inner: S) -> Self::Service {
        TimeoutService { inner, layer: self.clone() }
    }
}

/// The service of [`TimeoutLayer`].
pub struct TimeoutService<S, R, M = Plain> {
    inner: S,
    layer: TimeoutLayer<R, M>,
}

impl<S, Req, R, M> Service<Req> for TimeoutService<S, R, M>
where
    S: Service<Req>,
    R: Runtime,
    M: InnerError<S::Error>,
{
    type Response = S::Response;
    type Error = Error<M::Operation>;
    type Future = TimeoutFuture<S::Future, R, M>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(M::flatten)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let TimeoutLayer { rt, limit, .. } = &self.layer;
        let call = rt.timeout(limit.time, self.inner.call(request));
        TimeoutFuture { call: Some(call), limit: *limit, mode: PhantomData }
    }
}

pin_project! {
    /// The future of [`TimeoutService`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the future of the service inside.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct TimeoutFuture<F, R: Runtime, M = Plain> {
        // `None` once it has ended: it is gone before anybody hears of it.
        #[pin]
        call: Option<Timeout<F, R>>,
        limit: Limit,
        mode: PhantomData<fn() -> M>,
    }
}

impl<T, I, F, R, M> Future for TimeoutFuture<F, R, M>
where
    F: Future<Output = Result<T, I>>,
    R: Runtime,
    M: InnerError<I>,
{
    type Output = Result<T, Error<M::Operation>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(call) = this.call.as_mut().as_pin_mut() else {
            unreachable!("it is not polled again once it was ready");
        };
        let result = match ready!(call.poll(cx)) {
            Ok(result) => result.map_err(M::flatten),
            Err(_) => Err(Error::TimedOut { scope: this.limit.scope, limit: this.limit.time }),
        };
        this.call.set(None);
        Poll::Ready(result)
    }
}

impl<R: Clone, M> Clone for TimeoutLayer<R, M> {
    fn clone(&self) -> Self {
        Self { rt: self.rt.clone(), limit: self.limit, mode: PhantomData }
    }
}

impl<S: Clone, R: Clone, M> Clone for TimeoutService<S, R, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<R, M> fmt::Debug for TimeoutLayer<R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TimeoutLayer").field(&self.limit).finish()
    }
}

impl<S: fmt::Debug, R, M> fmt::Debug for TimeoutService<S, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, layer } = self;
        f.debug_struct("TimeoutService").field("inner", inner).field("limit", &layer.limit).finish()
    }
}

impl<F, R: Runtime, M> fmt::Debug for TimeoutFuture<F, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutFuture").field("limit", &self.limit).finish_non_exhaustive()
    }
}
