//! Policies, alone and stacked.

mod backoff;
mod bulkhead;
mod bulkhead_model;
mod circuit_breaker;
mod fallback;
mod kit;
mod pipeline;
mod rate_limiter;
mod retry;
mod retry_budget;
mod timeout;
