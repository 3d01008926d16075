//! Calls to what may be slow, broken or overloaded.

mod answer;
mod attempt;
pub(crate) mod backoff;
mod bulkhead;
mod circuit_breaker;
mod describe;
mod error;
mod fallback;
mod layer;
mod observer;
mod pipeline;
mod rate_limiter;
mod rejected;
mod retry;
mod retry_budget;
mod timeout;
mod verdict;

pub use answer::{Answer, Source};
pub use attempt::{Attempt, Operation, WithLast};
pub use backoff::{Backoff, Delays, Jitter};
pub use bulkhead::{
    Bulkhead, BulkheadAcquire, BulkheadAcquireOwned, BulkheadBuilder, BulkheadPermit, OwnedBulkheadPermit,
};
pub use circuit_breaker::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitMetrics, CircuitPermit, CircuitReason, CircuitState,
    OwnedCircuitPermit,
};
pub use describe::{Describe, Description, Lint};
pub use error::{Cause, Error, Scope, Stop};
pub use fallback::{Always, Fallback, FromError, InsteadOf, Substitute, Value, WhichErrors};
pub use layer::{Alone, Call, Detailed, Layer, Layered, Leaf, Policy, Root, UntilCancelled};
pub use observer::{Event, EventKind, Observer};
pub use pipeline::{DynPipeline, Pipeline, PipelineBuilder, Stack};
pub use rate_limiter::{
    AcquireRate, Batched, Quota, RateLimited, RateLimiter, RateLimiterBuilder, RatePermit, Reservation,
};
pub use rejected::{PolicyKind, Reason, Rejected};
pub use retry::{Next, NoHook, OnRetry, Retry, RetryBuilder, RetryState, Retrying};
pub use retry_budget::{RatioBudget, RetryBudget, TokenBucketBudget, Withdrawal};
pub use timeout::{AttemptTimeout, TotalTimeout};
pub use verdict::{Classify, Inherit, RetryIf, Verdict};
