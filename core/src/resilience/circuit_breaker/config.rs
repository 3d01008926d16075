//! The settings of a circuit breaker, as plain data.

use super::state::{Closes, Rules};
use super::window::{CountWindow, TimeWindow, Window};
use crate::config_error::ConfigError;
use crate::resilience::rate::{Rate, SHARE};
use crate::settings::Rule;
use std::time::Duration;

const DEFAULT_WINDOW: u32 = 100;
const DEFAULT_MIN_CALLS: u32 = 20;
const DEFAULT_MAX_OPEN: Duration = Duration::from_secs(60);

/// The settings of a [`CircuitBreaker`](super::CircuitBreaker), as plain data: what can be in a file.
///
/// A [`CircuitBreakerBuilder`](super::CircuitBreakerBuilder) has one inside, and takes
/// [one](super::CircuitBreakerBuilder::config); its methods say what each setting means, and what is assumed where there
/// is `None`.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{CircuitBreaker, CircuitBreakerConfig};
/// use std::time::Duration;
///
/// let config = CircuitBreaker::named("mail").failure_rate(0.2).as_config().clone();
/// assert_eq!((config.failure_rate, config.open_for), (Some(0.2), Duration::from_secs(5)));
///
/// let mut config = CircuitBreakerConfig::default();
/// config.failure_rate = Some(1.5);
/// let error = config.validate().unwrap_err();
/// assert_eq!(error.to_string(), "invalid `failure_rate` = 1.5: must be at least a millionth and at most 1");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CircuitBreakerConfig {
    /// So many failures one after the other open it.
    pub consecutive_failures: Option<u32>,
    /// The rates are of so many calls.
    pub count_window: Option<u32>,
    /// The rates are of the calls of so much time.
    pub time_window: Option<Duration>,
    /// The part of failures that opens it.
    pub failure_rate: Option<f64>,
    /// How many calls there have to be for a rate to count.
    pub min_calls: Option<u32>,
    /// A call that takes longer is slow.
    pub slow_call_duration: Option<Duration>,
    /// The part of slow calls that opens it.
    pub slow_call_rate: Option<f64>,
    /// How many calls may be under way while it is half-open.
    pub probes: u32,
    /// So many probes that succeed close it.
    pub success_threshold: Option<u32>,
    /// The part of probes that fail that opens it again.
    pub probe_failure_rate: Option<f64>,
    /// How long it is half-open, at most.
    pub half_open_timeout: Option<Duration>,
    /// How long it is open, the first time.
    pub open_for: Duration,
    /// By what that grows each time.
    pub open_multiplier: u32,
    /// How long it is open, at most.
    pub max_open: Option<Duration>,
    /// By which part of it that is shortened at random, at most.
    pub jitter: f64,
}

/// Of which calls a rate is.
#[derive(Clone, Copy, Debug)]
enum Latest {
    Calls(u32),
    Within(Duration),
}

const COUNT_WINDOW: Rule<u32> = Rule {
    reason: "must be at least 1 and at most 1,000,000",
    holds: |calls| (1..=1_000_000).contains(calls),
};

crate::settings! {
    CircuitBreakerConfig from Self::new();
    consecutive_failures: Rule::<u32>::NOT_ZERO,
    count_window: COUNT_WINDOW,
    time_window: Rule::<Duration>::NOT_ZERO,
    failure_rate: SHARE,
    min_calls: Rule::<u32>::NOT_ZERO,
    slow_call_duration,
    slow_call_rate: SHARE,
    probes: Rule::<u32>::NOT_ZERO,
    success_threshold: Rule::<u32>::NOT_ZERO,
    probe_failure_rate: SHARE,
    half_open_timeout: Rule::<Duration>::NOT_ZERO,
    open_for: Rule::<Duration>::NOT_ZERO,
    open_multiplier: Rule::<u32>::NOT_ZERO,
    max_open,
    jitter: Rule::PART,
}

crate::settings_of_its_own!(CircuitBreakerConfig);

impl CircuitBreakerConfig {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self {
            consecutive_failures: None,
            count_window: None,
            time_window: None,
            failure_rate: None,
            min_calls: None,
            slow_call_duration: None,
            slow_call_rate: None,
            probes: 1,
            success_threshold: None,
            probe_failure_rate: None,
            half_open_timeout: None,
            open_for: Duration::from_secs(5),
            open_multiplier: 1,
            max_open: None,
            jitter: 0.0,
        }
    }

    /// Whether it makes sense: what building a breaker of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        if let Some(max) = self.max_open.filter(|max| *max < self.open_for) {
            let reason = "must not be less than `open_for`";
            return Err(ConfigError::invalid_value("max_open", max.into(), reason));
        }
        if let (Some(_), Some(window)) = (self.count_window, self.time_window) {
            let reason = "can't be combined with `count_window`";
            return Err(ConfigError::invalid_value("time_window", window.into(), reason));
        }
        if let (Some(Latest::Calls(calls)), Some(min)) = (self.latest(), self.min_calls)
            && min > calls
        {
            let reason = "must be at most `count_window`, 100 unless set, or no rate ever counts";
            return Err(ConfigError::invalid_value("min_calls", min.into(), reason));
        }
        if let (Some(_), Some(rate)) = (self.success_threshold, self.probe_failure_rate) {
            let reason = "can't be combined with `success_threshold`";
            return Err(ConfigError::invalid_value("probe_failure_rate", rate.into(), reason));
        }
        match (self.slow_call_duration, self.slow_call_rate) {
            (Some(_), None) => {
                Err(ConfigError::invalid("slow_call_rate", "must be set with `slow_call_duration`"))
            }
            (None, Some(_)) => {
                Err(ConfigError::invalid("slow_call_duration", "must be set with `slow_call_rate`"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn rules(&self) -> Result<Rules, ConfigError> {
        self.validate()?;
        let rate = |rate| Rate::new(rate).unwrap_or(Rate::NONE); // all are within 0..=1
        Ok(Rules {
            consecutive_failures: self.consecutive_failures,
            failure_rate: self.failure_rate.map_or(Rate::HALF, rate),
            slow_call_rate: self.slow_call_rate.map(rate),
            min_calls: self.min_calls.unwrap_or_else(|| match self.latest() {
                Some(Latest::Calls(calls)) => calls.min(DEFAULT_MIN_CALLS),
                _ => DEFAULT_MIN_CALLS,
            }),
            probes: self.probes,
            closes: match self.probe_failure_rate {
                Some(failures) => Closes::BelowRate(rate(failures)),
                None => Closes::Successes(self.success_threshold.unwrap_or(self.probes)),
            },
            half_open_timeout: self.half_open_timeout.unwrap_or(Duration::MAX),
            open_for: self.open_for,
            open_multiplier: self.open_multiplier,
            max_open: self.max_open.unwrap_or(DEFAULT_MAX_OPEN.max(self.open_for)),
            jitter: rate(self.jitter),
        })
    }

    pub(super) fn window(&self) -> Window {
        match self.latest() {
            None => Window::Nothing,
            Some(Latest::Calls(calls)) => Window::Count(CountWindow::new(calls)),
            Some(Latest::Within(window)) => Window::Time(Box::new(TimeWindow::new(window))),
        }
    }

    /// A window there is unless nothing asks for one.
    fn latest(&self) -> Option<Latest> {
        let rates = self.failure_rate.is_some() || self.slow_call_rate.is_some();
        let wanted = rates || self.consecutive_failures.is_none();
        let window = self.count_window.map(Latest::Calls).or(self.time_window.map(Latest::Within));
        window.or(wanted.then_some(Latest::Calls(DEFAULT_WINDOW)))
    }
}

impl Default for CircuitBreakerConfig {
    fn default() -> Self {
        Self::new()
    }
}
