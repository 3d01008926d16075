//! Policies as tower's layers.

mod drops;
mod handover;
mod http;
mod kit;
mod policies;
mod readiness;
mod refusals;
mod stacks;
mod types;
