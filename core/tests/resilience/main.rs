//! Policies, alone and stacked.

mod backoff;
mod bulkhead;
mod bulkhead_model;
mod circuit_breaker;
mod fallback;
mod health_check;
mod kit;
mod pairs;
mod pipeline;
mod rate_limiter;
mod retry;
mod retry_budget;
mod timeout;
