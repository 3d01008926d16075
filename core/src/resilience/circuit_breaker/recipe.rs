//! What a keyed circuit breaker makes each of its breakers of, and asks of it.

use super::CircuitBreaker;
use super::CircuitBreakerConfig;
use super::shared::Shared;
use super::state::{Machine, Memory, Rules, Switch};
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::primitives::Arc;
use crate::resilience::observer::Observed;

/// Settings that are good.
#[derive(Clone, Debug)]
pub(in crate::resilience) struct Recipe {
    config: CircuitBreakerConfig,
    rules: Rules,
}

impl Recipe {
    pub(in crate::resilience) fn new(config: CircuitBreakerConfig) -> Result<Self, ConfigError> {
        Ok(Self { rules: config.rules()?, config })
    }

    pub(in crate::resilience) const fn config(&self) -> &CircuitBreakerConfig {
        &self.config
    }

    pub(in crate::resilience) fn make(
        &self,
        name: &'static str,
        seed: u64,
        observed: Observed,
    ) -> CircuitBreaker {
        let machine = Machine::new(self.rules, self.config.window(), seed);
        CircuitBreaker::new(Shared::new(name, machine, self.config.slow_call_duration, observed))
    }
}

impl CircuitBreaker {
    /// One that lets all calls pass and counts nothing.
    pub(in crate::resilience) fn disabled(name: &'static str) -> Self {
        let mut config = CircuitBreakerConfig::new();
        // It has no window then.
        config.consecutive_failures = Some(1);
        let rules = config.rules().expect("they are good");
        let mut machine = Machine::new(rules, config.window(), 0);
        machine.switch(Switch::Disable, &mut Default::default());
        Self::new(Shared::new(name, machine, None, Observed::NONE))
    }

    /// Whether it has other handles, or calls under way by such.
    pub(in crate::resilience) fn is_shared(&mut self) -> bool {
        // Who has the only handle is the only one who can make another.
        Arc::get_mut(&mut self.shared).is_none()
    }

    /// What would be lost with it at that time; `None` if it is shared.
    pub(in crate::resilience) fn memory(&mut self, now: Instant) -> Option<Memory> {
        Arc::get_mut(&mut self.shared).map(|shared| shared.memory(now))
    }

    /// As [`reconfigure`](Self::reconfigure), but for the observer. Whether there is something to tell.
    pub(in crate::resilience) fn reconfigure_untold(&self, recipe: &Recipe, now: Instant) -> bool {
        let Recipe { config, rules } = recipe;
        self.shared.reconfigure_untold(*rules, config.window(), config.slow_call_duration, now)
    }

    /// Tells the observer what it has not been told yet.
    pub(in crate::resilience) fn tell(&self) {
        self.shared.tell();
    }
}

#[cfg(test)]
mod tests {
    use super::super::window::TimeWindow;
    use super::*;

    /// What the documentation of a keyed breaker says of its keys.
    #[test]
    fn how_large_a_breaker_is() {
        // With its counts of handles, on a line of their own.
        assert_eq!(size_of::<Shared>() + align_of::<Shared>(), 640);
        assert_eq!(size_of::<TimeWindow>(), 816);
    }
}
