//! Operators of streams, beside the crates that have them.
//!
//! | to see | look at |
//! |---|---|
//! | items worked on concurrently | [`maps`] |
//! | many streams as one | [`merges`] |
//! | operators over time | [`timing`] |
//! | items as `Vec`s | [`batches`] |
//! | streams written as async blocks | [`generators`] |
//! | rows of a database, a bench of its own | [`sources`] |
//! | WebSockets, another | [`websocket`] |

pub mod batches;
pub mod generators;
pub mod maps;
pub mod merges;
mod numbers;
pub mod sources;
pub mod timing;
pub mod websocket;

use crate::bench::{Bench, Family};

/// The bench.
pub const BENCH: Bench = Bench {
    title: "\
Operators of streams, beside other crates, on the same work.
  ready        at the first poll
  pending      once for each item: it wakes itself and is ready at the second poll
  time         of this thread's processor
  executor     a loop that polls one future when it was woken, the same for all; where there is a clock, tokio's
               current-thread runtime",
    tables: &[maps::TABLE, merges::TABLE, timing::TABLE, batches::TABLE, generators::TABLE],
};

/// All of them.
pub const FAMILIES: [Family; 5] = [
    (maps::TABLE, maps::works),
    (merges::TABLE, merges::works),
    (timing::TABLE, timing::works),
    (batches::TABLE, batches::works),
    (generators::TABLE, generators::works),
];
