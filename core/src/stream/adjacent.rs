//! Items beside the one before: the changes alone, or both as a pair.

mod distinct_until_changed;
mod pairwise;

pub(super) use distinct_until_changed::CloneOf;
pub use distinct_until_changed::DistinctUntilChanged;
pub use pairwise::Pairwise;
