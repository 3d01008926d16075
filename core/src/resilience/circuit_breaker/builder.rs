//! A circuit breaker in the making.

use super::shared::Shared;
use super::state::Machine;
use super::{CircuitBreaker, CircuitBreakerConfig};
use crate::config_error::ConfigError;
use crate::resilience::observer::{Observed, Observer};
use std::time::Duration;

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
/// | [`probe_failure_rate`](Self::probe_failure_rate) | none: `success_threshold` decides |
/// | [`half_open_timeout`](Self::half_open_timeout) | no limit |
/// | [`observer`](Self::observer) | none |
///
/// All but the name, the seed and the observer are a [`CircuitBreakerConfig`].
///
/// [^none]: none if only `consecutive_failures` is set.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct CircuitBreakerBuilder {
    name: &'static str,
    config: CircuitBreakerConfig,
    seed: u64,
    observed: Observed,
}

impl CircuitBreakerBuilder {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, config: CircuitBreakerConfig::new(), seed: 0, observed: Observed::NONE }
    }

    /// All settings that can be in a file, in place of those there were; the name, the observer and the seed stay.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::{CircuitBreaker, CircuitBreakerConfig};
    /// use std::time::Duration;
    ///
    /// let mut config = CircuitBreakerConfig::default();
    /// config.open_for = Duration::from_secs(30);
    /// let breaker = CircuitBreaker::named("db").config(config).jitter_seed(7).build()?;
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub const fn config(mut self, config: CircuitBreakerConfig) -> Self {
        self.config = config;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &CircuitBreakerConfig {
        &self.config
    }

    /// Opens on the last of so many failures with no success in between.
    pub const fn consecutive_failures(mut self, failures: u32) -> Self {
        self.config.consecutive_failures = Some(failures);
        self
    }

    /// The rates are of the last so many calls, at most 1,000,000; instead of a [`time_window`](Self::time_window).
    pub const fn count_window(mut self, calls: u32) -> Self {
        self.config.count_window = Some(calls);
        self
    }

    /// The rates are of the calls of the last so much time; instead of a [`count_window`](Self::count_window).
    ///
    /// It goes on in steps of 1/32 of itself, and takes the same memory for any number of calls. Each call that ends
    /// reads the clock.
    pub const fn time_window(mut self, window: Duration) -> Self {
        self.config.time_window = Some(window);
        self
    }

    /// Opens on a failure with which this part of the calls in the window have failed, or more: from a millionth to 1,
    /// in steps of a millionth.
    pub const fn failure_rate(mut self, rate: f64) -> Self {
        self.config.failure_rate = Some(rate);
        self
    }

    /// No rate counts before there are so many calls in the window.
    pub const fn min_calls(mut self, calls: u32) -> Self {
        self.config.min_calls = Some(calls);
        self
    }

    /// A call that takes longer than this is slow, whether it succeeds or fails. The time is from its admission to its
    /// result. Each call reads the clock twice.
    pub const fn slow_call_duration(mut self, longer_than: Duration) -> Self {
        self.config.slow_call_duration = Some(longer_than);
        self
    }

    /// Opens on a slow call with which this part of the calls in the window were slow, or more: from a millionth to 1.
    pub const fn slow_call_rate(mut self, rate: f64) -> Self {
        self.config.slow_call_rate = Some(rate);
        self
    }

    /// How many calls may be under way at a time while it is half-open; with a
    /// [`probe_failure_rate`](Self::probe_failure_rate) how many are made in all.
    #[doc(alias = "permitted_number_of_calls_in_half_open_state")]
    #[doc(alias = "half_open_max_calls")]
    pub const fn probes(mut self, probes: u32) -> Self {
        self.config.probes = probes;
        self
    }

    /// Closes after so many probes that succeeded, and opens again on the first that fails or is slow. More than there
    /// are [`probes`](Self::probes) come one after the other.
    pub const fn success_threshold(mut self, successes: u32) -> Self {
        self.config.success_threshold = Some(successes);
        self
    }

    /// Decides by the part of the [`probes`](Self::probes) that failed, from a millionth to 1: opens again if it is so
    /// large or larger, and closes otherwise. It waits for all of them, or for [`min_calls`](Self::min_calls) where
    /// that is fewer. Instead of a [`success_threshold`](Self::success_threshold).
    pub const fn probe_failure_rate(mut self, rate: f64) -> Self {
        self.config.probe_failure_rate = Some(rate);
        self
    }

    /// Opens again if nothing is decided so long after it became half-open: probes that hang have failed.
    pub const fn half_open_timeout(mut self, timeout: Duration) -> Self {
        self.config.half_open_timeout = Some(timeout);
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
        self.config.open_for = time;
        self
    }

    /// How many times longer it is open each time it opens again before it was closed.
    pub const fn open_multiplier(mut self, times: u32) -> Self {
        self.config.open_multiplier = times;
        self
    }

    /// The longest that it is open at a time.
    pub const fn max_open(mut self, time: Duration) -> Self {
        self.config.max_open = Some(time);
        self
    }

    /// Makes the time it is open shorter by a random part of it, up to this one (0 to 1): so that many processes whose
    /// breakers opened together don't come back together.
    ///
    /// The seed is what makes them differ: `rt.random_u64()`.
    pub const fn jitter(mut self, part: f64, seed: u64) -> Self {
        self.config.jitter = part;
        self.jitter_seed(seed)
    }

    /// The seed alone, where the part is in a [`config`](Self::config).
    pub const fn jitter_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
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

    /// What a keyed one has of it: its name, its settings, and its observer.
    pub(in crate::resilience) fn into_parts(self) -> (&'static str, CircuitBreakerConfig, Observed) {
        (self.name, self.config, self.observed)
    }

    /// The circuit breaker, closed.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<CircuitBreaker, ConfigError> {
        let machine = Machine::new(self.config.rules()?, self.config.window(), self.seed);
        let slow_call_duration = self.config.slow_call_duration;
        Ok(CircuitBreaker::new(Shared::new(self.name, machine, slow_call_duration, self.observed)))
    }
}

/// The settings alone.
impl From<CircuitBreakerBuilder> for CircuitBreakerConfig {
    fn from(builder: CircuitBreakerBuilder) -> Self {
        builder.config
    }
}
