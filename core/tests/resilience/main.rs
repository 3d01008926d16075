//! Policies, alone and stacked.

mod rate_limiter;
mod shape;
