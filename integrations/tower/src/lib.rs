//! Resilience for tower's services, on any runtime.
//!
//! tower's own timeout, rate limit and buffer need tokio. These layers need a [`Runtime`](backstay_core::Runtime),
//! which is handed in: the same stack runs on tokio, smol, async-std, and in virtual time.
//!
//! | you want | use | ready is |
//! |---|---|---|
//! | several policies in an order, with one error | [`PipelineLayer`] | the service inside is |
//! | another attempt after a failure | [`RetryLayer`] | the service inside is |
//! | at most so many calls at a time | [`BulkheadLayer`] | it has a place |
//! | at most so many calls in a time | [`RateLimitLayer`] | it has its turn |
//! | the same for each user, address, tenant | [`KeyedRateLimitLayer`] | the service inside is |
//! | no calls to what is down | [`CircuitBreakerLayer`] | the service inside is |
//! | a limit on the time of a call | [`TimeoutLayer`] | the service inside is |
//! | another answer where there is none | [`FallbackLayer`] | the service inside is |
//! | a service as the operation of a pipeline | [`operation`] | |
//!
//! The policies themselves, how they are set and what they do, are those of
//! [`backstay_core::resilience`]: breakers, bulkheads, limiters and budgets are handles, which services of other layers
//! and calls without tower may share.
//!
//! **Errors.** A layer over a service with the error `E` has the error [`Error<E>`](backstay_core::resilience::Error),
//! which says which policy had the last word. A layer over another of these says [`.flat()`](PipelineLayer::flat), and
//! has the same one: there is no `Error<Error<E>>`.
//!
//! **A refusal is a call's.** An error of `poll_ready` means to tower that a service is broken for good, and it may be
//! thrown away. No policy here gives one: a service that would refuse is ready, and its call says no, with the reason
//! and, where it is known, the time after which to come back.
//!
//! ```
//! use backstay::{BlockOn, Config, Runtime};
//! use backstay_core::resilience::{Bulkhead, Pipeline, Quota, RateLimiter, Retry};
//! use backstay_tower::{BulkheadLayer, PipelineLayer, RateLimitLayer};
//! use std::io;
//! use std::time::Duration;
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! async fn program<R: Runtime>(rt: R) -> Result<(), Box<dyn std::error::Error>> {
//!     let limiter = RateLimiter::new(Quota::per_second(100))?;
//!     let bulkhead = Bulkhead::named("users").max_in_flight(16).max_waiting(usize::MAX).build()?;
//!     let pipeline = Pipeline::named("users")
//!         .deadline(Duration::from_secs(2))
//!         .retry(Retry::default())
//!         .attempt_timeout(Duration::from_millis(500))
//!         .build(&rt)?;
//!
//!     let mut users = ServiceBuilder::new()
//!         .layer(PipelineLayer::new(pipeline).flat()) // over
//!         .layer(RateLimitLayer::new(&rt, &limiter).flat()) // over
//!         .layer(BulkheadLayer::new(&rt, &bulkhead)) // over
//!         .service_fn(|id: u32| async move { Ok::<_, io::Error>(format!("user {id}")) });
//!     assert_eq!(users.ready().await?.call(7).await?, "user 7");
//!     Ok(())
//! }
//!
//! let owner = backstay::smol::SmolOwner::new(Config::new())?;
//! owner.block_on(program(owner.runtime().clone()))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod bulkhead;
mod circuit_breaker;
mod clone_request;
mod fallback;
mod hedge;
mod inner_error;
mod keyed_rate_limit;
mod operation;
mod pipeline;
mod rate_limit;
mod response_future;
mod retry;
mod timeout;
mod turn;

pub use bulkhead::{BulkheadLayer, BulkheadService};
pub use circuit_breaker::{CircuitBreakerFuture, CircuitBreakerLayer, CircuitBreakerService};
pub use clone_request::{CloneRequest, Cloned, Once};
pub use fallback::{FallbackFuture, FallbackLayer, FallbackService};
pub use hedge::HedgeLayer;
pub use inner_error::{Flat, InnerError, Plain};
pub use keyed_rate_limit::{KeyedRateLimitLayer, KeyedRateLimitService};
pub use operation::{Sending, operation, send};
pub use pipeline::{PipelineFuture, PipelineLayer, PipelineService};
pub use rate_limit::{RateLimitLayer, RateLimitService};
pub use response_future::ResponseFuture;
pub use retry::RetryLayer;
pub use timeout::{TimeoutFuture, TimeoutLayer, TimeoutService};

// The guide's examples run as tests too; and those of the guide to moving, which has these layers in it.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../../docs/guide/migrating.md")]
    struct Migrating;
    #[doc = include_str!("../../../docs/guide/tower.md")]
    struct Tower;
}
