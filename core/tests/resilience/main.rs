//! Policies, alone and stacked.

mod circuit_breaker;
mod health_check;
mod kit;
mod shape;
