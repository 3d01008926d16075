//! At most so many calls in a time for each key.

use crate::{Flat, InnerError, Plain, ResponseFuture};
use backstay_core::Runtime;
use backstay_core::resilience::{Error, KeyedRateLimiter};
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// At most so many calls in a time for each key: a user, an address, a tenant.
///
/// The key is read from the request, so that `call` decides, at once: who has no turn is refused, and told when to come
/// back. `poll_ready` is that of the service inside; what that has reserved for a call that is refused, it keeps for
/// the next call, or until it is dropped.
///
/// # Errors
///
/// Of a call: [`Error::Operation`]; [`Error::Rejected`] without one. Of `poll_ready`: those of the service inside.
///
/// # Cancel safety
///
/// Once `call` was called the turn is spent, whatever becomes of the future.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{KeyedRateLimiter, Quota};
/// use backstay_tower::KeyedRateLimitLayer;
/// use std::convert::Infallible;
/// use std::time::Duration;
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// Sim::builder().run(|rt: Sim| async move {
///     let limiter = KeyedRateLimiter::<&str>::new(&rt, Quota::per_minute(1)).expect("a good quota");
///     let mut greetings = ServiceBuilder::new()
///         .layer(KeyedRateLimitLayer::new(&rt, &limiter, |name: &&'static str| *name))
///         .service_fn(|name: &'static str| async move { Ok::<_, Infallible>(format!("hello, {name}")) });
///     greetings.ready().await.unwrap().call("ann").await.expect("her first");
///     greetings.ready().await.unwrap().call("bob").await.expect("his own");
///     let refused = greetings.ready().await.unwrap().call("ann").await.unwrap_err();
///     assert_eq!(refused.retry_after(), Some(Duration::from_secs(60)));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
pub struct KeyedRateLimitLayer<R, K, F, M = Plain> {
    rt: R,
    limiter: KeyedRateLimiter<K>,
    key: F,
    mode: PhantomData<fn() -> M>,
}

impl<R: Runtime, K: Hash + Eq, F> KeyedRateLimitLayer<R, K, F> {
    /// One with the turns of this limiter, for the key that `Fn(&Request) -> K` reads from a request.
    pub fn new(rt: &R, limiter: &KeyedRateLimiter<K>, key: F) -> Self {
        Self { rt: rt.clone(), limiter: limiter.clone(), key, mode: PhantomData }
    }

    /// The same over a service that is under policies already: its [`Error`] stays as it is.
    pub fn flat(self) -> KeyedRateLimitLayer<R, K, F, Flat> {
        KeyedRateLimitLayer { rt: self.rt, limiter: self.limiter, key: self.key, mode: PhantomData }
    }
}

impl<S, R: Runtime, K, F: Clone, M> Layer<S> for KeyedRateLimitLayer<R, K, F, M> {
    type Service = KeyedRateLimitService<S, R, K, F, M>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyedRateLimitService { inner, layer: self.clone() }
    }
}

/// The service of [`KeyedRateLimitLayer`].
pub struct KeyedRateLimitService<S, R, K, F, M = Plain> {
    inner: S,
    layer: KeyedRateLimitLayer<R, K, F, M>,
}

impl<S, Req, R, K, F, M> Service<Req> for KeyedRateLimitService<S, R, K, F, M>
where
    S: Service<Req>,
    R: Runtime,
    K: Hash + Eq + Clone,
    F: Fn(&Req) -> K,
    M: InnerError<S::Error>,
{
    type Response = S::Response;
    type Error = Error<M::Operation>;
    type Future = ResponseFuture<S::Future, (), M>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(M::flatten)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let KeyedRateLimitLayer { rt, limiter, key, .. } = &self.layer;
        match limiter.try_acquire(&key(&request), rt.now()) {
            Ok(_) => ResponseFuture::called(self.inner.call(request), ()),
            Err(rejected) => ResponseFuture::refused(rejected),
        }
    }
}

impl<R: Clone, K, F: Clone, M> Clone for KeyedRateLimitLayer<R, K, F, M> {
    fn clone(&self) -> Self {
        let Self { rt, limiter, key, mode } = self;
        Self { rt: rt.clone(), limiter: limiter.clone(), key: key.clone(), mode: *mode }
    }
}

impl<S: Clone, R: Clone, K, F: Clone, M> Clone for KeyedRateLimitService<S, R, K, F, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<R, K, F, M> fmt::Debug for KeyedRateLimitLayer<R, K, F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyedRateLimitLayer").field(&self.limiter).finish()
    }
}

impl<S: fmt::Debug, R, K, F, M> fmt::Debug for KeyedRateLimitService<S, R, K, F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, layer } = self;
        f.debug_struct("KeyedRateLimitService")
            .field("inner", inner)
            .field("limiter", &layer.limiter)
            .finish()
    }
}
