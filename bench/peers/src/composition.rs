//! What is composed of futures, beside the crates that compose them.
//!
//! | to see | look at |
//! |---|---|
//! | joins of many futures | [`joins`] |
//! | the same, a limited number at a time | [`fan_out`] |
//! | the first of a few futures | [`races`] |
//! | permits | [`semaphores`] |
//! | channels | [`channels`], [`broadcasts`] |
//! | tokens of cancellation | [`tokens`] |

use crate::bench::{Bench, Family};
use crate::{broadcasts, channels, fan_out, joins, races, semaphores, tokens};

/// The bench.
pub const BENCH: Bench = Bench {
    title: "\
Composition of futures, beside other crates, on the same work.
  ready        at the first poll
  pending      once: it wakes itself and is ready at the second poll
  time         of this thread's processor, where nothing else is said
  executor     a loop that polls one future when it was woken, the same for all who need no runtime",
    tables: &[
        joins::TABLE,
        fan_out::TABLE,
        races::TABLE,
        semaphores::TABLE,
        channels::TABLE,
        broadcasts::TABLE,
        tokens::TABLE,
    ],
};

/// All of them.
pub const FAMILIES: [Family; 7] = [
    (joins::TABLE, joins::works),
    (fan_out::TABLE, fan_out::works),
    (races::TABLE, races::works),
    (semaphores::TABLE, semaphores::works),
    (channels::TABLE, channels::works),
    (broadcasts::TABLE, broadcasts::works),
    (tokens::TABLE, tokens::works),
];
