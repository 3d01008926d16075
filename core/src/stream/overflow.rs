//! A source that is faster than its reader: what waits, what is dropped, and how much that was.

mod ahead;
mod buffer;
mod buffer_or_fail;
mod conflate;
mod queue;
mod rate_limit;

pub use buffer::Buffer;
pub use buffer_or_fail::{BufferOrFail, Overflowed};
pub use conflate::Conflate;
pub use rate_limit::RateLimit;
