//! The settings of chaos.

use super::Chaos;
use super::odds::Odds;
use crate::config_error::ConfigError;
use crate::settings::Rule;
use std::fmt;
use std::sync::Arc;

/// The settings of a [`Chaos`], as plain data: what can be in a file. [`ChaosBuilder`] says what each means.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Chaos, ChaosConfig};
///
/// let mut config = ChaosConfig::default();
/// config.rate = 1.0;
/// config.enabled = false; // in production
/// let chaos = Chaos::fault(|| "down").config(config).build()?;
/// assert!(!chaos.strikes(0));
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ChaosConfig {
    /// Whether it does anything.
    pub enabled: bool,
    /// The part of the calls that it strikes.
    pub rate: f64,
}

crate::settings! {
    ChaosConfig from Self::new();
    enabled,
    rate: Rule::<f64>::PART,
}

impl ChaosConfig {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self { enabled: true, rate: 0.001 }
    }

    /// Whether it makes sense: what building chaos of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()
    }
}

impl Default for ChaosConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// A [`Chaos`] in the making.
///
/// | setting | default | valid |
/// |---|---|---|
/// | `enabled` | true | |
/// | `rate` | 0.001: one call in a thousand | from 0 to 1 |
/// | `enabled_if` | always | |
/// | `seed` | the runtime's random numbers | any |
///
/// The first two are a [`ChaosConfig`].
#[derive(Clone)]
#[must_use = "it does nothing until it is built"]
pub struct ChaosBuilder<I> {
    injection: I,
    odds: Odds,
}

impl<I> ChaosBuilder<I> {
    pub(super) const fn new(injection: I) -> Self {
        Self { injection, odds: Odds::new() }
    }

    /// All settings that can be in a file, in place of those there were.
    pub fn config(mut self, config: ChaosConfig) -> Self {
        self.odds.config = config;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &ChaosConfig {
        &self.odds.config
    }

    /// Whether it does anything.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.odds.config.enabled = enabled;
        self
    }

    /// The part of the calls that it strikes.
    pub fn rate(mut self, rate: f64) -> Self {
        self.odds.config.rate = rate;
        self
    }

    /// Asked before each call whether it may strike: a flag that can be turned while the program runs. It should be
    /// quick; a panic of it is the call's.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::Chaos;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    ///
    /// let flag = Arc::new(AtomicBool::new(false));
    /// let asked = Arc::clone(&flag);
    /// let chaos = Chaos::fault(|| "down").rate(1.0).enabled_if(move || asked.load(Relaxed)).build()?;
    /// assert!(!chaos.strikes(0));
    /// flag.store(true, Relaxed);
    /// assert!(chaos.strikes(0));
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub fn enabled_if(mut self, enabled: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.odds.enabled = Some(Arc::new(enabled));
        self
    }

    /// Random numbers of its own, always the same ones: which calls are struck is the same each time, as long as they
    /// come one after the other. Clones take turns at them.
    pub fn seed(mut self, seed: u64) -> Self {
        self.odds.seed(seed);
        self
    }

    /// The policy.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build(self) -> Result<Chaos<I>, ConfigError> {
        self.odds.config.validate()?;
        let Self { injection, odds } = self;
        Ok(Chaos { injection, odds })
    }
}

impl<I> fmt::Debug for ChaosBuilder<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaosBuilder").field("odds", &self.odds).finish_non_exhaustive()
    }
}
