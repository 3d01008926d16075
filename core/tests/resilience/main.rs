//! Policies, alone and stacked.

mod bulkhead;
mod fallback;
mod kit;
mod pipeline;
mod timeout;
