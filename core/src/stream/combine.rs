//! What the latest items of two streams are together.

mod combine_latest;
mod with_latest_from;

pub use combine_latest::CombineLatest;
pub use with_latest_from::WithLatestFrom;
