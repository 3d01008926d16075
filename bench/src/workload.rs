//! What a piece of work has to say of itself so that it can be compared: one trait, for the standard ones and for
//! yours.
//!
//! ```
//! use backstay::{Net, Runtime};
//! use backstay_bench::failure::{Failure, check};
//! use backstay_bench::workload::{Load, Units, Workload};
//!
//! /// A chain of tasks, each of which awaits the next.
//! #[derive(Clone)]
//! struct Chain;
//!
//! impl Workload for Chain {
//!     type Measured = Units;
//!
//!     fn name(&self) -> &'static str {
//!         "chain"
//!     }
//!
//!     fn about(&self, load: Load) -> String {
//!         format!("{} tasks, one after the other", load.size())
//!     }
//!
//!     fn unit(&self) -> &'static str {
//!         "task"
//!     }
//!
//!     fn sizes(&self) -> Vec<u64> {
//!         vec![1_000]
//!     }
//!
//!     async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
//!         let mut length = 0;
//!         for _ in 0..load.size() {
//!             length = rt.spawn(async move { length + 1 }).await?;
//!         }
//!         check("the length of the chain", load.size(), length)?;
//!         Ok(Units(length))
//!     }
//! }
//!
//! // In a program of its own, this line is its `main`:
//! // backstay_bench::main!(Chain);
//! use backstay_bench::entry::Entry;
//! assert_eq!(Entry::of(Chain).name(), "chain");
//! ```

mod load;
mod measured;

pub use load::{BadRate, Load, Rate};
pub use measured::{Latencies, Measure, Measured, Outcome, Quantity, Timed, Units};

use crate::failure::Failure;
use crate::job::Job;
use backstay::{Net, Runtime};
use std::time::Duration;

/// A piece of work that any runtime can do: [the module](self) has one.
///
/// It is run in a spawned task, once to warm up and then [`iterations`](Self::iterations) times, in a process of its
/// own for each runtime. What it spawns it should await, so that nothing is left for the next iteration to pay.
pub trait Workload: Clone + Send + Sync + 'static {
    /// What comes of it: [`Units`] where the time of the work is what counts, [`Timed`] where that of a part of it is,
    /// [`Latencies`] where it takes a time for each, [`Quantity`] for anything else, such as bytes. Of each, less is
    /// better.
    type Measured: Measured;

    /// Its name on the command line and in reports: lower-case letters, digits and `-`.
    fn name(&self) -> &'static str;

    /// What is done, for the heading of its part of the report.
    fn about(&self, load: Load) -> String;

    /// What a figure is the time of (`task`, `request`), or for a [`Quantity`] what it counts (`bytes per task`).
    fn unit(&self) -> &'static str;

    /// The sizes that are compared unless others are asked for; never none, and none of them 0.
    fn sizes(&self) -> Vec<u64>;

    /// Sizes that are worth it, and take too long or too much memory to be compared unless somebody asks for them.
    /// None unless told otherwise.
    fn large_sizes(&self) -> Vec<u64> {
        Vec::new()
    }

    /// A size that takes next to no time, to see that all of it works; 2 unless told otherwise.
    fn smallest(&self) -> u64 {
        2
    }

    /// How often it is done, and measured, in one process: for a tenth of a second or so. Once unless told
    /// otherwise, five times where it is the time that counts.
    fn iterations(&self, load: Load) -> u32 {
        let _ = load;
        match Self::Measured::MEASURE {
            Measure::Throughput => 5,
            Measure::Latency | Measure::Quantity => 1,
        }
    }

    /// Runs before those that count: one unless told otherwise, none where only the first run of a process shows what
    /// is looked for, such as memory that a second run would find ready.
    fn warm_up(&self, load: Load) -> u32 {
        let _ = load;
        1
    }

    /// How many tasks are alive at once, so that memory can be shown for each, and that nothing is begun for which
    /// there is not enough. Unknown unless told otherwise.
    fn tasks(&self, load: Load) -> Option<u64> {
        let _ = load;
        None
    }

    /// The time that it takes at least, whatever the runtime; it is taken off. None unless told otherwise.
    fn floor(&self, load: Load) -> Duration {
        let _ = load;
        Duration::ZERO
    }

    /// The same by hand on each runtime, for a standard workload that has it.
    fn bare(&self, load: Load) -> Option<Job> {
        let _ = load;
        None
    }

    /// Does it.
    ///
    /// # Errors
    ///
    /// When it can't be done, or was done wrongly: it checks its own result. [`Failure::NotHere`] where this system is
    /// no place for it: then the comparison goes on without.
    fn run<R: Runtime + Net>(
        &self,
        rt: R,
        load: Load,
    ) -> impl Future<Output = Result<Self::Measured, Failure>> + Send;
}
