//! Tasks and their owners, beside the crates that have such.
//!
//! | to see | look at |
//! |---|---|
//! | tasks started and joined | [`task_sets`] |
//! | tasks told to stop, and waited for | [`shutdowns`] |
//! | jobs, by so many workers | [`pools`] |
//! | tasks that fail, and are started again | [`restarts`] |

use crate::bench::{Bench, Family};
use crate::{pools, restarts, shutdowns, task_sets};

/// The bench.
pub const BENCH: Bench = Bench {
    title: "\
Tasks and their owners, beside other crates, on the same work.
  runtime      tokio's current-thread runtime, where nothing else is said
  ready        a task ends at its first poll
  yields       once, and ends at its second
  time         of this thread's processor, where nothing else is said",
    tables: &[task_sets::TABLE, pools::TABLE, restarts::TABLE, shutdowns::TABLE],
};

/// All of them.
pub const FAMILIES: [Family; 4] = [
    (task_sets::TABLE, task_sets::works),
    (pools::TABLE, pools::works),
    (restarts::TABLE, restarts::works),
    (shutdowns::TABLE, shutdowns::works),
];
