//! Several streams as one: fair, weighted, prioritised (recipe 3.8).

mod merge_set;
mod merge_with;
mod precedence;

pub use merge_set::{MergeEvent, MergeEvents, MergeSet, StreamKey};
pub use merge_with::MergeWith;
pub use precedence::Precedence;
