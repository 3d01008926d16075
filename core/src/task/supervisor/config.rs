//! How a supervisor goes about it.

use super::child::ChildSpec;
use super::delay::RestartDelay;
use super::policy::{AutoShutdown, Strategy};
use super::state::Rules;
use super::{Registry, Supervisor};
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::runtime::Runtime;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// Settings of a [`Supervisor`]; made by [`Supervisor::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct SupervisorBuilder<R: Runtime, E> {
    name: Arc<str>,
    strategy: Strategy,
    intensity: u32,
    period: Duration,
    delay: RestartDelay,
    auto_shutdown: AutoShutdown,
    event_capacity: Limit,
    on_started: Option<Box<dyn FnOnce() + Send>>,
    children: Vec<ChildSpec<R, E>>,
}

/// How many events are kept for receivers that are behind.
const EVENT_CAPACITY: NonZeroUsize = NonZeroUsize::new(256).unwrap();

impl<R: Runtime, E: Send + Sync + 'static> SupervisorBuilder<R, E> {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: Arc::from(name),
            strategy: Strategy::default(),
            intensity: 1,
            period: Duration::from_secs(5),
            delay: RestartDelay::none(),
            auto_shutdown: AutoShutdown::Never,
            event_capacity: Limit::from(EVENT_CAPACITY),
            on_started: None,
            children: Vec::new(),
        }
    }

    /// Which children are restarted with one that has failed; [`Strategy::OneForOne`] unless set.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// How many restarts there may be within a [`period`](Self::period), of all children together, before the
    /// supervisor gives up; one unless set. With zero it gives up at the first failure that would be followed by a
    /// restart.
    ///
    /// A failure counts once, and when it happens, however many children are restarted for it and after whatever delay;
    /// so does a start that fails.
    #[doc(alias = "max_restarts")]
    pub fn intensity(mut self, restarts: u32) -> Self {
        self.intensity = restarts;
        self
    }

    /// How long a restart counts for the [`intensity`](Self::intensity); five seconds unless set.
    #[doc(alias = "max_seconds")]
    pub fn period(mut self, period: Duration) -> Self {
        self.period = period;
        self
    }

    /// How long a child waits for its restart; none unless set.
    #[doc(alias = "backoff")]
    pub fn restart_delay(mut self, delay: RestartDelay) -> Self {
        self.delay = delay;
        self
    }

    /// Whether it stops with its significant children; [`AutoShutdown::Never`] unless set.
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.auto_shutdown = auto_shutdown;
        self
    }

    /// How many events are kept for a receiver that is behind, before it is told that it has missed some; 256 unless
    /// set.
    pub fn event_capacity(mut self, capacity: impl Into<Limit>) -> Self {
        self.event_capacity = capacity.into();
        self
    }

    /// Called once, when all children that were there at the beginning have been up, or have ended for good: what a
    /// supervisor that is a child calls its own [`ready`](super::ChildContext::ready) in.
    pub fn on_started(mut self, hook: impl FnOnce() + Send + 'static) -> Self {
        self.on_started = Some(Box::new(hook));
        self
    }

    /// Adds a child, the last in order.
    pub fn child(mut self, child: ChildSpec<R, E>) -> Self {
        self.children.push(child);
        self
    }

    /// The supervisor. Nothing is started until it runs.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`], which names the field: an empty `name`, its own or a child's; a `period` of zero; two
    /// `children` of one name; a `significant` child that is permanent, or where nothing comes of it; what
    /// [`RestartDelay`] can't mean.
    pub fn build(self) -> Result<Supervisor<R, E>, ConfigError> {
        if self.name.is_empty() {
            return Err(ConfigError::invalid("name", "a supervisor's must not be empty"));
        }
        if self.period.is_zero() {
            return Err(ConfigError::invalid("period", "must not be zero"));
        }
        self.delay.check()?;
        let mut registry = Registry::new(self.auto_shutdown);
        for child in self.children {
            if let Err(refused) = registry.add(child) {
                return Err(refused.into_config_error());
            }
        }
        let rules = Rules {
            strategy: self.strategy,
            auto_shutdown: self.auto_shutdown,
            intensity: self.intensity,
            period: self.period,
            delay: self.delay,
        };
        Ok(Supervisor::new(self.name, rules, registry, self.event_capacity, self.on_started))
    }
}

impl<R: Runtime, E> fmt::Debug for SupervisorBuilder<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorBuilder")
            .field("name", &self.name)
            .field("strategy", &self.strategy)
            .field("intensity", &self.intensity)
            .field("period", &self.period)
            .field("restart_delay", &self.delay)
            .field("auto_shutdown", &self.auto_shutdown)
            .field("children", &self.children)
            .finish_non_exhaustive()
    }
}
