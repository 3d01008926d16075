//! Policies, alone and stacked.

mod bulkhead;
mod fallback;
mod kit;
mod pipeline;
mod timeout;
mod backoff;
mod pipeline;
mod retry;
mod retry_budget;
mod shape;
