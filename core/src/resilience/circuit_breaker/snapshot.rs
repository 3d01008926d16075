//! What a circuit breaker knows, for a process that is started again.

use super::{CircuitBreaker, CircuitState};
use crate::config_error::ConfigError;
use crate::instant::Instant;
use std::time::Duration;

/// What a [`CircuitBreaker`] knows at one moment, as plain data: to be kept where it outlives the process, and given to
/// the breaker of the next. From [`CircuitBreaker::snapshot`].
///
/// There is no instant in it: all times are relative to when it was taken, so that it can be read by a process with
/// another clock. How long ago that was is for the reader to say, with [`aged`](Self::aged): it has a clock on the wall,
/// and this doesn't.
///
/// With the feature `serde` it is read and written as a configuration is. A field that is not known is refused, and so
/// is a value that can't be: who can't understand all of a snapshot begins without one, as it would have before there
/// were any.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{CircuitBreaker, CircuitState};
/// use backstay_core::time::Instant;
/// use std::time::Duration;
///
/// const SECOND: Duration = Duration::from_secs(1);
///
/// let mail = || CircuitBreaker::named("mail").consecutive_failures(1).open_for(10 * SECOND);
/// let (breaker, now) = (mail().build()?, Instant::ORIGIN + 70 * SECOND);
/// breaker.try_acquire(now)?.failure(now);
/// let kept = breaker.snapshot(now + SECOND);
/// assert_eq!((kept.state, kept.left), (CircuitState::Open, Some(9 * SECOND)));
///
/// // Two seconds later, in a process that has just begun.
/// let (breaker, now) = (mail().build()?, Instant::ORIGIN);
/// breaker.restore(&kept.aged(2 * SECOND), now)?;
/// assert_eq!(breaker.try_acquire(now).unwrap_err().retry_after(), Some(7 * SECOND));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitSnapshot {
    /// How long ago it was taken.
    pub age: Duration,
    /// The state.
    pub state: CircuitState,
    /// How long it is open still, which must be given of an open one; or half-open, where there is a limit to that.
    pub left: Option<Duration>,
    /// How often it has opened since it was closed.
    pub openings_in_a_row: u32,
    /// How many of the latest calls failed one after the other.
    pub consecutive_failures: u32,
    /// How often it has opened.
    pub openings: u64,
    /// Calls that counted for nothing.
    pub late: u64,
    /// Probes of a half-open one that have ended.
    pub probes: CircuitCalls,
    /// The calls in the window, the oldest first: of a time window with their times, of a count window without.
    pub window: Vec<CircuitCalls>,
}

/// Calls that a circuit breaker has counted, in a [`CircuitSnapshot`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitCalls {
    /// How long before the snapshot the first of them may have ended; `None` of calls one after the other, which are
    /// all alike.
    pub ago: Option<Duration>,
    /// How many.
    pub calls: u64,
    /// How many of them failed.
    pub failures: u64,
    /// How many of them were slow.
    pub slow_calls: u64,
}

crate::settings_of_its_own!(CircuitState, CircuitCalls, Vec<CircuitCalls>);

crate::settings! {
    CircuitCalls from Self::default();
    ago,
    calls,
    failures,
    slow_calls,
}

crate::settings! {
    CircuitSnapshot requires [state] from Self::new();
    age,
    state,
    left,
    openings_in_a_row,
    consecutive_failures,
    openings,
    late,
    probes,
    window,
}

impl CircuitCalls {
    /// Whether it can be.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        for (field, part) in [("failures", self.failures), ("slow_calls", self.slow_calls)] {
            if part > self.calls {
                return Err(ConfigError::invalid_value(field, part.into(), "must be at most `calls`"));
            }
        }
        Ok(())
    }

    /// Of which each is as the others.
    fn check_alike(&self) -> Result<(), ConfigError> {
        let mixed = |part: &(_, u64)| part.1 != 0 && part.1 != self.calls;
        match [("failures", self.failures), ("slow_calls", self.slow_calls)].into_iter().find(mixed) {
            Some((field, part)) if self.ago.is_none() => {
                let reason = "must be none or all of `calls`, where `ago` is not given";
                Err(ConfigError::invalid_value(field, part.into(), reason))
            }
            _ => Ok(()),
        }
    }
}

impl CircuitSnapshot {
    /// That of a new one.
    pub(super) const fn new() -> Self {
        Self {
            age: Duration::ZERO,
            state: CircuitState::Closed,
            left: None,
            openings_in_a_row: 0,
            consecutive_failures: 0,
            openings: 0,
            late: 0,
            probes: CircuitCalls { ago: None, calls: 0, failures: 0, slow_calls: 0 },
            window: Vec::new(),
        }
    }

    /// The same, so much older: by how long the process was down, by the clock on the wall or by what is safe to assume.
    /// None is safe, and too much means that it is back too early.
    pub fn aged(mut self, by: Duration) -> Self {
        self.age = self.age.saturating_add(by);
        self
    }

    /// Whether it can be: what [`CircuitBreaker::restore`] checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        match (self.state, self.left) {
            (CircuitState::Open, None) => {
                return Err(ConfigError::invalid("left", "must be given where `state` is open"));
            }
            (CircuitState::Open | CircuitState::HalfOpen, _) | (_, None) => {}
            (_, Some(left)) => {
                let reason = "must not be given where `state` is neither open nor half-open";
                return Err(ConfigError::invalid_value("left", left.into(), reason));
            }
        }
        self.probes.validate()?;
        let mut all = 0_u64;
        for part in &self.window {
            part.validate()?;
            part.check_alike()?;
            all = all.checked_add(part.calls).ok_or(ConfigError::invalid_value(
                "calls",
                part.calls.into(),
                "must be less than 2^64 in all",
            ))?;
        }
        Ok(())
    }
}

impl<C> CircuitBreaker<C> {
    /// What it knows, as of this time: to be [restored](Self::restore) in a process that is started later. Changes
    /// nothing.
    ///
    /// # Cost
    ///
    /// In the number of calls in a window of calls, under the lock.
    pub fn snapshot(&self, now: Instant) -> CircuitSnapshot {
        self.shared.snapshot(now)
    }

    /// Goes on from a snapshot, in place of what it knows itself: as the breaker that it was taken of would be now, had
    /// it gone on.
    ///
    /// | of the snapshot | |
    /// |---|---|
    /// | open | for what is left of its time, at most `max_open` |
    /// | half-open | for what is left, at most `half_open_timeout`; the probes that were under way are nobody's, and others are made for them |
    /// | set by hand | stays so: isolated, disabled, metrics only |
    /// | the window | the latest calls that there is room for, those of a time window to within 1/32 of it; none from a window of calls to one of time, or the other way round |
    ///
    /// Calls that are under way here count for nothing: they began in another state. Its settings are its own, also
    /// where those of the other were different; and so are its observer, which is told of the state if that has
    /// changed, and its random numbers.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field that can't be; nothing has changed then.
    ///
    /// # Cost
    ///
    /// As [`snapshot`](Self::snapshot).
    pub fn restore(&self, snapshot: &CircuitSnapshot, now: Instant) -> Result<(), ConfigError> {
        snapshot.validate()?;
        self.shared.restore(snapshot, now);
        Ok(())
    }
}
