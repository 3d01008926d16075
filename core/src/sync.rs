//! Synchronization without a runtime: waiting for a permit, waiting to be told.

#[allow(dead_code, reason = "what waits comes next")]
pub(crate) mod wait_list;
