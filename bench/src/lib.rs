//! The same work on tokio, smol and async-std, with backstay and without.
//!
//! | to see | look at |
//! |---|---|
//! | how much of what is done | [`job`]: every size, in one place |
//! | the work, written once over the traits | [`workload`] |
//! | the same by hand on each runtime | `bare/`, which knows none of the traits |
//! | how work is put on a runtime, and how one is started | [`host`], [`start`] |
//! | the comparison: children, order, table | [`compare`] |
//! | what the figures allow to say | [`stats`] |

#![forbid(unsafe_code)]

mod bare;
pub mod cell;
pub mod compare;
mod exchange;
pub mod failure;
pub mod host;
pub mod job;
pub mod sample;
pub mod start;
pub mod stats;
pub mod workload;
