//! The settings of a circuit breaker.

use super::CircuitBreaker;
use super::shared::Shared;
use super::state::{Closes, Machine, Rules};
use super::window::{CountWindow, TimeWindow, Window};
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::resilience::observer::{Observed, Observer};
use crate::resilience::rate::Rate;
use std::time::Duration;

const DEFAULT_WINDOW: u32 = 100;
const DEFAULT_MIN_CALLS: u32 = 20;
const DEFAULT_OPEN_FOR: Duration = Duration::from_secs(5);
const DEFAULT_MAX_OPEN: Duration = Duration::from_secs(60);

/// Settings of a [`CircuitBreaker`]; made by [`CircuitBreaker::named`].
///
/// What makes it open is any of: failures one after the other, the failure rate and the slow-call rate of a window.
/// With none of them set it is a failure rate of one half among the last hundred calls, once there are twenty.
///
/// | setting | default |
/// |---|---|
/// | [`count_window`](Self::count_window), [`time_window`](Self::time_window) | the last 100 calls [^none] |
/// | [`failure_rate`](Self::failure_rate) | 0.5 |
/// | [`min_calls`](Self::min_calls) | 20, or the size of a smaller window |
/// | [`consecutive_failures`](Self::consecutive_failures) | no limit |
/// | [`slow_call_duration`](Self::slow_call_duration), [`slow_call_rate`](Self::slow_call_rate) | not measured |
/// | [`open_for`](Self::open_for) | 5 s |
/// | [`open_multiplier`](Self::open_multiplier) | 1: always the same |
/// | [`max_open`](Self::max_open) | 60 s, or `open_for` if that is longer |
/// | [`jitter`](Self::jitter) | none |
/// | [`probes`](Self::probes) | 1 |
/// | [`success_threshold`](Self::success_threshold) | as many as probes |
/// | [`half_open_timeout`](Self::half_open_timeout) | no limit |
/// | [`observer`](Self::observer) | none |
///
/// [^none]: none if only `consecutive_failures` is set.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct CircuitBreakerBuilder {
    name: &'static str,
    consecutive_failures: Option<u32>,
    has_two_windows: bool,
    window: Option<Latest>,
    failure_rate: Option<f64>,
    min_calls: Option<u32>,
    slow_call_duration: Option<Duration>,
    slow_call_rate: Option<f64>,
    probes: u32,
    success_threshold: Option<u32>,
    probe_failure_rate: Option<f64>,
    half_open_timeout: Duration,
    open_for: Duration,
    open_multiplier: u32,
    max_open: Option<Duration>,
    jitter: f64,
    seed: u64,
    observed: Observed,
}

/// Of which calls a rate is.
#[derive(Clone, Copy, Debug)]
enum Latest {
    Calls(u32),
    Within(Duration),
}

impl CircuitBreakerBuilder {
    pub(super) const fn new(name: &'static str) -> Self {
        Self {
            name,
            consecutive_failures: None,
            has_two_windows: false,
            window: None,
            failure_rate: None,
            min_calls: None,
            slow_call_duration: None,
            slow_call_rate: None,
            probes: 1,
            success_threshold: None,
            probe_failure_rate: None,
            half_open_timeout: Duration::MAX,
            open_for: DEFAULT_OPEN_FOR,
            open_multiplier: 1,
            max_open: None,
            jitter: 0.0,
            seed: 0,
            observed: Observed::NONE,
        }
    }

    /// Opens on the last of so many failures with no success in between.
    pub const fn consecutive_failures(mut self, failures: u32) -> Self {
        self.consecutive_failures = Some(failures);
        self
    }

    /// The rates are of the last so many calls, at most 1,000,000; instead of a [`time_window`](Self::time_window).
    pub const fn count_window(mut self, calls: u32) -> Self {
        self.has_two_windows |= matches!(self.window, Some(Latest::Within(_)));
        self.window = Some(Latest::Calls(calls));
        self
    }

    /// The rates are of the calls of the last so much time; instead of a [`count_window`](Self::count_window).
    ///
    /// It goes on in steps of 1/32 of itself, and takes the same memory for any number of calls. Each call that ends
    /// reads the clock.
    pub const fn time_window(mut self, window: Duration) -> Self {
        self.has_two_windows |= matches!(self.window, Some(Latest::Calls(_)));
        self.window = Some(Latest::Within(window));
        self
    }

    /// Opens on a failure with which this part of the calls in the window have failed, or more: above 0 and at most 1,
    /// in steps of a millionth.
    pub const fn failure_rate(mut self, rate: f64) -> Self {
        self.failure_rate = Some(rate);
        self
    }

    /// No rate counts before there are so many calls in the window.
    pub const fn min_calls(mut self, calls: u32) -> Self {
        self.min_calls = Some(calls);
        self
    }

    /// A call that takes longer than this is slow, whether it succeeds or fails. The time is from its admission to its
    /// result. Each call reads the clock twice.
    pub const fn slow_call_duration(mut self, longer_than: Duration) -> Self {
        self.slow_call_duration = Some(longer_than);
        self
    }

    /// Opens on a slow call with which this part of the calls in the window were slow, or more: above 0 and at most 1.
    pub const fn slow_call_rate(mut self, rate: f64) -> Self {
        self.slow_call_rate = Some(rate);
        self
    }

    /// How many calls may be under way at a time while it is half-open; with a
    /// [`probe_failure_rate`](Self::probe_failure_rate) how many are made in all.
    #[doc(alias = "permitted_number_of_calls_in_half_open_state")]
    #[doc(alias = "half_open_max_calls")]
    pub const fn probes(mut self, probes: u32) -> Self {
        self.probes = probes;
        self
    }

    /// Closes after so many probes that succeeded, and opens again on the first that fails or is slow. More than there
    /// are [`probes`](Self::probes) come one after the other.
    pub const fn success_threshold(mut self, successes: u32) -> Self {
        self.success_threshold = Some(successes);
        self
    }

    /// Decides by the part of the [`probes`](Self::probes) that failed, above 0 and at most 1: opens again if it is so
    /// large or larger, and closes otherwise. It waits for all of them, or for [`min_calls`](Self::min_calls) where
    /// that is fewer. Instead of a [`success_threshold`](Self::success_threshold).
    pub const fn probe_failure_rate(mut self, rate: f64) -> Self {
        self.probe_failure_rate = Some(rate);
        self
    }

    /// Opens again if nothing is decided so long after it became half-open: probes that hang have failed.
    pub const fn half_open_timeout(mut self, timeout: Duration) -> Self {
        self.half_open_timeout = timeout;
        self
    }

    /// How long it is open, the first time.
    ///
    /// Where the verdict on the failure that opens it says when to come back
    /// ([`retry_after`](crate::resilience::Verdict::Failure)) and that is later, it is open until then, though no
    /// longer than [`max_open`](Self::max_open).
    #[doc(alias = "reset_timeout")]
    #[doc(alias = "wait_duration_in_open_state")]
    pub const fn open_for(mut self, time: Duration) -> Self {
        self.open_for = time;
        self
    }

    /// How many times longer it is open each time it opens again before it was closed.
    pub const fn open_multiplier(mut self, times: u32) -> Self {
        self.open_multiplier = times;
        self
    }

    /// The longest that it is open at a time.
    pub const fn max_open(mut self, time: Duration) -> Self {
        self.max_open = Some(time);
        self
    }

    /// Makes the time it is open shorter by a random part of it, up to this one (0 to 1): so that many processes whose
    /// breakers opened together don't come back together.
    ///
    /// The seed is what makes them differ: `rt.random_u64()`.
    pub const fn jitter(mut self, part: f64, seed: u64) -> Self {
        (self.jitter, self.seed) = (part, seed);
        self
    }

    /// Who is told when it changes its state, as [`CircuitChanged`](crate::resilience::EventKind::CircuitChanged).
    ///
    /// Each change is told exactly once, in the order in which they happened, one at a time: where two calls change the
    /// state at once, one of them tells of both. No lock is held meanwhile, so an observer may use the breaker; what it
    /// changes is told after it has returned. A panic of it is that call's, and the breaker is whole.
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// The circuit breaker, closed.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<CircuitBreaker, ConfigError> {
        let machine = Machine::new(self.rules()?, self.window(), self.seed);
        Ok(CircuitBreaker::new(Shared::new(self.name, machine, self.slow_call_duration, self.observed)))
    }

    /// Makes a breaker that there is already go by these settings.
    pub(super) fn apply_to(&self, shared: &Shared, now: Instant) -> Result<(), ConfigError> {
        shared.reconfigure(self.rules()?, self.window(), self.slow_call_duration, now);
        Ok(())
    }

    fn rules(&self) -> Result<Rules, ConfigError> {
        self.check_times()?;
        self.check_window()?;
        let closes = match (self.success_threshold, self.probe_failure_rate) {
            (Some(_), Some(_)) => {
                let reason = "can't be combined with `success_threshold`";
                return Err(ConfigError::invalid("probe_failure_rate", reason));
            }
            (None, Some(rate)) => Closes::BelowRate(rate_of("probe_failure_rate", rate)?),
            (successes, None) => {
                Closes::Successes(not_zero("success_threshold", successes.unwrap_or(self.probes))?)
            }
        };
        let slow_call_rate = match (self.slow_call_duration, self.slow_call_rate) {
            (None, None) => None,
            (Some(_), Some(rate)) => Some(rate_of("slow_call_rate", rate)?),
            (Some(_), None) => {
                return Err(ConfigError::invalid("slow_call_rate", "must be set with `slow_call_duration`"));
            }
            (None, Some(_)) => {
                return Err(ConfigError::invalid("slow_call_duration", "must be set with `slow_call_rate`"));
            }
        };
        let jitter = Rate::new(self.jitter).ok_or(ConfigError::invalid("jitter", "must be within 0..=1"))?;
        Ok(Rules {
            consecutive_failures: self.consecutive_failures,
            failure_rate: self.failure_rate.map_or(Ok(Rate::HALF), |rate| rate_of("failure_rate", rate))?,
            slow_call_rate,
            min_calls: self.min_calls.unwrap_or_else(|| match self.latest() {
                Some(Latest::Calls(calls)) => calls.min(DEFAULT_MIN_CALLS),
                _ => DEFAULT_MIN_CALLS,
            }),
            probes: self.probes,
            closes,
            half_open_timeout: self.half_open_timeout,
            open_for: self.open_for,
            open_multiplier: self.open_multiplier,
            max_open: self.max_open.unwrap_or(DEFAULT_MAX_OPEN.max(self.open_for)),
            jitter,
        })
    }

    fn check_times(&self) -> Result<(), ConfigError> {
        for (field, time) in [("half_open_timeout", self.half_open_timeout), ("open_for", self.open_for)] {
            if time.is_zero() {
                return Err(ConfigError::invalid(field, "must not be zero"));
            }
        }
        if self.max_open.is_some_and(|max| max < self.open_for) {
            return Err(ConfigError::invalid("max_open", "must not be less than `open_for`"));
        }
        not_zero("open_multiplier", self.open_multiplier).map(drop)
    }

    fn check_window(&self) -> Result<(), ConfigError> {
        not_zero("probes", self.probes)?;
        if let Some(failures) = self.consecutive_failures {
            not_zero("consecutive_failures", failures)?;
        }
        if let Some(calls) = self.min_calls {
            not_zero("min_calls", calls)?;
        }
        match self.latest() {
            _ if self.has_two_windows => {
                Err(ConfigError::invalid("time_window", "can't be combined with `count_window`"))
            }
            Some(Latest::Calls(0)) => Err(ConfigError::invalid("count_window", "must not be zero")),
            Some(Latest::Calls(1_000_001..)) => {
                Err(ConfigError::invalid("count_window", "must be at most 1,000,000"))
            }
            Some(Latest::Calls(calls)) if self.min_calls.is_some_and(|min| min > calls) => Err(
                ConfigError::invalid("min_calls", "must be at most `count_window`, or no rate ever counts"),
            ),
            Some(Latest::Within(Duration::ZERO)) => {
                Err(ConfigError::invalid("time_window", "must not be zero"))
            }
            _ => Ok(()),
        }
    }

    fn window(&self) -> Window {
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
        self.window.or(wanted.then_some(Latest::Calls(DEFAULT_WINDOW)))
    }
}

fn not_zero(field: &'static str, number: u32) -> Result<u32, ConfigError> {
    if number == 0 { Err(ConfigError::invalid(field, "must not be zero")) } else { Ok(number) }
}

fn rate_of(field: &'static str, rate: f64) -> Result<Rate, ConfigError> {
    match Rate::new(rate) {
        Some(rate) if rate != Rate::NONE => Ok(rate),
        _ => Err(ConfigError::invalid(field, "must be above 0 and at most 1")),
    }
}
