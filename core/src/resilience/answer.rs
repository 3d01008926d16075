//! A value, and where it comes from.

use std::time::Duration;

/// What [`Call::detailed`](super::Call::detailed) gives: the value, and how it came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<T> {
    /// The value.
    pub value: T,
    /// Whose value it is.
    pub source: Source,
    /// How often the operation was called: zero if a policy refused it and the value is a fallback's.
    pub attempts: u32,
}

/// Who gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The operation.
    Operation,
    /// What stood in for it, since it had none.
    Fallback,
    /// The operation, earlier: the [last good value](super::LastGood) stood in for it, since it had none.
    Stale {
        /// How long ago it was good.
        age: Duration,
    },
}
