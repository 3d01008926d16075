//! Tasks and their owners, beside the crates that have such.
//!
//! | to see | look at |
//! |---|---|
//! | tasks started and joined | [`task_sets`] |
//! | tasks told to stop, and waited for | [`shutdowns`] |

use crate::bench::Bench;
use crate::families::Family;
use crate::{shutdowns, task_sets};

/// The bench.
pub const BENCH: Bench = Bench {
    title: "\
Tasks and their owners, beside other crates, on the same work.
  runtime      tokio's current-thread runtime, where nothing else is said
  ready        a task ends at its first poll
  yields       once, and ends at its second
  time         of this thread's processor, where nothing else is said",
    tables: &[task_sets::TABLE, shutdowns::TABLE],
};

/// All of them.
pub const FAMILIES: [Family; 2] =
    [(task_sets::TABLE, task_sets::works), (shutdowns::TABLE, shutdowns::works)];
