//! Calls to what may be slow, broken or overloaded.

mod attempt;
mod describe;
mod error;
mod keyed_rate_limiter;
mod layer;
mod observer;
mod pipeline;
mod rate_limiter;
mod rejected;
mod timeout;
mod verdict;

pub use attempt::{Attempt, Operation, WithLast};
pub use describe::{Describe, Description, Lint};
pub use error::{Cause, Error, Scope, Stop};
pub use keyed_rate_limiter::{KeyedRateLimiter, KeyedRateLimiterBuilder};
pub use layer::{Alone, Call, Layer, Layered, Leaf, Policy, Root, UntilCancelled};
pub use observer::{Event, EventKind, Observer};
pub use pipeline::{DynPipeline, Pipeline, PipelineBuilder, Stack};
pub use rate_limiter::{
    AcquireRate, Batched, Quota, RateLimited, RateLimiter, RateLimiterBuilder, RatePermit, Reservation,
};
pub use rejected::{PolicyKind, Reason, Rejected};
pub use timeout::AttemptTimeout;
pub use verdict::{Classify, Inherit, RetryIf, Verdict};
