//! A runtime that was started, to put work on.

use crate::failure::Failure;
use crate::job::Job;
use crate::sample::Sampling;
use std::num::NonZeroUsize;

/// A runtime that was started.
pub trait Host {
    /// Does `job` as often as `sampling` says, inside one spawned task, and gives what each counted run took.
    ///
    /// The calling thread waits on a plain channel meanwhile, so that the workers, and no thread besides,
    /// poll tasks and sockets; only with [`Threads::Current`] does it run everything itself.
    ///
    /// # Errors
    ///
    /// When the work fails, or finds its own result wrong.
    fn run(&self, job: Job, sampling: Sampling) -> Result<Vec<u64>, Failure>;
}

/// Which threads poll tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// So many workers.
    Workers(NonZeroUsize),
    /// The calling thread alone; async-std, which always has workers, takes one.
    Current,
}
