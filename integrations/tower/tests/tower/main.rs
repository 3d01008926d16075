//! Policies as tower's layers.

mod drops;
mod http;
mod kit;
mod policies;
mod readiness;
mod refusals;
mod stacks;
