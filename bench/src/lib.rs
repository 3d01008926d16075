//! The same work on tokio, smol and async-std, with backstay and without: the standard workloads, or your own.
//!
//! A program that compares the runtimes on your own work is a [`Workload`](workload::Workload) and one line:
//!
//! ```no_run
//! # use backstay::{Net, Runtime};
//! # use backstay_bench::failure::Failure;
//! # use backstay_bench::workload::{Load, Units, Workload};
//! # #[derive(Clone)]
//! # struct MyWorkload;
//! # impl Workload for MyWorkload {
//! #     type Measured = Units;
//! #     fn name(&self) -> &'static str { "mine" }
//! #     fn about(&self, load: Load) -> String { format!("{} things", load.size()) }
//! #     fn unit(&self) -> &'static str { "thing" }
//! #     fn sizes(&self) -> Vec<u64> { vec![100] }
//! #     async fn run<R: Runtime + Net>(&self, _: R, load: Load) -> Result<Units, Failure> { Ok(Units(load.size())) }
//! # }
//! backstay_bench::main!(MyWorkload);
//! ```
//!
//! | to see | look at |
//! |---|---|
//! | what a workload is | [`workload`] |
//! | the standard ones | [`workloads`] |
//! | the same by hand on each runtime | `bare/`, which knows none of the traits; its sizes are in [`job`] |
//! | a workload without its type, and several of them | [`entry`], [`registry`] |
//! | how work is put on a runtime, and how one is started | [`host`], [`start`] |
//! | the comparison: children, order | `compare/` |
//! | a runtime under a name | [`contender`] |
//! | what it found: JSON, table, HTML, Markdown, changes since a baseline | [`report`] |
//! | what it was made on, and what disturbs it | [`environment`], [`doctor`] |
//! | the command line | [`cli`] |
//! | what the figures allow to say | [`stats`] |
//! | single operations, for programs that count instructions and allocations | [`single`], [`allocations`] |

// `allocations` alone has some.
#![deny(unsafe_code)]

pub mod allocations;
mod arming;
mod bare;
mod begun;
mod caller;
pub mod cell;
pub mod cli;
mod compare;
pub mod contender;
mod descriptors;
pub mod doctor;
pub mod entry;
pub mod environment;
mod event;
mod exchange;
pub mod failure;
pub mod histogram;
pub mod host;
pub mod job;
mod memory;
pub mod reading;
pub mod registry;
pub mod report;
pub mod sample;
mod say;
pub mod single;
pub mod size;
pub mod smoke;
pub mod start;
pub mod stats;
pub mod style;
mod through;
pub mod usage;
pub mod workload;
pub mod workloads;
mod yield_now;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// The `main` of a program that compares the runtimes on these workloads: `list`, `compare` with all its options.
///
/// # Examples
///
/// Standard ones are workloads like any other, so this compares them alone:
///
/// ```no_run
/// use backstay_bench::workloads::{PingPong, Spawn};
///
/// backstay_bench::main!(Spawn, PingPong);
/// ```
#[macro_export]
macro_rules! main {
    ($($workload:expr),+ $(,)?) => {
        fn main() -> ::std::process::ExitCode {
            $crate::cli::main([$($crate::entry::Entry::of($workload)),+])
        }
    };
}
