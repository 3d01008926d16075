//! The type of the usual pipeline.

use crate::resilience::bulkhead::Bulkhead;
use crate::resilience::circuit_breaker::CircuitBreaker;
use crate::resilience::layer::{Layered, Leaf};
use crate::resilience::rate_limiter::RateLimiter;
use crate::resilience::retry::{NoHook, Retry};
use crate::resilience::timeout::{AttemptTimeout, TotalTimeout};
use crate::resilience::verdict::Inherit;

/// The policies of a pipeline in the default order, for a field that keeps one without boxing it: a deadline, a retry,
/// a rate limiter, a circuit breaker, a bulkhead, an attempt timeout.
///
/// With a fallback outside of them the type is `Layered<Fallback<Value<T>>, DefaultOrder>`, say. `C` and `H` are the
/// retry's classifier and hook.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{
///     Bulkhead, CircuitBreaker, DefaultOrder, Error, Pipeline, Quota, RateLimiter, Retry,
/// };
/// use backstay_core::{ConfigError, Limit, Runtime};
/// use std::io;
/// use std::time::Duration;
///
/// struct Client<R: Runtime> {
///     users: Pipeline<R, DefaultOrder>,
/// }
///
/// impl<R: Runtime> Client<R> {
///     fn new(rt: &R) -> Result<Self, ConfigError> {
///         let users = Pipeline::named("users")
///             .deadline(Duration::from_secs(2))
///             .retry(Retry::default())
///             .rate_limit(&RateLimiter::new(Quota::per_second(100))?)
///             .breaker(&CircuitBreaker::named("users-db").build()?)
///             .bulkhead(&Bulkhead::new(Limit::new(16)?))
///             .attempt_timeout(Duration::from_millis(500))
///             .build(rt)?;
///         Ok(Self { users })
///     }
///
///     async fn name(&self, id: u64) -> Result<String, Error<io::Error>> {
///         self.users.call(async |_| Ok(format!("user {id}"))).await
///     }
/// }
/// # backstay::testing::Sim::builder().run(|rt: backstay::testing::Sim| async move {
/// #     assert_eq!(Client::new(&rt).unwrap().name(7).await.unwrap(), "user 7");
/// # }).unwrap();
/// # Ok::<(), ConfigError>(())
/// ```
pub type DefaultOrder<C = Inherit, H = NoHook> = Layered<TotalTimeout, Layered<Retry<C, H>, Attempted>>;

/// What each attempt goes through.
type Attempted =
    Layered<RateLimiter, Layered<CircuitBreaker, Layered<Bulkhead, Layered<AttemptTimeout, Leaf>>>>;
