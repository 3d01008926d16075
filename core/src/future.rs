//! Many futures as one: joined, raced, bounded, shared.
//!
//! All of it runs in the task that awaits it; nothing here spawns or needs a runtime (but for
//! [`settle_until`], which needs a clock). What is left over is dropped before a result is given.
//!
//! | you want | use |
//! |---|---|
//! | all outputs, in the order of the input | [`join_all`] |
//! | all values, or the first error | [`try_join_all`]; of tasks, [`try_join_tasks`] |
//! | what succeeded and what failed | [`settle`] |
//! | what has come by a deadline | [`settle_until`] |
//! | the first that ends | [`race`] |
//! | the first that succeeds, or all errors | [`race_ok`] |
//! | so many successes | [`quorum()`] |
//! | any number, at most so many at a time | [`BoundedSet`] |
//! | the same, in order | [`Ordered`] |
//! | the same, by key | [`KeyedSet`] |
//! | one future, awaited by many | [`shared()`] |
//! | to look once, and not to wait | [`poll_now`] |
//!
//! A panic of one of the futures goes on in whoever awaits them all; a panicking destructor keeps no other from
//! running. (A second one that panics meanwhile ends the process, as with a `Vec`.)

mod bounded_set;
pub(crate) mod engine;
mod gather;
mod join;
mod keyed_set;
mod ordered;
mod over;
mod poll_now;
mod quorum;
mod race;
mod settle;
mod shared;
pub(crate) mod window;

pub use bounded_set::{BoundedSet, Full};
pub use gather::{Gather, Policy};
pub use join::{JoinAll, TaskError, TryJoinAll, TryJoinTasks, join_all, try_join_all, try_join_tasks};
pub use keyed_set::{KeyedSet, NotInserted};
pub use ordered::Ordered;
pub use over::Over;
pub use poll_now::{PollNow, poll_now};
pub use quorum::{NoQuorum, Quorum, quorum};
pub use race::{Errors, NoFutures, Race, RaceOk, race, race_ok};
pub use settle::{Arrived, Settle, SettleUntil, Settled, settle, settle_until};
pub use shared::{Shared, SharedError, shared};
