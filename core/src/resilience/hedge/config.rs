//! The settings of a hedge.

use super::Hedge;
use super::latencies::Latencies;
use crate::config_error::ConfigError;
use crate::resilience::retry_budget::RetryBudget;
use crate::resilience::verdict::Inherit;
use crate::settings::Rule;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The settings of a [`Hedge`], as plain data: what can be in a file. [`HedgeBuilder`] says what each means.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Hedge, HedgeConfig, HedgeDelay};
/// use std::time::Duration;
///
/// let mut config = HedgeConfig::default();
/// config.delay = HedgeDelay::Fixed(Duration::from_millis(50));
/// let hedge = Hedge::builder().config(config).build()?;
/// assert_eq!(hedge.delay(1), Duration::from_millis(50));
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HedgeConfig {
    /// How many hedges a call may have.
    pub max_hedges: u32,
    /// How long to wait before each.
    pub delay: HedgeDelay,
}

/// How long a call waits before a hedge.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum HedgeDelay {
    /// Always so long.
    Fixed(#[cfg_attr(feature = "serde", serde(with = "crate::time::human"))] Duration),
    /// So long that a part of the calls is faster.
    Percentile(PercentileDelay),
}

/// A delay that is measured: so long that a part of the calls is faster.
///
/// Measured is, for each call, how long its first call of the operation takes until it succeeds. Of one that is
/// overtaken by a hedge, or runs out of time, it is known that it takes longer, and it counts as that (Kaplan and
/// Meier's estimator); failures don't count, nor does a call that is dropped from outside: a limit on its time belongs
/// into the pipeline. The times are of the current window and the one before it, to a hundredth, and in microseconds;
/// they take some 50 kB. Where too many are overtaken to tell, the delay grows by a quarter at a time, as far as
/// `initial`: also where more calls hang than are to be hedged, these are.
///
/// Until there are enough of them for one to be slower, 20 for 0.95 and 100 for 0.99, the delay is `initial`; when
/// there are not enough any more, it stays what it was.
///
/// | setting | default | valid |
/// |---|---|---|
/// | `percentile` | 0.95 | from 0.5 to 0.9999 |
/// | `initial` | 1 s | any; with [`Duration::MAX`] there is no hedge as long as it is not known |
/// | `min` | 1 ms | any |
/// | `max` | none | at least `min` |
/// | `window` | 30 s | from 1 ms to a day |
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Hedge, PercentileDelay};
/// use std::time::Duration;
///
/// let mut delay = PercentileDelay::new(0.99);
/// delay.initial = Duration::from_millis(200);
/// let hedge = Hedge::builder().percentile(delay).build()?;
/// assert_eq!(hedge.delay(1), Duration::from_millis(200));
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PercentileDelay {
    /// Which part of the calls is faster.
    pub percentile: f64,
    /// The delay until that is known, and the longest where too many are overtaken to tell.
    pub initial: Duration,
    /// The shortest delay that is measured.
    pub min: Duration,
    /// The longest that is measured: where more calls are slower than that, more are hedged, as far as the budget goes.
    pub max: Option<Duration>,
    /// How long a time is remembered, at least; at most twice as long.
    pub window: Duration,
}

const MAX_HEDGES: Rule<u32> = Rule { reason: "must be at most 16", holds: |hedges| *hedges <= 16 };

const PERCENTILE: Rule<f64> = Rule {
    reason: "must be at least 0.5 and at most 0.9999",
    holds: |percentile| (0.5..=0.9999).contains(percentile),
};

const WINDOW: Rule<Duration> = Rule {
    reason: "must be at least 1 ms and at most a day",
    holds: |window| (Duration::from_millis(1)..=Duration::from_secs(86_400)).contains(window),
};

crate::settings! {
    HedgeConfig from Self::new();
    max_hedges: MAX_HEDGES,
    delay,
}

crate::settings! {
    PercentileDelay from Self::new(0.95);
    percentile: PERCENTILE,
    initial,
    min,
    max,
    window: WINDOW,
}

crate::settings_of_its_own!(HedgeDelay);

impl HedgeConfig {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self { max_hedges: 1, delay: HedgeDelay::Percentile(PercentileDelay::new(0.95)) }
    }

    /// Whether it makes sense: what building a hedge of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        match &self.delay {
            HedgeDelay::Fixed(_) => Ok(()),
            HedgeDelay::Percentile(delay) => delay.validate(),
        }
    }
}

impl Default for HedgeConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl PercentileDelay {
    /// That percentile; all else at its default.
    pub const fn new(percentile: f64) -> Self {
        let (initial, min) = (Duration::from_secs(1), Duration::from_millis(1));
        Self { percentile, initial, min, max: None, window: Duration::from_secs(30) }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        match self.max {
            Some(max) if max < self.min => {
                Err(ConfigError::invalid_value("max", max.into(), "must not be less than `min`"))
            }
            _ => Ok(()),
        }
    }
}

impl From<f64> for PercentileDelay {
    fn from(percentile: f64) -> Self {
        Self::new(percentile)
    }
}

/// Where the delays come from.
#[derive(Clone)]
pub(super) enum Delays {
    Fixed(Duration),
    By(Arc<dyn Fn(u32) -> Duration + Send + Sync>),
    // Of all clones together.
    Percentile(Arc<Latencies>),
}

impl Delays {
    fn of(delay: HedgeDelay) -> Self {
        match delay {
            HedgeDelay::Fixed(delay) => Self::Fixed(delay),
            HedgeDelay::Percentile(settings) => Self::Percentile(Arc::new(Latencies::new(settings))),
        }
    }

    pub(super) fn before(&self, hedge: u32) -> Duration {
        match self {
            Self::Fixed(delay) => *delay,
            Self::By(delay) => delay(hedge),
            Self::Percentile(latencies) => latencies.delay(),
        }
    }

    /// What measures, if the delays are measured.
    pub(super) fn latencies(&self) -> Option<&Latencies> {
        match self {
            Self::Percentile(latencies) => Some(latencies),
            Self::Fixed(_) | Self::By(_) => None,
        }
    }
}

impl fmt::Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(delay) => write!(f, "{delay:?}"),
            Self::By(_) => f.write_str("a delay of its own"),
            Self::Percentile(latencies) => {
                let PercentileDelay { percentile, .. } = latencies.settings();
                write!(f, "a percentile of {percentile}")
            }
        }
    }
}

impl fmt::Debug for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(delay) => delay.fmt(f),
            Self::By(_) => f.write_str("a closure"),
            Self::Percentile(latencies) => latencies.fmt(f),
        }
    }
}

/// A [`Hedge`] in the making.
///
/// | setting | default | valid |
/// |---|---|---|
/// | `max_hedges` | 1 | at most 16; with 0 there is none |
/// | `percentile`, `delay`, `delay_by` | the 0.95 percentile | as [`PercentileDelay`] says; any delay |
/// | `budget` | none | |
/// | `classify` | in a pipeline its classifier, otherwise every error of the operation is a failure | |
///
/// The first two are a [`HedgeConfig`], unless the delay is a closure's.
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is built"]
pub struct HedgeBuilder<C = Inherit> {
    config: HedgeConfig,
    by: Option<Delays>,
    budget: Option<RetryBudget>,
    classifier: C,
}

impl HedgeBuilder {
    pub(super) const fn new() -> Self {
        Self { config: HedgeConfig::new(), by: None, budget: None, classifier: Inherit }
    }

    pub(super) fn made(self) -> Hedge {
        self.into_hedge()
    }
}

impl<C> HedgeBuilder<C> {
    /// All settings that can be in a file, in place of those there were.
    pub fn config(mut self, config: HedgeConfig) -> Self {
        self.config = config;
        self.by = None;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &HedgeConfig {
        &self.config
    }

    /// How many hedges a call may have: at most so many and one calls of the operation are under way for it.
    pub const fn max_hedges(mut self, hedges: u32) -> Self {
        self.config.max_hedges = hedges;
        self
    }

    /// Before each hedge always so long: [`Duration::ZERO`] for all at once, [`Duration::MAX`] for hedges after failures
    /// alone.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.config.delay = HedgeDelay::Fixed(delay);
        self.by = None;
        self
    }

    /// Before each hedge so long that this part of the calls is faster, as it is measured: a number such as 0.95, or a
    /// [`PercentileDelay`].
    pub fn percentile(mut self, percentile: impl Into<PercentileDelay>) -> Self {
        self.config.delay = HedgeDelay::Percentile(percentile.into());
        self.by = None;
        self
    }

    /// How long before each hedge, which is the argument, from one. It is asked when the one before it has begun; it
    /// should be quick, and a panic of it is the call's.
    pub fn delay_by(mut self, delay: impl Fn(u32) -> Duration + Send + Sync + 'static) -> Self {
        self.by = Some(Delays::By(Arc::new(delay)));
        self
    }

    /// What hedges are paid from, shared with others: best with the retries around it. Where there is nothing left a
    /// call has no further hedge.
    ///
    /// Each hedge costs what a retry costs, and is paid when it begins. What came of the first call is recorded as
    /// that of a first attempt, and where it was overtaken no more than that it was made; if the retry around it has
    /// the same budget, that records what came of the whole. A hedge that was overtaken is spent; what was taken for
    /// one that never came to call the operation comes back.
    ///
    /// In a [token bucket](RetryBudget::token_bucket) a hedge that wins gives back what it cost, and a
    /// [throttle](RetryBudget::throttle) counts failures alone. Where a service is slow and answers, a
    /// [ratio](RetryBudget::ratio) bounds the hedges, and these don't.
    pub fn budget(mut self, budget: &RetryBudget) -> Self {
        self.budget = Some(budget.clone());
        self
    }

    /// What a result says of the service.
    pub fn classify<D>(self, classifier: D) -> HedgeBuilder<D> {
        let Self { config, by, budget, .. } = self;
        HedgeBuilder { config, by, budget, classifier }
    }

    /// The policy.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<Hedge<C>, ConfigError> {
        self.config.validate()?;
        Ok(self.into_hedge())
    }

    fn into_hedge(self) -> Hedge<C> {
        let Self { config, by, budget, classifier } = self;
        let delays = by.unwrap_or_else(|| Delays::of(config.delay));
        Hedge { max_hedges: config.max_hedges, delays, budget, classifier }
    }
}
