//! How a supervisor goes about it.

use super::child::ChildSpec;
use super::delay::RestartDelay;
use super::policy::{AutoShutdown, Strategy};
use super::state::Rules;
use super::{Registry, Supervisor};
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::runtime::Runtime;
use crate::settings::Rule;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// Settings of a [`Supervisor`]; made by [`Supervisor::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct SupervisorBuilder<R: Runtime, E> {
    name: Arc<str>,
    config: SupervisorConfig,
    on_started: Option<Box<dyn FnOnce() + Send>>,
    children: Vec<ChildSpec<R, E>>,
}

/// The settings of a [`Supervisor`], as plain data: what can be in a file. [`SupervisorBuilder`] says what each means.
///
/// | field | default |
/// |---|---|
/// | `strategy` | [`Strategy::OneForOne`] |
/// | `intensity` | 1 |
/// | `period` | 5 s |
/// | `restart_delay` | none |
/// | `auto_shutdown` | [`AutoShutdown::Never`] |
/// | `event_capacity` | 256 |
///
/// # Examples
///
/// ```
/// use backstay_core::task::{Strategy, SupervisorConfig};
/// use std::time::Duration;
///
/// let mut config = SupervisorConfig::default();
/// config.strategy = Strategy::RestForOne;
/// config.period = Duration::ZERO;
/// assert_eq!(config.validate().unwrap_err().field(), Some("period"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SupervisorConfig {
    /// Which children are restarted with one that has failed.
    pub strategy: Strategy,
    /// How many restarts there may be within a `period`.
    pub intensity: u32,
    /// How long a restart counts.
    pub period: Duration,
    /// How long a child waits for its restart.
    pub restart_delay: RestartDelay,
    /// Whether it stops with its significant children.
    pub auto_shutdown: AutoShutdown,
    /// How many events are kept for a receiver that is behind.
    pub event_capacity: Limit,
}

crate::settings! {
    SupervisorConfig from Self::new();
    strategy,
    intensity,
    period: Rule::<Duration>::NOT_ZERO,
    restart_delay,
    auto_shutdown,
    event_capacity,
}

impl SupervisorConfig {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self {
            strategy: Strategy::OneForOne,
            intensity: 1,
            period: Duration::from_secs(5),
            restart_delay: RestartDelay::none(),
            auto_shutdown: AutoShutdown::Never,
            event_capacity: Limit::of(EVENT_CAPACITY),
        }
    }

    /// Whether it makes sense: what building a supervisor of it checks, but for its name and its children.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`], which names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        self.restart_delay.check()
    }
}

impl Default for SupervisorConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// How many events are kept for receivers that are behind.
const EVENT_CAPACITY: NonZeroUsize = NonZeroUsize::new(256).unwrap();

impl<R: Runtime, E: Send + Sync + 'static> SupervisorBuilder<R, E> {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: Arc::from(name),
            config: SupervisorConfig::new(),
            on_started: None,
            children: Vec::new(),
        }
    }

    /// All settings that can be in a file, in place of those there were; the name, the hook and the children stay.
    pub fn config(mut self, config: SupervisorConfig) -> Self {
        self.config = config;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &SupervisorConfig {
        &self.config
    }

    /// Which children are restarted with one that has failed; [`Strategy::OneForOne`] unless set.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.config.strategy = strategy;
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
        self.config.intensity = restarts;
        self
    }

    /// How long a restart counts for the [`intensity`](Self::intensity); five seconds unless set.
    #[doc(alias = "max_seconds")]
    pub fn period(mut self, period: Duration) -> Self {
        self.config.period = period;
        self
    }

    /// How long a child waits for its restart; none unless set.
    #[doc(alias = "backoff")]
    pub fn restart_delay(mut self, delay: RestartDelay) -> Self {
        self.config.restart_delay = delay;
        self
    }

    /// Whether it stops with its significant children; [`AutoShutdown::Never`] unless set.
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.config.auto_shutdown = auto_shutdown;
        self
    }

    /// How many events are kept for a receiver that is behind, before it is told that it has missed some; 256 unless
    /// set.
    pub fn event_capacity(mut self, capacity: impl Into<Limit>) -> Self {
        self.config.event_capacity = capacity.into();
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
        self.config.validate()?;
        let SupervisorConfig { strategy, intensity, period, restart_delay, auto_shutdown, event_capacity } =
            self.config;
        let mut registry = Registry::new(auto_shutdown);
        for child in self.children {
            if let Err(refused) = registry.add(child) {
                return Err(refused.into_config_error());
            }
        }
        let rules = Rules { strategy, auto_shutdown, intensity, period, delay: restart_delay };
        Ok(Supervisor::new(self.name, rules, registry, event_capacity, self.on_started))
    }
}

impl<R: Runtime, E> fmt::Debug for SupervisorBuilder<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorBuilder")
            .field("name", &self.name)
            .field("config", &self.config)
            .field("children", &self.children)
            .finish_non_exhaustive()
    }
}
