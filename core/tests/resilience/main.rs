//! Policies, alone and stacked.

mod circuit_breaker;
mod kit;
mod shape;
