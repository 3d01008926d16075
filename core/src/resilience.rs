//! Calls to what may be slow, broken or overloaded.

mod attempt;
pub(crate) mod backoff;
mod circuit_breaker;
mod describe;
mod error;
mod layer;
mod observer;
mod pipeline;
mod rejected;
mod retry;
mod retry_budget;
mod timeout;
mod verdict;

pub use attempt::{Attempt, Operation, WithLast};
pub use backoff::{Backoff, Delays, Jitter};
pub use circuit_breaker::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitMetrics, CircuitPermit, CircuitReason, CircuitState,
    OwnedCircuitPermit,
};
pub use describe::{Describe, Description, Lint};
pub use error::{Cause, Error, Scope, Stop};
pub use layer::{Alone, Call, Layer, Layered, Leaf, Policy, Root, UntilCancelled};
pub use observer::{Event, EventKind, Observer};
pub use pipeline::{DynPipeline, Pipeline, PipelineBuilder, Stack};
pub use rejected::{PolicyKind, Reason, Rejected};
pub use retry::{Next, NoHook, OnRetry, Retry, RetryBuilder, RetryState, Retrying};
pub use retry_budget::{RatioBudget, RetryBudget, TokenBucketBudget, Withdrawal};
pub use timeout::AttemptTimeout;
pub use verdict::{Classify, Inherit, RetryIf, Verdict};
