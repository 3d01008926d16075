//! What happens when a store does not answer.

use crate::limit::Limit;
use std::fmt;

/// What happens to calls while the store of a [`SharedRateLimiter`](super::SharedRateLimiter) does not answer.
///
/// In a file it is `"allow"`, `"deny"`, or a table: `{ local_share = 4 }`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum OnStoreFailure {
    /// They pass: nothing limits them. For a limit that keeps things fair. Envoy's rate limits do the same by default.
    #[default]
    Allow,
    /// They are refused. For a limit without which something breaks.
    Deny,
    /// Each of so many processes has its share of the quota to itself: the rate divided by their number, and so the
    /// burst, but not below one.
    ///
    /// Together they stay within the rate if there are not more of them. When the store fails, a process has all of its
    /// share of the burst, whatever had been taken there.
    LocalShare(Limit),
}

crate::settings_of_its_own!(OnStoreFailure);

/// Why a store gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreFailure {
    /// It took too long.
    Timeout,
    /// It said that it can't.
    Error,
    /// It was not asked, because it has failed of late: the breaker is open.
    NotAsked,
}

impl fmt::Display for StoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "the store took too long",
            Self::Error => "the store failed",
            Self::NotAsked => "the store was not asked: it has failed of late",
        })
    }
}

impl fmt::Display for OnStoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("the call passes"),
            Self::Deny => f.write_str("the call is refused"),
            Self::LocalShare(of) => write!(f, "the share of one of {of} processes decides"),
        }
    }
}
