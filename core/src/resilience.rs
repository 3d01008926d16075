//! Calls to what may be slow, broken or overloaded (recipes 1.5, 3.6, 6 and 8).
//!
//! | you want | use |
//! |---|---|
//! | another attempt after a failure | [`Retry`], with a [`Backoff`] |
//! | retries that don't make an outage worse | [`RetryBudget`], [`SharedRetryBudget`] |
//! | no calls to what is down | [`CircuitBreaker`], [`KeyedCircuitBreaker`] |
//! | about as many calls as the service takes | [`Throttle`], by [`Priority`] |
//! | at most so many calls at a time | [`Bulkhead`] |
//! | less work for a server that can't do it all | [`LoadShed`], by [`Priority`] |
//! | at most so many calls at a time as the service can take | [`AdaptiveLimit`] |
//! | at most so many calls in a time | [`RateLimiter`], [`KeyedRateLimiter`] |
//! | the same for many processes together | [`SharedRateLimiter`] |
//! | as many calls as the service says that it takes | [`ServiceLimit`] |
//! | a limit on time: of all attempts, of each | [`TotalTimeout`], [`AttemptTimeout`], [`Deadline`](crate::time::Deadline) |
//! | another answer when there is none | [`Fallback`] |
//! | the last good answer when there is none | [`LastGood`], [`KeyedLastGood`] |
//! | one call for all who ask for the same at the same time | [`SingleFlight`] |
//! | another call where the first is slow | [`Hedge`] |
//! | to know whether a service works, asked at intervals | [`HealthCheck`] |
//! | faults on purpose, to see what the others make of them | [`Chaos`] |
//! | several of these, in an order | [`Pipeline`] |
//! | the same, replaced while calls are under way | [`Reloadable`] |
//! | the same from a file, and from another while it runs | [`ConfiguredPipeline`] |
//!
//! Each policy is usable alone, by its `run`, and without async, by its methods that take the time: those are the
//! policy, a state machine that knows no clock. All give the same flat [`Error`], and ask one question, the same for
//! all, of what is a failure: [`Classify`].

mod adaptive_limit;
mod answer;
mod attempt;
pub(crate) mod backoff;
mod bulkhead;
mod chaos;
mod circuit_breaker;
mod describe;
mod error;
mod fallback;
mod health_check;
mod hedge;
mod keyed_circuit_breaker;
mod keyed_rate_limiter;
mod layer;
mod load_shed;
mod observer;
mod pipeline;
mod places;
mod priority;
mod rate;
mod rate_limiter;
mod rejected;
mod retry;
mod retry_budget;
mod service_limit;
mod shared_rate_limiter;
mod single_flight;
mod split_mix;
mod throttle;
mod timeout;
mod verdict;

pub use adaptive_limit::{
    AdaptiveAcquire, AdaptiveAcquireOwned, AdaptiveAlgorithm, AdaptiveLimit, AdaptiveLimitBuilder,
    AdaptiveLimitConfig, AdaptivePermit, Aimd, Gradient, OwnedAdaptivePermit, Vegas,
};
pub use answer::{Answer, Source};
pub use attempt::{Attempt, Blocking, Nested, Operation, WithLast};
pub use backoff::{Backoff, Delays, Jitter};
pub use bulkhead::{
    Bulkhead, BulkheadAcquire, BulkheadAcquireOwned, BulkheadBuilder, BulkheadConfig, BulkheadPermit,
    OwnedBulkheadPermit,
};
pub use chaos::{Behavior, Chaos, ChaosBuilder, ChaosConfig, ChaosKind, Fault, Injection, Latency, Outcome};
pub use circuit_breaker::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitBreakerConfig, CircuitCalls, CircuitMetrics, CircuitPermit,
    CircuitReason, CircuitSnapshot, CircuitState, OwnedCircuitPermit,
};
pub use describe::{Describe, Description, Lint};
pub use error::{Cause, Error, Scope, Stop};
pub use fallback::{
    Always, Fallback, FromError, InsteadOf, KeyedLastGood, LastGood, Substitute, Value, WhichErrors,
};
pub use health_check::{Health, HealthCheck, HealthCheckBuilder, HealthCheckConfig};
pub use hedge::{Hedge, HedgeBuilder, HedgeConfig, HedgeDelay, PercentileDelay};
pub use keyed_circuit_breaker::{KeyedCircuitBreaker, KeyedCircuitBreakerBuilder, KeyedCircuitBreakerConfig};
pub use keyed_rate_limiter::{
    KeyedRateLimiter, KeyedRateLimiterBuilder, KeyedRateLimiterConfig, KeyedRatePermit,
};
pub use layer::{Alone, Call, Detailed, Layer, Layered, Leaf, Policy, Root, UntilCancelled};
pub use load_shed::{LoadShed, LoadShedBuilder, LoadShedConfig, LoadShedMetrics};
pub use observer::{Event, EventKind, HedgeCause, Observer};
pub use pipeline::{
    ConfiguredOrder, ConfiguredPipeline, ConfiguredPipelineBuilder, DefaultOrder, DynPipeline, Pipeline,
    PipelineBuilder, PipelineConfig, Reloadable, Stack,
};
pub use priority::Priority;
pub(crate) use rate_limiter::Patient;
pub use rate_limiter::{
    AcquireRate, AcquireRateOwned, Batched, Quota, RateLimited, RateLimiter, RateLimiterBuilder,
    RateLimiterConfig, RatePermit, RateSnapshot, Reservation, TakenPermits,
};
pub use rejected::{PolicyKind, Reason, Rejected};
pub(crate) use retry::OwnedRetry;
pub use retry::{Next, NoHook, OnRetry, Retry, RetryBuilder, RetryConfig, RetryState, Retrying};
pub use retry_budget::{
    RatioBudget, RetryBudget, RetryBudgetConfig, ThrottleBudget, TokenBucketBudget, Withdrawal,
};
pub use service_limit::{
    AcquireServiceLimit, ByVerdict, Hear, Pacing, ServiceLimit, ServiceLimitBuilder, ServiceLimitConfig,
    ServiceLimitPermit, Told, ToldQuota,
};
pub use shared_rate_limiter::{
    AcquireShared, Ask, GrantedBy, InMemoryStore, OnStoreFailure, QuotaStore, SharedPermit,
    SharedRateLimited, SharedRateLimiter, SharedRateLimiterBuilder, SharedRateLimiterConfig,
    SharedRateMetrics, SharedRetryBudget, StoreFailure, StoreFull, Taken,
};
pub use single_flight::{DetailedFlight, Flight, Role, SingleFlight};
pub use throttle::{
    OwnedThrottlePermit, Throttle, ThrottleBuilder, ThrottleConfig, ThrottleMetrics, ThrottlePermit,
};
pub use timeout::{AttemptTimeout, TotalTimeout};
pub use verdict::{Classify, Inherit, RetryIf, Verdict};
