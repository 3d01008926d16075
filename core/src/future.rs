//! Many futures as one: joined, raced, bounded, shared.
//!
//! * [`poll_now`] looks at a future once, and doesn't wait.

mod poll_now;

pub use poll_now::{PollNow, poll_now};
