//! Whichever is ready first, of futures that are different things.
//!
//! * [`select2`], [`select3`] and so on up to [`select8`] wait for the first of a few futures, taken by value: the others
//!   are dropped before its output is returned. The earlier argument wins when several are ready;
//!   `rotate(&mut turn)` with a [`Turn`] makes them take turns.
//! * [`race_ref`] leaves the loser alive, for those who know the trap.
//! * [`EventLoop`] is a loop over sources that last, with a handler for each.
//! * [`poll_now`](crate::future::poll_now) around a select is its "default" branch (recipe 7.6).
//!
//! ```
//! use backstay_core::select::{OneOf2, select2};
//! use std::future::{pending, ready};
//!
//! # futures::executor::block_on(async {
//! let answer = match select2(pending::<u32>(), ready("in time")).await {
//!     OneOf2::First(number) => format!("the number {number}"),
//!     OneOf2::Second(text) => text.to_owned(),
//! };
//! assert_eq!(answer, "in time");
//! # });
//! ```

mod arms;
mod event_loop;
mod race_ref;
mod turn;

pub use arms::{
    OneOf2, OneOf3, OneOf4, OneOf5, OneOf6, OneOf7, OneOf8, Select2, Select3, Select4, Select5, Select6,
    Select7, Select8, select2, select3, select4, select5, select6, select7, select8,
};
pub use event_loop::{EventLoop, LoopEnd, NoSources, On, RunLoop, Sources};
pub use race_ref::race_ref;
pub use turn::{Rotated, Turn};
