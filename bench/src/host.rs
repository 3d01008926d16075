//! A runtime that was started, to put work on.

use crate::entry::Entry;
use crate::failure::Failure;
use crate::job::Job;
use crate::sample::{Run, Sampling};
use crate::through::Through;
use crate::workload::Load;
use std::fmt;
use std::num::NonZeroUsize;

/// A runtime that was started: by hand, or through backstay.
pub struct Host(pub(crate) Started);

pub(crate) enum Started {
    Bare(Box<dyn ByHand>),
    Through(Through),
}

impl Host {
    /// Does the work as often as `sampling` says, inside one spawned task, and gives what each counted run took and
    /// what came of it.
    ///
    /// The calling thread waits on a plain channel meanwhile, so that the workers, and no thread besides,
    /// poll tasks and sockets; only with [`Threads::Current`] does it run everything itself.
    ///
    /// # Errors
    ///
    /// When the work fails, finds its own result wrong, or isn't written by hand and the host is.
    pub fn run(&self, entry: &Entry, load: Load, sampling: Sampling) -> Result<Vec<Run>, Failure> {
        match &self.0 {
            Started::Through(through) => entry.run(through, load, sampling),
            Started::Bare(host) => host.run(entry.bare(load).ok_or(Failure::NotByHand)?, sampling),
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("bare", &matches!(self.0, Started::Bare(_))).finish()
    }
}

/// A runtime that was started by hand.
pub(crate) trait ByHand {
    /// As [`Host::run`].
    fn run(&self, job: Job, sampling: Sampling) -> Result<Vec<Run>, Failure>;
}

/// Which threads poll tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// So many workers.
    Workers(NonZeroUsize),
    /// The calling thread alone; async-std, which always has workers, takes one.
    Current,
}
