//! A pipeline that can be replaced while calls are under way.

use super::{DynPipeline, Pipeline, PipelineBuilder, Stack};
use crate::config_error::ConfigError;
use crate::primitives::{Arc, Mutex, lock};
use crate::resilience::attempt::Attempt;
use crate::resilience::error::Error;
use crate::resilience::layer::Layer;
use crate::resilience::verdict::Classify;
use crate::runtime::Runtime;
use std::fmt;
use std::mem;

/// A pipeline that can be replaced while calls are under way: a [`Pipeline`] by one of the same type, a [`DynPipeline`]
/// by one with any policies in any order.
///
/// | call | goes by |
/// |---|---|
/// | under way when it is replaced | the pipeline that it began with, to its end: all attempts, limits and delays |
/// | polled first after that | the new one |
///
/// Breakers, limiters, bulkheads and the other handles keep their state, as long as the new pipeline has the same
/// handles: what is open stays open, what was taken stays taken. They are changed by themselves
/// ([`CircuitBreaker::reconfigure`], [`RateLimiter::set_quota`], [`Bulkhead::resize`]), for all pipelines that they are
/// in; a replacement is for what is in the pipeline itself: deadlines, timeouts, retries, hedges, fallbacks, chaos, the
/// order, which policies there are.
///
/// It is a handle: what one replaces is replaced for all its clones. Use a pipeline itself where nothing is ever
/// replaced.
///
/// # Cost
///
/// That of the pipeline, and for each call or [`current`](Self::current) a short lock and a clone of the handle; no
/// allocation. Nothing of the user's runs under the lock. A pipeline that is in none of these pays nothing.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{CircuitBreaker, Error, Pipeline, Reloadable};
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let breaker = CircuitBreaker::named("users-db").build().expect("it is good");
///     let users = |timeout| Pipeline::named("users").breaker(&breaker).attempt_timeout(timeout);
///
///     let first = users(Duration::from_secs(1)).build(&rt).expect("it is good");
///     let live = Reloadable::new(first);
///     let slow = async |_| Ok::<_, std::io::Error>(rt.sleep(Duration::from_secs(2)).await);
///     assert!(live.call(slow).await.is_err());
///
///     live.reload(users(Duration::from_secs(3))).expect("it is good");
///     assert!(live.call(slow).await.is_ok());
///     assert_eq!(breaker.metrics(rt.now()).calls, 2); // it is the same breaker
///
///     // One that is wrong changes nothing.
///     let error = live.reload(users(Duration::ZERO)).unwrap_err();
///     assert_eq!(error.field(), Some("attempt_timeout"));
///     assert!(live.call(slow).await.is_ok());
/// })?;
/// # Ok::<(), Failure>(())
/// ```
///
/// [`CircuitBreaker::reconfigure`]: crate::resilience::CircuitBreaker::reconfigure
/// [`RateLimiter::set_quota`]: crate::resilience::RateLimiter::set_quota
/// [`Bulkhead::resize`]: crate::resilience::Bulkhead::resize
#[doc(alias = "hot reload")]
#[doc(alias = "dynamic reload")]
#[doc(alias = "LivePipeline")]
#[doc(alias = "ArcSwap")]
pub struct Reloadable<P>(Arc<Mutex<P>>);

impl<P> Reloadable<P> {
    /// That pipeline, until it is replaced.
    pub fn new(pipeline: P) -> Self {
        Self(Arc::new(Mutex::new(pipeline)))
    }

    /// Replaces the pipeline, and hands out the one before: to put it back, or to see what it was. Of two who do this at
    /// once, the later has its way.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Bulkhead, DynPipeline, Pipeline, Reloadable, Retry};
    /// use backstay_core::Limit;
    /// use std::io;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let plain = Pipeline::named("users").retry(Retry::default()).build(&rt).expect("it is good");
    ///     let users: Reloadable<DynPipeline<u64, io::Error>> = Reloadable::new(plain.erase());
    ///
    ///     // With other policies, which is no other type.
    ///     let places = Bulkhead::new(Limit::ONE);
    ///     let more = Pipeline::named("users").retry(Retry::default()).bulkhead(&places).build(&rt).expect("it is good");
    ///     let before = users.replace(more.erase());
    ///     assert_eq!(before.describe().kinds().count(), 1);
    ///     assert_eq!(users.current().describe().kinds().count(), 2);
    ///     assert_eq!(users.call(|_| async { Ok(7) }).await.expect("it works"), 7);
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "swap")]
    #[doc(alias = "store")]
    pub fn replace(&self, pipeline: P) -> P {
        mem::replace(&mut *lock(&self.0), pipeline)
    }
}

impl<P: Clone> Reloadable<P> {
    /// The pipeline as it is now, for a call that needs more than [`call`](Reloadable::call) has: a deadline, a token,
    /// the details. All calls of it go by it, also when it has been replaced meanwhile: take it anew for each.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Pipeline, Reloadable, Retry};
    /// use backstay_core::time::Deadline;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let users = Pipeline::named("users").retry(Retry::default()).build(&rt).expect("it is good");
    ///     let users = Reloadable::new(users);
    ///     let deadline = Deadline::after(&rt, Duration::from_secs(1));
    ///     let op = async |_| Ok::<_, std::io::Error>(7);
    ///     let answer = users.current().call(op).within(deadline).detailed().await.expect("it works");
    ///     assert_eq!((answer.value, answer.attempts), (7, 1));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "load")]
    pub fn current(&self) -> P {
        lock(&self.0).clone()
    }
}

impl<R: Runtime, L, C> Reloadable<Pipeline<R, L, C>> {
    /// As [`Pipeline::call`], by the pipeline that there is at its first poll.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::call`].
    ///
    /// # Cancel safety
    ///
    /// As [`Pipeline::call`].
    ///
    /// # Panics
    ///
    /// As [`Pipeline::call`].
    pub async fn call<Op, Fut, T, E>(&self, op: Op) -> Result<T, Error<E>>
    where
        L: Layer<T, E>,
        C: Classify<T, E>,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.current().call(op).await
    }

    /// Replaces the pipeline by what is built of this, on the same runtime, and hands out the one before.
    ///
    /// # Errors
    ///
    /// That of [`PipelineBuilder::build`]; nothing has changed then.
    pub fn reload(&self, builder: PipelineBuilder<L, C>) -> Result<Pipeline<R, L, C>, ConfigError>
    where
        L: Stack,
    {
        let pipeline = builder.build(&self.current().rt)?;
        Ok(self.replace(pipeline))
    }
}

impl<T: 'static, E: 'static> Reloadable<DynPipeline<T, E>> {
    /// As [`DynPipeline::call`], by the pipeline that there is at its first poll.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::call`].
    ///
    /// # Cancel safety
    ///
    /// As [`Pipeline::call`].
    ///
    /// # Panics
    ///
    /// As [`Pipeline::call`].
    pub async fn call<Op, Fut>(&self, op: Op) -> Result<T, Error<E>>
    where
        Op: FnMut(Attempt) -> Fut + Send,
        Fut: Future<Output = Result<T, E>> + Send,
    {
        self.current().call(op).await
    }
}

impl<P> Clone for Reloadable<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Clone + fmt::Debug> fmt::Debug for Reloadable<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reloadable").field(&self.current()).finish()
    }
}
