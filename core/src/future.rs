//! Many futures as one: joined, raced, bounded, shared.

mod shared;

pub use shared::{Shared, SharedError, shared};
