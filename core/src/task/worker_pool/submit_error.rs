//! Why a job was not taken on.

use super::job::Job;
use std::error::Error;
use std::fmt;

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
            Self::Full(job) => write!(f, "no place for the job `{}`, the queue is full", job.label().bare()),
            Self::Closed(job) => {
                write!(f, "the job `{}` was not taken on, the pool is closed", job.label().bare())
            }
        }
    }
}

impl<W> Error for SubmitError<W> {}
