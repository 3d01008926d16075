//! How long a supervisor waits before it starts a child again.

#[cfg(feature = "serde")]
mod file;

use crate::config_error::ConfigError;
use crate::instant::nanos;
use crate::resilience::backoff::{Interval, scaled};
use crate::settings::{Rule, Setting};
use std::time::Duration;

/// How long a supervisor waits between the failure of a child and its next start.
///
/// | failures of that child in a row | delay before jitter |
/// |---|---|
/// | 1 | `initial` |
/// | 2 | twice that |
/// | … | doubled each time, `max` at most |
///
/// The cap is applied first and the jitter only shortens: no delay is longer than `max`, and children that failed
/// together don't come back together. A child that has been up for [`stable_after`](Self::stable_after) begins anew.
/// The delay counts from the failure; in a group that is restarted together, its stop is a part of it.
///
/// It spreads restarts out, and is not what gives up: that is the intensity of the supervisor. Choose both together:
/// with delays longer than its period divided by its intensity, a supervisor never gives up.
///
/// # Examples
///
/// ```
/// use backstay_core::task::RestartDelay;
/// use std::time::Duration;
///
/// // 100 ms, 200 ms, 400 ms, … 10 s; each between a half and the whole of it.
/// let delay = RestartDelay::doubling(Duration::from_millis(100), Duration::from_secs(10));
/// // The same to the millisecond, and back to 100 ms after a good minute.
/// let exact = delay.jitter(0).stable_after(Duration::from_secs(60));
/// assert_ne!(delay, exact);
/// assert_eq!(RestartDelay::default(), RestartDelay::none()); // at once
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestartDelay(Option<Doubling>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Doubling {
    initial: Duration,
    max: Duration,
    jitter: u8,
    stable_after: Duration,
}

const INITIAL: Rule<Duration> = Rule {
    reason: "must be longer than zero: for no delay there is `RestartDelay::none`",
    holds: |initial| !initial.is_zero(),
};

const JITTER: Rule<u8> = Rule { reason: "must be within 0..=100 percent", holds: |percent| *percent <= 100 };

crate::settings_of_its_own!(RestartDelay);

impl RestartDelay {
    /// None: children are started again at once. The default.
    pub const fn none() -> Self {
        Self(None)
    }

    /// `initial` after the first failure, twice as long after each further one, `max` at most; with a jitter of 50
    /// percent, and begun anew after a child has been up for `max`.
    pub const fn doubling(initial: Duration, max: Duration) -> Self {
        Self(Some(Doubling { initial, max, jitter: 50, stable_after: max }))
    }

    /// By how many percent at most a delay is shortened, evenly distributed; zero for none. More than 100 is refused
    /// when the supervisor is built.
    pub const fn jitter(mut self, percent: u8) -> Self {
        if let Some(doubling) = &mut self.0 {
            doubling.jitter = percent;
        }
        self
    }

    /// How long a child has to be up for its failures before to be forgotten.
    pub const fn stable_after(mut self, up: Duration) -> Self {
        if let Some(doubling) = &mut self.0 {
            doubling.stable_after = up;
        }
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let Some(doubling) = &self.0 else { return Ok(()) };
        doubling.initial.check("initial", &INITIAL)?;
        doubling.jitter.check("jitter", &JITTER)?;
        if doubling.max < doubling.initial {
            let reason = "must not be less than `initial`";
            return Err(ConfigError::invalid_value("max", doubling.max.into(), reason));
        }
        Ok(())
    }

    /// Whether a child that was up for so long has its failures forgotten.
    pub(super) fn is_stable(&self, up: Duration) -> bool {
        self.0.is_some_and(|doubling| up >= doubling.stable_after)
    }

    /// The delay after a failure that had so many before it in a row.
    pub(super) fn after(&self, failures: u32, random: u64) -> Duration {
        let Some(doubling) = &self.0 else { return Duration::ZERO };
        let base = scaled(nanos(doubling.initial), 2.0, failures).min(nanos(doubling.max));
        Duration::from_nanos(Interval::shortened(base, doubling.jitter).pick(random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn it_doubles_up_to_the_cap_and_begins_anew_after_a_stable_time() {
        let delay = RestartDelay::doubling(10 * MS, 65 * MS).jitter(0).stable_after(30 * MS);
        let delays: Vec<_> = (0..5).map(|failures| delay.after(failures, u64::MAX)).collect();
        assert_eq!(delays, [10, 20, 40, 65, 65].map(|ms| ms * MS));
        assert_eq!((delay.is_stable(30 * MS), delay.is_stable(29 * MS)), (true, false));
        assert_eq!(RestartDelay::none().jitter(7).after(9, u64::MAX), Duration::ZERO);
    }

    #[test]
    fn jitter_only_shortens_and_reaches_both_ends() {
        let delay = RestartDelay::doubling(100 * MS, 100 * MS).jitter(25);
        assert_eq!(delay.after(0, 0), 100 * MS);
        assert_eq!(delay.after(0, u64::MAX), 75 * MS);
        assert_eq!(delay.jitter(100).after(0, u64::MAX), Duration::ZERO);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_the_name_of_its_field() {
        let good = RestartDelay::doubling(MS, 2 * MS);
        let field = |delay: RestartDelay| delay.check().err().and_then(|error| error.field());
        assert_eq!(field(RestartDelay::none()), None);
        assert_eq!(field(good.jitter(100)), None);
        assert_eq!(field(good.jitter(101)), Some("jitter"));
        assert_eq!(field(RestartDelay::doubling(Duration::ZERO, MS)), Some("initial"));
        assert_eq!(field(RestartDelay::doubling(2 * MS, MS)), Some("max"));
    }

    proptest! {
        #[test]
        fn no_delay_is_above_the_cap_whatever_the_numbers(
            initial in 1..u64::MAX, more: u64, failures: u32, random: u64, jitter in 0..=100_u8, max: bool,
        ) {
            let cap = if max { Duration::MAX } else { Duration::from_nanos(initial.saturating_add(more)) };
            let delay = RestartDelay::doubling(Duration::from_nanos(initial), cap).jitter(jitter);
            prop_assert!(delay.check().is_ok());
            let base = delay.jitter(0).after(failures, random);
            let jittered = delay.after(failures, random);
            prop_assert!(jittered <= base && base <= cap);
            prop_assert!(jittered >= base * u32::from(100 - jitter) / 100);
            prop_assert!(delay.jitter(0).after(failures.saturating_add(1), random) >= base);
        }
    }
}
