//! One operation on one thread, so often: what the programs that count instructions and allocations do.

use crate::cell::Variant;
use crate::entry::Entry;
use crate::failure::Failure;
use crate::host::Threads;
use crate::job::Operation;
use crate::sample::Sampling;
use crate::start;
use crate::workload::Load;
use crate::workloads::Micro;
use backstay::Backend;
use clap::{Parser, ValueEnum};
use std::num::NonZeroU64;

/// Does one operation many times on one thread
#[derive(Debug, Parser)]
pub struct Single {
    /// tokio, smol or async-std
    pub runtime: Backend,
    /// bare, backstay or any
    pub variant: Variant,
    /// The operation
    pub what: What,
    /// How often
    pub times: NonZeroU64,
}

/// The operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Tasks are spawned into a `Vec`, and joined.
    Spawn,
    /// A timeout around a future that is ready.
    TimeoutReady,
    /// A timeout around a future that is pending once.
    TimeoutPending,
}

impl Single {
    /// Does it; gives what the meter counted in each of the runs that count.
    ///
    /// # Errors
    ///
    /// Where the runtime doesn't start, or the result is wrong.
    pub fn run(&self, sampling: Sampling) -> Result<Vec<u64>, Failure> {
        let operation = match self.what {
            What::Spawn => Operation::SpawnAll,
            What::TimeoutReady => Operation::TimeoutReady,
            What::TimeoutPending => Operation::TimeoutPending,
        };
        let host = start::start(self.runtime, self.variant, Threads::Current)?;
        let runs = host.run(&Entry::of(Micro { operation }), Load::new(self.times), sampling)?;
        Ok(runs.into_iter().map(|run| run.taken).collect())
    }
}
