//! Why a job gave no value.

use super::job_name::JobName;
use crate::runtime::Panic;
use std::error::Error;
use std::fmt;

/// Why a job gave no value; it names the job.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobError {
    /// It panicked. Its worker goes on with the next.
    Panicked {
        /// The job.
        name: JobName,
        /// What was caught.
        panic: Panic,
    },
    /// It was cancelled: by [`JobHandle::abort`](super::JobHandle::abort), with its pool, or with its runtime.
    Cancelled {
        /// The job.
        name: JobName,
    },
    /// The [overflow policy](super::PoolOverflow) dropped it; it never ran.
    Dropped {
        /// The job.
        name: JobName,
    },
    /// The queue was full, and the job was not taken on: from [`run`](super::WorkerPool::run) alone.
    Rejected {
        /// The job.
        name: JobName,
    },
    /// The pool takes no jobs any more, and this one was not taken on: from [`run`](super::WorkerPool::run) alone.
    Closed {
        /// The job.
        name: JobName,
    },
}

impl JobError {
    /// The job's name.
    pub const fn name(&self) -> &JobName {
        match self {
            Self::Panicked { name, .. }
            | Self::Cancelled { name }
            | Self::Dropped { name }
            | Self::Rejected { name }
            | Self::Closed { name } => name,
        }
    }

    /// Whether the job panicked.
    pub const fn is_panicked(&self) -> bool {
        matches!(self, Self::Panicked { .. })
    }

    /// Whether the job was cancelled.
    pub const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled { .. })
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the job `{}` ", self.name())?;
        match self {
            Self::Panicked { panic, .. } => match panic.message() {
                Some(message) => write!(f, "panicked: {message}"),
                None => f.write_str("panicked"),
            },
            Self::Cancelled { .. } => f.write_str("was cancelled"),
            Self::Dropped { .. } => f.write_str("was dropped from a full queue"),
            Self::Rejected { .. } => f.write_str("was rejected, the queue is full"),
            Self::Closed { .. } => f.write_str("was not taken on, the pool is closed"),
        }
    }
}

impl Error for JobError {}
