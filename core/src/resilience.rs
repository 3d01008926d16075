//! Calls to what may be slow, broken or overloaded.

mod attempt;
mod circuit_breaker;
mod error;
mod health_check;
mod layer;
mod observer;
mod pipeline;
mod rate;
mod rejected;
mod timeout;
mod verdict;

pub use attempt::{Attempt, Operation, WithLast};
pub use circuit_breaker::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitMetrics, CircuitPermit, CircuitReason, CircuitState,
    OwnedCircuitPermit,
};
pub use error::{Cause, Error, Scope, Stop};
pub use health_check::{Health, HealthCheck, HealthCheckBuilder};
pub use layer::{Alone, Call, Layer, Layered, Leaf, Policy, Root};
pub use observer::{Event, EventKind, Observer};
pub use pipeline::{Append, Pipeline, PipelineBuilder};
pub use rejected::{PolicyKind, Reason, Rejected};
pub use timeout::AttemptTimeout;
pub use verdict::{Classify, Inherit, RetryIf, Verdict};
