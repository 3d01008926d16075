//! Policies, alone and stacked.

mod backoff;
mod retry_budget;
mod shape;
