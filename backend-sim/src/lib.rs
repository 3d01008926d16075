//! backstay on a deterministic runtime in virtual time, and the part of the test kit that needs one.
//!
//! [`Sim`] is a [`Runtime`](backstay_core::Runtime) and a [`Net`](backstay_core::Net) like the others: code that is
//! written for `R: Runtime` runs on it as it is shipped. One seed decides the order in which tasks run, what goes
//! wrong, and what the network does; the clock moves only when nothing can run. The same seed gives the same run.
//!
//! ```
//! use backstay_core::Runtime;
//! use backstay_sim::{Explore, Sim};
//! use std::time::Duration;
//!
//! async fn nightly<R: Runtime>(rt: R) -> u32 {
//!     let mut nights = 0;
//!     while nights < 365 {
//!         rt.sleep(Duration::from_secs(24 * 3600)).await;
//!         nights += 1;
//!     }
//!     nights
//! }
//!
//! // One run of a year, in no time.
//! let run = Sim::builder().seed(1).run(nightly)?;
//! assert_eq!((run.value, run.elapsed), (365, Duration::from_secs(365 * 24 * 3600)));
//!
//! // A hundred seeds.
//! let explored = Explore::seeds(0..100).run(|rt: Sim| async move { assert_eq!(nightly(rt).await, 365) })?;
//! assert_eq!(explored.runs, 100);
//! # Ok::<(), backstay_sim::Failure>(())
//! ```
//!
//! | you want | use |
//! |---|---|
//! | one run | [`Sim::builder`], [`Builder::run`] |
//! | many seeds, every schedule, the smallest that fails | [`Explore`] |
//! | an operation cut off before each of its polls | [`cancel_sweep`], [`abort_sweep`], [`panic_sweep`] |
//! | another order | [`Schedule`] |
//! | things that go wrong | [`Faults`]; hosts with [`Sim::host`], [`Sim::crash`], [`Sim::pause`]; links with [`Sim::net`] |
//! | an owner with `block_on` | [`SimOwner`] |
//!
//! # What is guaranteed
//!
//! 1. The same seed and the same binary give the same trace, times, order of drops, and text of a report. Of the
//!    real world one instant is taken, as a base for [`to_std`](backstay_core::Runtime::to_std).
//! 2. Nothing reads a real clock, real randomness, or a hasher's random keys. A blocking job has a thread of its own,
//!    so that it can wait; of all threads one runs at a time, and the schedule says which.
//! 3. Every order of tasks that can run occurs under some seed; of two, each is first as often.
//! 4. No timer is early. Those of one instant fire in any order. A sleep takes exactly its time, but for faults.
//! 5. What can't end is reported and never hangs: a deadlock at once, a livelock after so many polls at one
//!    instant, anything else at the limits of polls and of virtual time.
//! 6. A task that is pending while nobody can wake it is shown as such.
//! 7. A panic stays inside its task. The end of a run drops all tasks in a seeded order, and what they spawn then
//!    gives [`Shutdown`](backstay_core::JoinError::Shutdown).
//! 8. What is left over at the end is listed, and fails the run unless it is allowed by name.
//!
//! # What is not
//!
//! Threads: what runs on another thread is not seen, and a run that waits for it is a deadlock. Atomics are not
//! reordered: for that there is loom. Tasks that yield in a loop wait for time to pass, as on a real machine: once
//! they have all done so a thousand times in a row, the clock moves.

#![forbid(unsafe_code)]

mod blocking;
pub mod cancel;
mod choice;
mod clock;
mod executor;
mod explore;
mod faults;
mod frames;
mod hosts;
mod join;
mod kernel;
mod limits;
mod lock;
mod mode;
pub mod net;
mod owner;
mod policy;
mod pool;
mod quiet;
mod report;
mod runtime;
mod sim;
mod sleep;
mod task;
mod thread;
mod trace;
mod wakes;

pub use cancel::{Subject, Sweep, Swept, abort_sweep, cancel_sweep, panic_sweep};
pub use explore::{Explore, Explored};
pub use faults::Faults;
pub use join::SimJoinHandle;
pub use mode::Mode;
pub use owner::SimOwner;
pub use policy::Schedule;
pub use report::{Failure, FailureKind};
pub use runtime::Sim;
pub use sim::{Builder, Completed};
pub use sleep::SimSleep;
pub use trace::TraceHash;
