//! Another attempt after a failure.

use crate::{Cloned, Flat, PipelineLayer, PipelineService, Plain};
use backstay_core::resilience::{Inherit, Layered, Leaf, NoHook, Pipeline, Retry};
use backstay_core::{ConfigError, Runtime};
use std::fmt;
use tower_layer::Layer;

/// Another attempt after a failure, by a [`Retry`], with its budget.
///
/// It is a [`PipelineLayer`] with the one policy: **the first attempt has the service that is ready, and each further
/// one a clone, which has to become ready first.** So a bulkhead or a rate limiter inside sees every attempt.
///
/// A call is boxed: its future is one allocation, and the service inside, its future and the request are `Send` and
/// `'static`.
///
/// Requests are cloned: before each is sent, since afterwards it is gone. [`clone_with`](Self::clone_with) says how,
/// for requests that are not `Clone`, and which have no further attempt.
///
/// # Errors
///
/// Of a call: those of [`Retry::run`]. Of `poll_ready`: those of the service inside, without another attempt.
///
/// # Cancel safety
///
/// As [`Retry::run`].
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::Retry;
/// use backstay_tower::RetryLayer;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// Sim::builder().run(|rt: Sim| async move {
///     let calls = Arc::new(AtomicU32::new(0));
///     let mut users = ServiceBuilder::new()
///         .layer(RetryLayer::new(&rt, Retry::default()).expect("it is good"))
///         .service_fn(move |id: u32| {
///             let is_first = calls.fetch_add(1, Relaxed) == 0;
///             async move { if is_first { Err("connection reset") } else { Ok(id) } }
///         });
///     assert_eq!(users.ready().await.unwrap().call(7).await, Ok(7));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
pub struct RetryLayer<R, D = Inherit, H = NoHook, Q = Cloned, M = Plain> {
    pipeline: PipelineLayer<R, Layered<Retry<D, H>, Leaf>, Inherit, Q, M>,
}

impl<R: Runtime, D, H> RetryLayer<R, D, H> {
    /// One with this policy.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], as [`PipelineBuilder::build`](backstay_core::resilience::PipelineBuilder::build).
    pub fn new(rt: &R, retry: Retry<D, H>) -> Result<Self, ConfigError> {
        Ok(Self { pipeline: PipelineLayer::new(Pipeline::named("").retry(retry).build(rt)?) })
    }
}

impl<R, D, H, Q, M> RetryLayer<R, D, H, Q, M> {
    /// As [`PipelineLayer::clone_with`].
    pub fn clone_with<F>(self, cloning: F) -> RetryLayer<R, D, H, F, M> {
        RetryLayer { pipeline: self.pipeline.clone_with(cloning) }
    }

    /// The same over a service that is under policies already: its [`Error`](backstay_core::resilience::Error) stays as
    /// it is, and a refusal is tried again when it says to come back, if there is a limit to that.
    pub fn flat(self) -> RetryLayer<R, D, H, Q, Flat> {
        RetryLayer { pipeline: self.pipeline.flat() }
    }
}

impl<S, R, D, H, Q: Clone, M> Layer<S> for RetryLayer<R, D, H, Q, M> {
    type Service = PipelineService<S, R, Layered<Retry<D, H>, Leaf>, Inherit, Q, M>;

    fn layer(&self, inner: S) -> Self::Service {
        self.pipeline.layer(inner)
    }
}

impl<R, D, H, Q: Clone, M> Clone for RetryLayer<R, D, H, Q, M> {
    fn clone(&self) -> Self {
        Self { pipeline: self.pipeline.clone() }
    }
}

impl<R, D, H, Q, M> fmt::Debug for RetryLayer<R, D, H, Q, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryLayer").finish_non_exhaustive()
    }
}
