//! How many in which time.

use super::pace::{MAX_NANOS, Pace};
use super::window::Window;
use crate::config_error::ConfigError;
use crate::instant::nanos;
use crate::settings::{Rule, Setting};
use std::fmt;
use std::time::Duration;

/// How many permits in which time, and how many at once.
///
/// The **rate** is what comes back: so many permits in each period, one at a time, evenly spaced. The **burst** is
/// what can be saved: how many may be taken at once after a pause. They are two things and named apart; the burst is
/// one where none is given, so that what is limited is spaced evenly.
///
/// In any interval at most the burst and what the rate gives in that time are granted. That is more than the rate
/// for an interval that begins with a saved burst; [`strict`](Self::strict) is for who must not let that be.
///
/// A quota is only numbers; what makes no sense is refused where a limiter is
/// [built](super::RateLimiterBuilder::build):
///
/// | field | range |
/// |---|---|
/// | `permits` | from 1; at most one a nanosecond; a strict window's at most [`MAX_STRICT`](Self::MAX_STRICT) |
/// | `per` | more than zero, less than 2^60 ns (36 years) |
/// | `burst` | from 1; saved up within 2^60 ns (36 years) at that rate |
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::Quota;
/// use std::time::Duration;
///
/// let quota = Quota::per_second(100).burst(20);
/// assert_eq!((quota.permits(), quota.per(), quota.max_burst()), (100, Duration::from_secs(1), 20));
///
/// let slow = Quota::new(5, Duration::from_secs(60)); // one each twelve seconds
/// assert_eq!(slow.max_burst(), 1);
///
/// let never_more = Quota::strict(100, Duration::from_secs(1));
/// assert!(never_more.is_strict());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    permits: u32,
    per: Duration,
    burst: u32,
    strict: bool,
}

impl Quota {
    /// The most permits in a strict window: a time is kept for each.
    pub const MAX_STRICT: u32 = 1 << 20;

    /// So many permits in each such time, and no burst.
    pub const fn new(permits: u32, per: Duration) -> Self {
        Self { permits, per, burst: 1, strict: false }
    }

    /// So many permits in each second, and no burst.
    pub const fn per_second(permits: u32) -> Self {
        Self::new(permits, Duration::from_secs(1))
    }

    /// So many permits in each minute, and no burst.
    pub const fn per_minute(permits: u32) -> Self {
        Self::new(permits, Duration::from_secs(60))
    }

    /// So many permits in each hour, and no burst.
    pub const fn per_hour(permits: u32) -> Self {
        Self::new(permits, Duration::from_secs(3_600))
    }

    /// Never more than so many permits in any window of that length, wherever it begins.
    ///
    /// The times of the last `permits` permits are kept: eight bytes for each, and a lock for whoever asks. What a
    /// window has used up comes back as its permits grow old, in whatever bursts they were taken.
    ///
    /// Where some in the queue ask for several, what those behind them are told, and what
    /// [`max_wait`](super::RateLimiterBuilder::max_wait) is compared with, is when their turn comes at the latest.
    #[doc(alias = "sliding_window")]
    pub const fn strict(permits: u32, window: Duration) -> Self {
        Self { permits, per: window, burst: permits, strict: true }
    }

    /// The same, with up to so many saved. A strict one has no burst but its window's, and stays as it is.
    pub const fn burst(self, burst: u32) -> Self {
        if self.strict { self } else { Self { burst, ..self } }
    }

    /// How many permits there are in each [`per`](Self::per).
    pub const fn permits(&self) -> u32 {
        self.permits
    }

    /// In which time.
    pub const fn per(&self) -> Duration {
        self.per
    }

    /// How many may be taken at once, at most.
    pub const fn max_burst(&self) -> u32 {
        self.burst
    }

    /// Whether it counts in windows: see [`strict`](Self::strict).
    pub const fn is_strict(&self) -> bool {
        self.strict
    }

    /// The arithmetic of it, if it is not strict.
    pub(in crate::resilience) fn pace(&self) -> Result<Pace, ConfigError> {
        let per = self.checked_per()?;
        if u64::from(self.permits) > per {
            let reason = "must be at most one a nanosecond";
            return Err(ConfigError::invalid_value("permits", self.permits.into(), reason));
        }
        Pace::new(self.permits, per, self.burst).ok_or(ConfigError::invalid_value(
            "burst",
            self.burst.into(),
            "must be small enough to be saved up within 2^60 ns (36 years) at that rate",
        ))
    }

    /// The ring of it, if it is strict.
    pub(super) fn window(&self) -> Result<Window, ConfigError> {
        let window = self.checked_per()?;
        if self.permits > Self::MAX_STRICT {
            let reason = "must be at most 1,048,576 in a strict window";
            return Err(ConfigError::invalid_value("permits", self.permits.into(), reason));
        }
        Ok(Window::new(self.permits as usize, window))
    }

    fn checked_per(&self) -> Result<u64, ConfigError> {
        self.permits.check("permits", &PERMITS)?;
        self.per.check("per", &PER)?;
        self.burst.check("burst", &BURST)?;
        Ok(nanos(self.per))
    }

    /// Whether a limiter can be made of it.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.strict { self.window().map(drop) } else { self.pace().map(drop) }
    }
}

/// Of the fields, each for itself; in files too.
pub(super) const PERMITS: Rule<u32> = Rule::<u32>::NOT_ZERO;
pub(super) const BURST: Rule<u32> = Rule::<u32>::NOT_ZERO;
pub(super) const PER: Rule<Duration> = Rule {
    reason: "must be longer than zero and less than 2^60 ns (36 years)",
    holds: |per| (1..=u128::from(MAX_NANOS)).contains(&per.as_nanos()),
};

crate::settings_of_its_own!(Quota);

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { permits, per, burst, strict } = self;
        if *strict {
            write!(f, "never more than {permits} in {per:?}")
        } else {
            write!(f, "{permits} in {per:?}, {burst} at once")
        }
    }
}
