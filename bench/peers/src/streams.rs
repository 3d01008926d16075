//! Operators of streams, beside the crates that have them.
//!
//! | to see | look at |
//! |---|---|
//! | items worked on concurrently | [`maps`] |
//! | many streams as one | [`merges`] |

pub mod maps;
pub mod merges;

use crate::bench::{Bench, Family};

/// The bench.
pub const BENCH: Bench = Bench {
    title: "\
Operators of streams, beside other crates, on the same work.
  ready        at the first poll
  pending      once for each item: it wakes itself and is ready at the second poll
  time         of this thread's processor
  executor     a loop that polls one future when it was woken, the same for all",
    tables: &[maps::TABLE, merges::TABLE],
};

/// All of them.
pub const FAMILIES: [Family; 2] = [(maps::TABLE, maps::works), (merges::TABLE, merges::works)];
