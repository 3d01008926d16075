//! Which calls are struck.

use super::ChaosConfig;
use crate::primitives::{Arc, AtomicU64, Ordering::Relaxed};
use crate::resilience::split_mix::{GAMMA, split_mix};
use std::fmt;

type Enabled = dyn Fn() -> bool + Send + Sync;

/// A part of them, by the runtime's random numbers or by its own.
#[derive(Clone)]
pub(super) struct Odds {
    pub(super) config: ChaosConfig,
    pub(super) enabled: Option<std::sync::Arc<Enabled>>,
    // The state of its own numbers; of all clones together, so that a sequence is used up once.
    seed: Option<Arc<AtomicU64>>,
}

impl Odds {
    pub(super) const fn new() -> Self {
        Self { config: ChaosConfig::new(), enabled: None, seed: None }
    }

    pub(super) fn seed(&mut self, seed: u64) {
        self.seed = Some(Arc::new(AtomicU64::new(seed)));
    }

    /// Its own number if it has some.
    pub(super) fn random(&self, other: impl FnOnce() -> u64) -> u64 {
        match &self.seed {
            Some(seed) => split_mix(&mut seed.fetch_add(GAMMA, Relaxed)),
            None => other(),
        }
    }

    pub(super) fn strike(&self, random: impl FnOnce() -> u64) -> bool {
        let ChaosConfig { enabled, rate } = self.config;
        if !enabled || rate <= 0.0 || self.enabled.as_ref().is_some_and(|enabled| !enabled()) {
            return false;
        }
        // 53 bits: as many as a float has. Below one, so that a rate of one is all.
        let part = (self.random(random) >> 11) as f64 / (1u64 << 53) as f64;
        part < rate
    }
}

impl fmt::Debug for Odds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Odds")
            .field("config", &self.config)
            .field("is_seeded", &self.seed.is_some())
            .finish_non_exhaustive()
    }
}
