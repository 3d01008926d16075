//! The states of a circuit breaker, and why it leaves them.

use std::fmt;

/// What a circuit breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum CircuitState {
    /// They pass, and are counted.
    Closed,
    /// They are refused.
    Open,
    /// So many pass at a time, to see whether the service works again.
    HalfOpen,
    /// They are refused until somebody says otherwise.
    Isolated,
    /// They pass, and nothing is counted.
    Disabled,
    /// They pass and are counted, and it never opens.
    MetricsOnly,
}

impl CircuitState {
    /// Its name in words, the same in all versions: `half-open`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::Isolated => "isolated",
            Self::Disabled => "disabled",
            Self::MetricsOnly => "metrics-only",
        }
    }
}

impl fmt::Display for CircuitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a circuit breaker changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CircuitReason {
    /// As many calls failed one after the other as may not.
    ConsecutiveFailures,
    /// Too many of the calls in the window failed.
    FailureRate,
    /// Too many of the calls in the window were slow.
    SlowCallRate,
    /// It has been open for as long as it was to be, and somebody asked.
    OpenTimeOver,
    /// The probes found the service working.
    ProbesSucceeded,
    /// A probe, or too many of them, failed or were slow.
    ProbeFailed,
    /// It was half-open for as long as it may be, and nothing was decided.
    HalfOpenTimeOver,
    /// Somebody said so.
    ByHand,
    /// It goes on from a [snapshot](super::CircuitSnapshot).
    Restored,
}

impl CircuitReason {
    /// Its name in words, the same in all versions: `failure rate`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConsecutiveFailures => "consecutive failures",
            Self::FailureRate => "failure rate",
            Self::SlowCallRate => "slow call rate",
            Self::OpenTimeOver => "open time over",
            Self::ProbesSucceeded => "probes succeeded",
            Self::ProbeFailed => "probe failed",
            Self::HalfOpenTimeOver => "half-open time over",
            Self::ByHand => "by hand",
            Self::Restored => "restored",
        }
    }
}

impl fmt::Display for CircuitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
