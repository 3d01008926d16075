//! Why a job gave no value.

use crate::runtime::Panic;
use crate::task::roster::TaskLabel;
use std::error::Error;
use std::fmt;

/// Why a job gave no value; it says which job.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobError {
    /// It panicked. Its worker goes on with the next.
    Panicked {
        /// The job.
        label: TaskLabel,
        /// What was caught.
        panic: Panic,
    },
    /// It was cancelled: by [`JobHandle::abort`](super::JobHandle::abort), with its pool, or with its runtime.
    Cancelled {
        /// The job.
        label: TaskLabel,
    },
    /// The [overflow policy](super::PoolOverflow) dropped it; it never ran.
    Dropped {
        /// The job.
        label: TaskLabel,
    },
    /// The queue was full, and the job was not taken on: from [`run`](super::WorkerPool::run) alone.
    Rejected {
        /// The job.
        label: TaskLabel,
    },
    /// The pool takes no jobs any more, and this one was not taken on: from [`run`](super::WorkerPool::run) alone.
    Closed {
        /// The job.
        label: TaskLabel,
    },
}

impl JobError {
    /// The job.
    pub const fn label(&self) -> &TaskLabel {
        match self {
            Self::Panicked { label, .. }
            | Self::Cancelled { label }
            | Self::Dropped { label }
            | Self::Rejected { label }
            | Self::Closed { label } => label,
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
        write!(f, "the job `{}` ", self.label().bare())?;
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
