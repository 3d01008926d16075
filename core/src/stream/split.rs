//! One stream as many: one after the other, or by key.

mod group_by;
mod window;

pub use group_by::{Group, GroupBy, GroupByConfig};
pub use window::{Window, Windows};
