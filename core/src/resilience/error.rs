//! The one error of every policy: flat, whatever the policies are stacked in.

use super::rejected::Rejected;
use std::fmt;
use std::time::Duration;

/// What came of a call that has no value to return.
///
/// It is flat: a pipeline of eight policies has the same error as one of them alone, and the user's own is never more
/// than one level deep. Who asked for a value and got this learns which policy said no, whether and when to come back,
/// and keeps the operation's last error.
///
/// Every policy that gave up on its own account says so; what it only let through stays as it was. So a fatal error of
/// the operation is [`Operation`](Self::Operation), also after several attempts and inside all other policies.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Cause, Error, Stop};
/// use std::time::Duration;
///
/// let error = Error::RetriesExhausted {
///     attempts: 3,
///     elapsed: Duration::from_millis(1_250),
///     why: Stop::MaxAttempts,
///     last: Cause::Operation("connection refused"),
/// };
/// assert_eq!(error.to_string(), "gave up after 3 attempts in 1.25s: that is as many as it may make");
/// assert_eq!(error.operation(), Some(&"connection refused"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<E> {
    /// The operation ran and failed; no policy wanted, or was there, to do anything about it.
    Operation(E),
    /// A policy refused the call: the operation was not called, or not again.
    Rejected(Rejected),
    /// The time is up.
    TimedOut {
        /// Whose time.
        scope: Scope,
        /// How much of it there was.
        limit: Duration,
    },
    /// The operation was tried as often as its retry policy allows.
    RetriesExhausted {
        /// How often the operation was tried, the first time included.
        attempts: u32,
        /// From the start of the first attempt to the decision to give up.
        elapsed: Duration,
        /// Why there was no further attempt.
        why: Stop,
        /// What came of the last attempt that came to anything.
        last: Cause<E>,
    },
    /// The operation failed, and so did what was to stand in for it.
    FallbackFailed {
        /// Why a fallback was needed.
        primary: Cause<E>,
        /// Why it did not help.
        fallback: Cause<E>,
    },
    /// Somebody asked for the call to stop.
    Cancelled,
}

/// Why one attempt, or the operation as a whole, has no value: what a policy keeps of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause<E> {
    /// The operation ran and failed.
    Operation(E),
    /// A policy refused the call.
    Rejected(Rejected),
    /// The time was up.
    TimedOut {
        /// Whose time.
        scope: Scope,
        /// How much of it there was.
        limit: Duration,
    },
}

/// Whose time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// That of the whole call, with all its attempts and all its waiting.
    Total,
    /// That of one attempt.
    Attempt,
    /// That of waiting for a turn: the operation was not called.
    Queue,
}

/// Why a retry policy gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stop {
    /// The attempts are used up.
    MaxAttempts,
    /// Its own time is used up, or would be by the end of the next delay.
    MaxElapsed,
    /// The call's deadline has come, or would by the end of the next delay.
    Deadline,
    /// The retry budget has nothing left, be it this process's or that of many together.
    Budget,
    /// The answer said not to come back, or not for longer than anybody would wait.
    Pushback,
    /// A policy inside refused the next attempt.
    Refused,
    /// A stream was made anew as often within the time as it may be.
    MaxRestarts,
}

impl<E> Error<E> {
    /// The operation's error, if it is at the bottom of this.
    ///
    /// Where a fallback failed too, it is the primary's.
    pub const fn operation(&self) -> Option<&E> {
        match self {
            Self::Operation(error) => Some(error),
            Self::RetriesExhausted { last: cause, .. } | Self::FallbackFailed { primary: cause, .. } => {
                cause.operation()
            }
            Self::Rejected(_) | Self::TimedOut { .. } | Self::Cancelled => None,
        }
    }

    /// As [`operation`](Self::operation), by value; the error given back where it has none.
    ///
    /// # Errors
    ///
    /// The error itself, unchanged.
    pub fn into_operation(self) -> Result<E, Self> {
        match self {
            Self::Operation(error)
            | Self::RetriesExhausted { last: Cause::Operation(error), .. }
            | Self::FallbackFailed { primary: Cause::Operation(error), .. } => Ok(error),
            other => Err(other),
        }
    }

    /// What refused the call, if that is at the bottom of this.
    pub const fn rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected)
            | Self::RetriesExhausted { last: Cause::Rejected(rejected), .. }
            | Self::FallbackFailed { primary: Cause::Rejected(rejected), .. } => Some(rejected),
            _ => None,
        }
    }

    /// When it is worth coming back, if a policy knows.
    pub fn retry_after(&self) -> Option<Duration> {
        self.rejected()?.retry_after()
    }

    /// Whether a time limit is at the bottom of this.
    pub const fn is_timeout(&self) -> bool {
        matches!(
            self,
            Self::TimedOut { .. }
                | Self::RetriesExhausted { last: Cause::TimedOut { .. }, .. }
                | Self::FallbackFailed { primary: Cause::TimedOut { .. }, .. }
        )
    }

    /// Whether the operation was not called: a policy refused the call, or no turn came in time.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::{Error, PolicyKind, Reason, Rejected, Scope};
    /// use std::time::Duration;
    ///
    /// let rejected = Rejected::new(PolicyKind::Bulkhead, "db", Reason::QueueFull);
    /// assert!(Error::<()>::Rejected(rejected).is_refusal());
    /// assert!(!Error::<()>::TimedOut { scope: Scope::Attempt, limit: Duration::ZERO }.is_refusal());
    /// ```
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Rejected(_) | Self::TimedOut { scope: Scope::Queue, .. })
    }

    /// What a policy keeps of it: the last cause of a nested retry, that of a fallback which failed. `None` for
    /// [`Cancelled`](Self::Cancelled), which is no failure.
    pub fn into_cause(self) -> Option<Cause<E>> {
        match self {
            Self::Operation(error) => Some(Cause::Operation(error)),
            Self::Rejected(rejected) => Some(Cause::Rejected(rejected)),
            Self::TimedOut { scope, limit } => Some(Cause::TimedOut { scope, limit }),
            Self::RetriesExhausted { last: cause, .. } | Self::FallbackFailed { fallback: cause, .. } => {
                Some(cause)
            }
            Self::Cancelled => None,
        }
    }

    /// As [`into_cause`](Self::into_cause), with the operation's error where it is.
    pub const fn cause(&self) -> Option<Cause<&E>> {
        match self {
            Self::Operation(error) => Some(Cause::Operation(error)),
            Self::Rejected(rejected) => Some(Cause::Rejected(*rejected)),
            Self::TimedOut { scope, limit } => Some(Cause::TimedOut { scope: *scope, limit: *limit }),
            Self::RetriesExhausted { last: cause, .. } | Self::FallbackFailed { fallback: cause, .. } => {
                Some(cause.as_ref())
            }
            Self::Cancelled => None,
        }
    }

    /// The same with another error of the operation.
    pub fn map<F>(self, mut f: impl FnMut(E) -> F) -> Error<F> {
        match self {
            Self::Operation(error) => Error::Operation(f(error)),
            Self::Rejected(rejected) => Error::Rejected(rejected),
            Self::TimedOut { scope, limit } => Error::TimedOut { scope, limit },
            Self::RetriesExhausted { attempts, elapsed, why, last } => {
                Error::RetriesExhausted { attempts, elapsed, why, last: last.map(f) }
            }
            Self::FallbackFailed { primary, fallback } => {
                let primary = primary.map(&mut f);
                Error::FallbackFailed { primary, fallback: fallback.map(f) }
            }
            Self::Cancelled => Error::Cancelled,
        }
    }
}

impl<E> Cause<E> {
    /// The operation's error, if that is the cause.
    pub const fn operation(&self) -> Option<&E> {
        match self {
            Self::Operation(error) => Some(error),
            Self::Rejected(_) | Self::TimedOut { .. } => None,
        }
    }

    /// What refused the call, if that is the cause.
    pub const fn rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Operation(_) | Self::TimedOut { .. } => None,
        }
    }

    /// Whether a time limit is the cause.
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }

    /// Whether the operation was not called: a policy refused the call, or no turn came in time.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Rejected(_) | Self::TimedOut { scope: Scope::Queue, .. })
    }

    /// The same with the operation's error where it is.
    pub const fn as_ref(&self) -> Cause<&E> {
        match self {
            Self::Operation(error) => Cause::Operation(error),
            Self::Rejected(rejected) => Cause::Rejected(*rejected),
            Self::TimedOut { scope, limit } => Cause::TimedOut { scope: *scope, limit: *limit },
        }
    }

    /// The same with another error of the operation.
    pub fn map<F>(self, f: impl FnOnce(E) -> F) -> Cause<F> {
        match self {
            Self::Operation(error) => Cause::Operation(f(error)),
            Self::Rejected(rejected) => Cause::Rejected(rejected),
            Self::TimedOut { scope, limit } => Cause::TimedOut { scope, limit },
        }
    }
}

impl<E> From<Cause<E>> for Error<E> {
    fn from(cause: Cause<E>) -> Self {
        match cause {
            Cause::Operation(error) => Self::Operation(error),
            Cause::Rejected(rejected) => Self::Rejected(rejected),
            Cause::TimedOut { scope, limit } => Self::TimedOut { scope, limit },
        }
    }
}

/// A wait that took too long becomes [`TimedOut`](Error::TimedOut) with [`Scope::Queue`]; every other refusal stays
/// one.
impl<E> From<Rejected> for Error<E> {
    fn from(rejected: Rejected) -> Self {
        match rejected.max_wait() {
            Some(limit) => Self::TimedOut { scope: Scope::Queue, limit },
            None => Self::Rejected(rejected),
        }
    }
}

impl<E> From<crate::task::Cancelled> for Error<E> {
    fn from(_: crate::task::Cancelled) -> Self {
        Self::Cancelled
    }
}

impl<E> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(_) => f.write_str("the operation failed"),
            Self::Rejected(rejected) => rejected.fmt(f),
            Self::TimedOut { scope, limit } => scope.describe(*limit, f),
            Self::RetriesExhausted { attempts, elapsed, why, .. } => {
                let plural = if *attempts == 1 { "" } else { "s" };
                write!(f, "gave up after {attempts} attempt{plural} in {elapsed:?}: {why}")
            }
            Self::FallbackFailed { primary, .. } => write!(f, "{primary}, and so did its fallback"),
            Self::Cancelled => f.write_str("the call was cancelled"),
        }
    }
}

impl<E> fmt::Display for Cause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(_) => f.write_str("the operation failed"),
            Self::Rejected(rejected) => rejected.fmt(f),
            Self::TimedOut { scope, limit } => scope.describe(*limit, f),
        }
    }
}

impl Scope {
    pub(super) fn describe(self, limit: Duration, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total => write!(f, "the call took longer than {limit:?}"),
            Self::Attempt => write!(f, "the attempt took longer than {limit:?}"),
            Self::Queue => write!(f, "no turn came within {limit:?}"),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxAttempts => "that is as many as it may make",
            Self::MaxElapsed => "the next would begin after its time is up",
            Self::Deadline => "the next would begin after the deadline",
            Self::Budget => "the retry budget is used up",
            Self::Pushback => "the answer said not to come back",
            Self::Refused => "the next was refused",
            Self::MaxRestarts => "there were as many restarts within the time as there may be",
        })
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Error<E> {
    /// The operation's error, or the cause that is kept. Of a failed fallback it is the fallback's; the primary's is
    /// in the variant.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Operation(error) => Some(error),
            Self::RetriesExhausted { last: cause, .. } | Self::FallbackFailed { fallback: cause, .. } => {
                Some(cause)
            }
            Self::Rejected(_) | Self::TimedOut { .. } | Self::Cancelled => None,
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Cause<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Operation(error) => Some(error),
            Self::Rejected(_) | Self::TimedOut { .. } => None,
        }
    }
}
