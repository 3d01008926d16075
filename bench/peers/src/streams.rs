//! Operators of streams, beside the crates that have them.
//!
//! | to see | look at |
//! |---|---|
//! | items worked on concurrently | [`maps`] |
//! | many streams as one | [`merges`] |
//! | the latest items of two | [`combines`] |
//! | one stream as many | [`splits`] |
//! | items and the one before | [`adjacents`] |
//! | operators over time | [`timing`] |
//! | items as `Vec`s | [`batches`] |
//! | streams written as async blocks | [`generators`] |
//! | rows of a database, a bench of its own | [`sources`] |
//! | WebSockets, another | [`websocket`] |

pub mod adjacents;
pub mod batches;
pub mod combines;
pub mod generators;
pub mod maps;
pub mod merges;
mod numbers;
pub mod sources;
pub mod splits;
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
    tables: &[
        maps::TABLE,
        merges::TABLE,
        combines::TABLE,
        splits::TABLE,
        adjacents::TABLE,
        timing::TABLE,
        batches::TABLE,
        generators::TABLE,
    ],
};

/// All of them.
pub const FAMILIES: [Family; 8] = [
    (maps::TABLE, maps::works),
    (merges::TABLE, merges::works),
    (combines::TABLE, combines::works),
    (splits::TABLE, splits::works),
    (adjacents::TABLE, adjacents::works),
    (timing::TABLE, timing::works),
    (batches::TABLE, batches::works),
    (generators::TABLE, generators::works),
];
