//! Items worked on concurrently, at most so many at a time (recipes 2.5 and 3.3).

mod each_concurrent;
mod for_each;
mod map_concurrent;
pub(super) mod progress;
mod spawned;

pub use each_concurrent::EachConcurrent;
pub use for_each::{ForEach, TryForEach};
pub use map_concurrent::{MapConcurrent, MapConcurrentOrdered};
pub use spawned::Spawned;
