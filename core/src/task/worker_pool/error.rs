//! Why a job gave no value, or was not taken on.

use super::job::{Job, JobName};
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

/// A job that was not taken on; given back.
#[non_exhaustive]
pub enum SubmitError<W> {
    /// The queue was full.
    Full(Job<W>),
    /// The pool takes no jobs any more.
    Closed(Job<W>),
}

impl<W> SubmitError<W> {
    /// The job.
    pub fn into_job(self) -> Job<W> {
        match self {
            Self::Full(job) | Self::Closed(job) => job,
        }
    }

    /// Whether the queue was full.
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether the pool takes no jobs any more.
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

// Also of work that has no `Debug`: a result must be unwrappable.
impl<W> fmt::Debug for SubmitError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(job) => f.debug_tuple("Full").field(job).finish(),
            Self::Closed(job) => f.debug_tuple("Closed").field(job).finish(),
        }
    }
}

impl<W> fmt::Display for SubmitError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(job) => write!(f, "no place for the job `{}`, the queue is full", job.name()),
            Self::Closed(job) => write!(f, "the job `{}` was not taken on, the pool is closed", job.name()),
        }
    }
}

impl<W> Error for SubmitError<W> {}
