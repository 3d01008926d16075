//! Policies, alone and stacked.

mod backoff;
mod bulkhead;
mod fallback;
mod kit;
mod pipeline;
mod retry;
mod retry_budget;
mod timeout;
