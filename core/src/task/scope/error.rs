//! How a scope fails.

use crate::runtime::Panic;
use crate::task::cancel_token::Cancelled;
use crate::task::roster::TaskLabel;
use std::error::Error;
use std::fmt;
use std::vec;

/// Why a scope has no value. All its tasks have ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScopeError<E> {
    /// Somebody failed: the body, a task or an exit hook.
    Failed(Failures<E>),
    /// It was cancelled, and something was cut off, or never ran.
    Cancelled(Cancelled),
    /// The runtime ended before a task did.
    Shutdown,
}

/// What has failed in a scope, in the order in which it did: at least one.
///
/// The first is why the scope has failed. With [`OnError::CancelSiblings`](super::OnError) those behind it have failed
/// while they were being cancelled.
#[derive(Debug)]
pub struct Failures<E> {
    first: (Origin, Failure<E>),
    others: Vec<(Origin, Failure<E>)>,
}

/// Who has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The body.
    Body,
    /// A task.
    Task(TaskLabel),
    /// An [exit hook](super::TaskScope::on_exit).
    ExitHook,
    /// The waker of somebody who was to be told: how a task has ended, that it is ready, or that all are cancelled.
    Waker,
}

/// How somebody has failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure<E> {
    /// With an error.
    Error(E),
    /// With a panic; where [`OnPanic::Report`](super::OnPanic) was chosen.
    Panic(Panic),
}

impl<E> ScopeError<E> {
    /// The first error that somebody gave, if somebody did.
    pub fn into_error(self) -> Option<E> {
        match self {
            Self::Failed(failures) => failures.into_iter().find_map(|(_, failure)| match failure {
                Failure::Error(error) => Some(error),
                Failure::Panic(_) => None,
            }),
            Self::Cancelled(_) | Self::Shutdown => None,
        }
    }

    /// Whether the scope was cancelled from outside, or by its deadline.
    pub const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }
}

impl<E> Failures<E> {
    /// `None` where nobody has failed.
    pub(super) fn new(failures: Vec<(Origin, Failure<E>)>) -> Option<Self> {
        let mut failures = failures.into_iter();
        let first = failures.next()?;
        Some(Self { first, others: failures.collect() })
    }

    /// Why the scope has failed.
    pub const fn first(&self) -> &(Origin, Failure<E>) {
        &self.first
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &(Origin, Failure<E>)> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// How many there are.
    #[allow(clippy::len_without_is_empty, reason = "there is always one")]
    pub const fn len(&self) -> usize {
        1 + self.others.len()
    }
}

impl<E> IntoIterator for Failures<E> {
    type Item = (Origin, Failure<E>);
    type IntoIter = std::iter::Chain<std::iter::Once<Self::Item>, vec::IntoIter<Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self.first).chain(self.others)
    }
}

impl<E: fmt::Display> fmt::Display for ScopeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failures) => failures.fmt(f),
            Self::Cancelled(cancelled) => write!(f, "the scope was {cancelled}"),
            Self::Shutdown => f.write_str("the runtime ended before the scope's tasks"),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failures<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (origin, failure) = &self.first;
        write!(f, "{origin} {failure}")?;
        match self.others.len() {
            0 => Ok(()),
            others => write!(f, " (and {others} more)"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("the scope's body"),
            Self::Task(label) => label.fmt(f),
            Self::ExitHook => f.write_str("an exit hook"),
            Self::Waker => f.write_str("a waker"),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write!(f, "failed: {error}"),
            Self::Panic(panic) => match panic.message() {
                Some(message) => write!(f, "panicked: {message}"),
                None => f.write_str("panicked"),
            },
        }
    }
}

impl<E: Error + 'static> Error for ScopeError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(failures) => failures.source(),
            Self::Cancelled(cancelled) => Some(cancelled),
            Self::Shutdown => None,
        }
    }
}

impl<E: Error + 'static> Error for Failures<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.first.1 {
            Failure::Error(error) => Some(error),
            Failure::Panic(_) => None,
        }
    }
}
