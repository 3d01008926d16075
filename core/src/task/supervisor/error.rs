//! What can go wrong with a supervisor.

use super::child::ChildSpec;
use super::events::ChildExit;
use super::report::SupervisorReport;
use crate::config_error::ConfigError;
use crate::runtime::Runtime;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A supervisor has given up: there were more restarts within its period than its intensity allows, or the runtime has
/// ended. Its children have been stopped.
///
/// Its [`source`](Error::source) is the error of the child whose failure was one too many, if it gave one.
#[non_exhaustive]
pub struct GaveUp<E> {
    /// The supervisor.
    pub supervisor: Arc<str>,
    /// The child whose failure was one too many.
    pub child: Arc<str>,
    /// How it had ended.
    pub exit: Arc<ChildExit<E>>,
    /// How many restarts there could have been within the period.
    pub intensity: u32,
    /// The period.
    pub period: Duration,
    /// What the supervisor has done.
    pub report: Box<SupervisorReport>,
}

impl<E> fmt::Display for GaveUp<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { supervisor, child, intensity, period, .. } = self;
        match &*self.exit {
            ChildExit::RuntimeEnded => write!(f, "supervisor `{supervisor}` gave up: the runtime has ended"),
            exit => {
                let how = match exit {
                    ChildExit::Panicked(_) => "panicked",
                    ChildExit::Finished => "ended",
                    _ => "failed",
                };
                write!(
                    f,
                    "supervisor `{supervisor}` gave up: `{child}` {how}, after {intensity} restarts within {period:?}"
                )
            }
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for GaveUp<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GaveUp")
            .field("supervisor", &self.supervisor)
            .field("child", &self.child)
            .field("exit", &self.exit)
            .field("intensity", &self.intensity)
            .field("period", &self.period)
            .field("report", &self.report)
            .finish()
    }
}

impl<E: Error + 'static> Error for GaveUp<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.exit.error().map(|error| error as &(dyn Error + 'static))
    }
}

/// Why a child was not added; it is given back.
#[non_exhaustive]
pub enum AddChildError<R: Runtime, E> {
    /// There is one of that name.
    NameTaken {
        /// The one that was to be added.
        child: Box<ChildSpec<R, E>>,
    },
    /// The supervisor stops, or has ended.
    Stopping {
        /// The one that was to be added.
        child: Box<ChildSpec<R, E>>,
    },
    /// It makes no sense there.
    Invalid {
        /// What is wrong with it.
        source: ConfigError,
        /// The one that was to be added.
        child: Box<ChildSpec<R, E>>,
    },
}

impl<R: Runtime, E> AddChildError<R, E> {
    /// The child.
    pub fn into_child(self) -> ChildSpec<R, E> {
        match self {
            Self::NameTaken { child } | Self::Stopping { child } | Self::Invalid { child, .. } => *child,
        }
    }

    pub(super) fn into_config_error(self) -> ConfigError {
        match self {
            Self::Invalid { source, .. } => source,
            Self::NameTaken { .. } => ConfigError::invalid("children", "two have the same name"),
            Self::Stopping { .. } => ConfigError::invalid("children", "the supervisor has ended"),
        }
    }
}

impl<R: Runtime, E> fmt::Display for AddChildError<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken { child } => write!(f, "there is a child `{}` already", child.name()),
            Self::Stopping { child } => {
                write!(f, "child `{}` was not added: the supervisor stops", child.name())
            }
            Self::Invalid { child, .. } => write!(f, "child `{}` can't be added", child.name()),
        }
    }
}

impl<R: Runtime, E> fmt::Debug for AddChildError<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken { child } => f.debug_struct("NameTaken").field("child", child).finish(),
            Self::Stopping { child } => f.debug_struct("Stopping").field("child", child).finish(),
            Self::Invalid { source, child } => {
                f.debug_struct("Invalid").field("source", source).field("child", child).finish()
            }
        }
    }
}

impl<R: Runtime, E> Error for AddChildError<R, E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Invalid { source, .. } => Some(source),
            Self::NameTaken { .. } | Self::Stopping { .. } => None,
        }
    }
}

/// There is no child of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownChild {
    pub(super) name: Arc<str>,
}

impl UnknownChild {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for UnknownChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no child `{}`", self.name)
    }
}

impl Error for UnknownChild {}
