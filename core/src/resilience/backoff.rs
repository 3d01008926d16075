//! How long to wait before the next attempt (recipe 6.2).

mod delays;
#[cfg(feature = "serde")]
mod file;
mod jitter;
mod schedule;

pub use delays::Delays;
pub use jitter::Jitter;

pub(crate) use jitter::Interval;
pub(crate) use schedule::scaled;

use crate::config_error::ConfigError;
use crate::instant::nanos;
use crate::settings::{Rule, Setting};
use schedule::Schedule;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait before the next attempt: a schedule, a cap and a jitter.
///
/// | schedule | after attempt 1, 2, 3, 4, … | jitter, if none is chosen |
/// |---|---|---|
/// | [`exponential`](Self::exponential) | `initial` × 1, 2, 4, 8, …, by its `factor` | [`Jitter::Full`] |
/// | [`fibonacci`](Self::fibonacci) | `initial` × 1, 1, 2, 3, 5, … | [`Jitter::Full`] |
/// | [`linear`](Self::linear) | `step` × 1, 2, 3, 4, … | [`Jitter::Full`] |
/// | [`constant`](Self::constant) | always the same | [`Jitter::None`] |
/// | [`custom`](Self::custom) | what a function says | [`Jitter::None`] |
/// | [`none`](Self::none) | nothing: at once | [`Jitter::None`] |
///
/// The cap comes first and the jitter only shortens what it leaves: every delay is longer than zero and none is longer
/// than [`max_delay`](Self::max_delay), after any number of attempts; and clients that have reached the cap still
/// don't come back all at once. Without jitter delays never get shorter from one attempt to the next.
///
/// Every delay is computed from the number of its attempt, in whole nanoseconds: nothing drifts, overflows or becomes
/// not a number. What would be longer than 584 years is 584 years.
///
/// It knows no clock and has no random numbers of its own: they are passed in. A [`Retry`](super::Retry) does that.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Backoff, Jitter};
/// use std::time::Duration;
///
/// let backoff = Backoff::exponential(Duration::from_millis(100)).max_delay(Duration::from_secs(10));
/// // From the whole of 100 ms down to almost nothing, by the random number.
/// assert_eq!(backoff.delay(1, 0), Duration::from_millis(100));
/// assert_eq!(backoff.delay(1, u64::MAX), Duration::from_nanos(1));
///
/// let exact = backoff.jitter(Jitter::None);
/// assert_eq!([1, 2, 3].map(|attempt| exact.delay(attempt, 0).as_millis()), [100, 200, 400]);
/// assert_eq!(exact.delay(u32::MAX, 0), Duration::from_secs(10));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "ExponentialBackoff")]
pub struct Backoff {
    schedule: Schedule,
    factor: Option<f64>,
    max_delay: Duration,
    jitter: Jitter,
}

/// Of what a schedule is multiplied by.
const FACTOR: Rule<f64> =
    Rule { reason: "must be a number of at least 1", holds: |factor| factor.is_finite() && *factor >= 1.0 };

/// Of the first delay.
const FIRST: Rule<Duration> = Rule {
    reason: "must be longer than zero: for no delay there is `Backoff::none`",
    holds: |delay| !delay.is_zero(),
};

impl Backoff {
    /// `initial` after the first attempt, twice as long after each further one.
    pub const fn exponential(initial: Duration) -> Self {
        Self::new(Schedule::Exponential { initial }, Jitter::Full)
    }

    /// `initial` after the first attempt and after the second, and then as long as the two delays before together.
    pub const fn fibonacci(initial: Duration) -> Self {
        Self::new(Schedule::Fibonacci { initial }, Jitter::Full)
    }

    /// `step` after the first attempt, longer by `step` after each further one.
    pub const fn linear(step: Duration) -> Self {
        Self::new(Schedule::Linear { step }, Jitter::Full)
    }

    /// Always the same delay.
    #[doc(alias = "fixed")]
    pub const fn constant(delay: Duration) -> Self {
        Self::new(Schedule::Constant { delay }, Jitter::None)
    }

    /// What a function says, given the number of the attempt that failed: one for the first.
    ///
    /// It is the only schedule besides [`none`](Self::none) that may say zero. It should be quick and not panic; a
    /// panic of it is the call's.
    pub fn custom(delay: impl Fn(u32) -> Duration + Send + Sync + 'static) -> Self {
        Self::new(Schedule::Custom(Arc::new(delay)), Jitter::None)
    }

    /// No delay.
    pub const fn none() -> Self {
        Self::new(Schedule::None, Jitter::None)
    }

    const fn new(schedule: Schedule, jitter: Jitter) -> Self {
        Self { schedule, factor: None, max_delay: Duration::MAX, jitter }
    }

    /// By what an exponential schedule grows from attempt to attempt; two if it isn't said. At least one; a growth of
    /// less than a millionth is none.
    ///
    /// Whole factors give exact delays, others are exact to the nanosecond for all delays that can be told from their
    /// neighbours.
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = Some(factor);
        self
    }

    /// No delay is longer than this, with its jitter. No limit if it isn't said.
    #[doc(alias = "cap")]
    pub const fn max_delay(mut self, max: Duration) -> Self {
        self.max_delay = max;
        self
    }

    /// What makes delays differ among clients that failed together.
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// The same, if it makes sense. What takes a backoff checks it too, so that this is for who uses it alone.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field:
    ///
    /// | field | valid |
    /// |---|---|
    /// | `initial`, `step`, `delay` | longer than zero |
    /// | `factor` | a number of at least one, of an exponential schedule |
    /// | `max_delay` | not shorter than the first delay |
    /// | `jitter` | additive: longer than zero, and the first delay with it not longer than `max_delay` |
    pub fn build(self) -> Result<Self, ConfigError> {
        self.check().map(|()| self)
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if let Some(factor) = self.factor {
            if !matches!(self.schedule, Schedule::Exponential { .. }) {
                let reason = "only an exponential schedule has one";
                return Err(ConfigError::invalid_value("factor", factor.into(), reason));
            }
            factor.check("factor", &FACTOR)?;
        }
        let Some((field, first)) = self.schedule.first() else { return Ok(()) };
        first.check(field, &FIRST)?;
        if self.max_delay < first {
            let reason = "must not be shorter than the first delay";
            return Err(ConfigError::invalid_value("max_delay", self.max_delay.into(), reason));
        }
        match self.jitter {
            Jitter::Additive(most) if most.is_zero() => {
                let reason = "must be longer than zero: for none there is `Jitter::None`";
                Err(ConfigError::invalid_value("jitter", most.into(), reason))
            }
            Jitter::Additive(most) if self.max_delay.saturating_sub(first) < most => {
                let reason = "the first delay and it must not exceed `max_delay`";
                Err(ConfigError::invalid_value("jitter", most.into(), reason))
            }
            _ => Ok(()),
        }
    }

    /// The delay after the attempt of that number, one for the first. `random` chooses within the jitter: zero the
    /// longest delay, [`u64::MAX`] the shortest, evenly between.
    ///
    /// With [`Jitter::Decorrelated`], where a delay depends on the one before, that is taken to have been as long as
    /// it could be; [`next_delay`](Self::next_delay) is told.
    pub fn delay(&self, attempt: u32, random: u64) -> Duration {
        Duration::from_nanos(self.interval(attempt, None).pick(random))
    }

    /// As [`delay`](Self::delay), told the delay before; zero if there was none. Only [`Jitter::Decorrelated`] asks
    /// for it.
    pub fn next_delay(&self, attempt: u32, previous: Duration, random: u64) -> Duration {
        Duration::from_nanos(self.interval(attempt, Some(nanos(previous))).pick(random))
    }

    /// All the delays, one after the other, with random numbers from this seed: for tests, and for code without a
    /// runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::Backoff;
    /// use std::time::Duration;
    ///
    /// let backoff = Backoff::fibonacci(Duration::from_secs(1)).max_delay(Duration::from_secs(5));
    /// for (delay, most) in backoff.delays(42).zip([1, 1, 2, 3, 5, 5]) {
    ///     assert!(!delay.is_zero() && delay <= Duration::from_secs(most));
    /// }
    /// ```
    pub const fn delays(&self, seed: u64) -> Delays<'_> {
        Delays::new(self, seed)
    }

    /// Between which bounds the delay is, in nanoseconds, as the one before.
    pub(crate) fn interval(&self, attempt: u32, previous: Option<u64>) -> Interval {
        let (attempt, cap) = (attempt.max(1), nanos(self.max_delay));
        let base = |attempt| self.schedule.base(attempt, self.factor.unwrap_or(2.0)).min(cap);
        match self.jitter {
            Jitter::None => Interval::exactly(base(attempt)),
            Jitter::Full => Interval::full(base(attempt)),
            Jitter::Equal => Interval::equal(base(attempt)),
            Jitter::Additive(most) => Interval::additive(base(attempt), nanos(most), cap),
            Jitter::Decorrelated => Interval::decorrelated(base(1), attempt, previous, cap),
        }
    }

    /// Whether a random number makes a difference.
    pub(crate) const fn is_random(&self) -> bool {
        !matches!(self.jitter, Jitter::None)
    }
}

crate::settings_of_its_own!(Backoff);

/// In a few words, for logs: `exponential delays from 100ms, at most 20s, full jitter`.
impl fmt::Display for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.schedule.fmt(f)?;
        if let Some(factor) = self.factor {
            write!(f, ", times {factor}")?;
        }
        if self.max_delay != Duration::MAX {
            write!(f, ", at most {:?}", self.max_delay)?;
        }
        if self.jitter != Jitter::None {
            write!(f, ", {}", self.jitter)?;
        }
        Ok(())
    }
}
