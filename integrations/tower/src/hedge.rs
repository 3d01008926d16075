//! Another call where one is slow.

use crate::{Cloned, Flat, PipelineLayer, PipelineService, Plain};
use backstay_core::resilience::{Hedge, Inherit, Layered, Leaf, Pipeline};
use backstay_core::{ConfigError, Runtime};
use std::fmt;
use tower_layer::Layer;

/// Another call where one is slow, by a [`Hedge`], with its budget.
///
/// It is a [`PipelineLayer`] with the one policy: the first call has the service that is ready, and each hedge a clone,
/// which has to become ready first.
///
/// A call is boxed: its future is one allocation, and the service inside, its future and the request are `Send` and
/// `'static`.
///
/// Requests are cloned: before each is sent, since afterwards it is gone. [`clone_with`](Self::clone_with) says how,
/// for requests that are not `Clone`, and which are not hedged.
///
/// # Errors
///
/// Of a call: those of [`Hedge::run`]. Of `poll_ready`: those of the service inside.
///
/// # Cancel safety
///
/// As [`Hedge::run`].
///
/// # Examples
///
/// ```
/// use backstay::Runtime;
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::Hedge;
/// use backstay_tower::HedgeLayer;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use std::time::Duration;
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// Sim::builder().run(|rt: Sim| async move {
///     let (calls, clock, start) = (Arc::new(AtomicU32::new(0)), rt.clone(), rt.now());
///     let hedge = Hedge::builder().delay(Duration::from_millis(20)).build().expect("it is good");
///     let mut users = ServiceBuilder::new()
///         .layer(HedgeLayer::new(&rt, hedge).expect("it is good"))
///         .service_fn(move |id: u32| {
///             let (is_first, rt) = (calls.fetch_add(1, Relaxed) == 0, clock.clone());
///             async move {
///                 rt.sleep(Duration::from_millis(if is_first { 500 } else { 1 })).await;
///                 Ok::<_, std::io::Error>(id)
///             }
///         });
///     assert_eq!(users.ready().await.unwrap().call(7).await.ok(), Some(7));
///     assert_eq!(rt.now() - start, Duration::from_millis(20 + 1));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
pub struct HedgeLayer<R, D = Inherit, Q = Cloned, M = Plain> {
    pipeline: PipelineLayer<R, Layered<Hedge<D>, Leaf>, Inherit, Q, M>,
}

impl<R: Runtime, D> HedgeLayer<R, D> {
    /// One with this policy.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], as [`PipelineBuilder::build`](backstay_core::resilience::PipelineBuilder::build).
    pub fn new(rt: &R, hedge: Hedge<D>) -> Result<Self, ConfigError> {
        Ok(Self { pipeline: PipelineLayer::new(Pipeline::named("").hedge(hedge).build(rt)?) })
    }
}

impl<R, D, Q, M> HedgeLayer<R, D, Q, M> {
    /// As [`PipelineLayer::clone_with`].
    pub fn clone_with<F>(self, cloning: F) -> HedgeLayer<R, D, F, M> {
        HedgeLayer { pipeline: self.pipeline.clone_with(cloning) }
    }

    /// The same over a service that is under policies already: its [`Error`](backstay_core::resilience::Error) stays as
    /// it is, and a refusal of it begins the next hedge at once.
    pub fn flat(self) -> HedgeLayer<R, D, Q, Flat> {
        HedgeLayer { pipeline: self.pipeline.flat() }
    }
}

impl<S, R, D, Q: Clone, M> Layer<S> for HedgeLayer<R, D, Q, M> {
    type Service = PipelineService<S, R, Layered<Hedge<D>, Leaf>, Inherit, Q, M>;

    fn layer(&self, inner: S) -> Self::Service {
        self.pipeline.layer(inner)
    }
}

impl<R, D, Q: Clone, M> Clone for HedgeLayer<R, D, Q, M> {
    fn clone(&self) -> Self {
        Self { pipeline: self.pipeline.clone() }
    }
}

impl<R, D, Q, M> fmt::Debug for HedgeLayer<R, D, Q, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HedgeLayer").finish_non_exhaustive()
    }
}
