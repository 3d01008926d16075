//! Policies, alone and stacked.

mod backoff;
mod bulkhead;
mod circuit_breaker;
mod fallback;
mod kit;
mod pipeline;
mod retry;
mod retry_budget;
mod timeout;
mod rate_limiter;
mod shape;
