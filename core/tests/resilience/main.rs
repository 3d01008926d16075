//! Policies, alone and stacked.

mod backoff;
mod retry;
mod retry_budget;
mod shape;
