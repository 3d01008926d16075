//! What becomes of children, told as it happens.

use crate::runtime::{JoinError, Panic};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What has happened in a [`Supervisor`](super::Supervisor).
#[non_exhaustive]
pub enum SupervisorEvent<E> {
    /// A child was started, for the first time or again. For each of these there is one `Exited`.
    Started {
        /// The child.
        child: Arc<str>,
        /// How many times it had been started before.
        restarts: u64,
    },
    /// A run of a child has ended: by itself, or because it had to stop.
    Exited {
        /// The child.
        child: Arc<str>,
        /// How.
        exit: Arc<ChildExit<E>>,
    },
    /// A child has failed and will be started again, and its group with it.
    Restarting {
        /// The child.
        child: Arc<str>,
        /// Not before so long.
        after: Duration,
    },
    /// There were too many restarts; the supervisor stops its children.
    GaveUp {
        /// The child whose failure was one too many.
        child: Arc<str>,
    },
    /// All children have ended: the last event.
    Stopped,
}

impl<E> SupervisorEvent<E> {
    /// The child it is about, if it is about one.
    pub fn child(&self) -> Option<&str> {
        match self {
            Self::Started { child, .. }
            | Self::Exited { child, .. }
            | Self::Restarting { child, .. }
            | Self::GaveUp { child } => Some(child),
            Self::Stopped => None,
        }
    }
}

impl<E> Clone for SupervisorEvent<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Started { child, restarts } => {
                Self::Started { child: Arc::clone(child), restarts: *restarts }
            }
            Self::Exited { child, exit } => Self::Exited { child: Arc::clone(child), exit: Arc::clone(exit) },
            Self::Restarting { child, after } => Self::Restarting { child: Arc::clone(child), after: *after },
            Self::GaveUp { child } => Self::GaveUp { child: Arc::clone(child) },
            Self::Stopped => Self::Stopped,
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for SupervisorEvent<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { child, restarts } => {
                f.debug_struct("Started").field("child", child).field("restarts", restarts).finish()
            }
            Self::Exited { child, exit } => {
                f.debug_struct("Exited").field("child", child).field("exit", exit).finish()
            }
            Self::Restarting { child, after } => {
                f.debug_struct("Restarting").field("child", child).field("after", after).finish()
            }
            Self::GaveUp { child } => f.debug_struct("GaveUp").field("child", child).finish(),
            Self::Stopped => f.write_str("Stopped"),
        }
    }
}

/// For logs: `db: started again (2)`.
impl<E: fmt::Display> fmt::Display for SupervisorEvent<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { child, restarts: 0 } => write!(f, "{child}: started"),
            Self::Started { child, restarts } => write!(f, "{child}: started again ({restarts})"),
            Self::Exited { child, exit } => write!(f, "{child}: {exit}"),
            Self::Restarting { child, after } => write!(f, "{child}: to be restarted after {after:?}"),
            Self::GaveUp { child } => write!(f, "{child}: given up on"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// How a run of a child has ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChildExit<E> {
    /// It gave `Ok`.
    Finished,
    /// It gave an error.
    Failed(E),
    /// It panicked, or its factory did.
    Panicked(Panic),
    /// The supervisor aborted it: it had no time to stop, or has used it up.
    Aborted,
    /// The runtime has ended.
    RuntimeEnded,
}

impl<E> ChildExit<E> {
    pub(super) fn new(outcome: Result<Result<(), E>, JoinError>) -> Self {
        match outcome {
            Ok(Ok(())) => Self::Finished,
            Ok(Err(error)) => Self::Failed(error),
            Err(JoinError::Panicked(panic)) => Self::Panicked(panic),
            Err(JoinError::Aborted) => Self::Aborted,
            Err(JoinError::Shutdown) => Self::RuntimeEnded,
        }
    }

    /// Whether it ended well.
    pub const fn is_finished(&self) -> bool {
        matches!(self, Self::Finished)
    }

    /// The error, if it gave one.
    pub const fn error(&self) -> Option<&E> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for ChildExit<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Panicked(panic) => match panic.message() {
                Some(message) => write!(f, "panicked: {message}"),
                None => f.write_str("panicked"),
            },
            Self::Aborted => f.write_str("aborted"),
            Self::RuntimeEnded => f.write_str("its runtime has ended"),
        }
    }
}
