//! Policies, alone and stacked.

mod backoff;
mod pipeline;
mod retry;
mod retry_budget;
mod shape;
