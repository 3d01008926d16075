//! The settings of a retry policy.

use super::Retry;
use super::hook::{NoHook, OnRetry, Retrying};
use super::state::Limits;
use crate::config_error::ConfigError;
use crate::resilience::backoff::Backoff;
use crate::resilience::retry_budget::RetryBudget;
use crate::resilience::verdict::{Inherit, RetryIf};
use crate::settings::Rule;
use std::time::Duration;

/// The settings of a [`Retry`], as plain data: what can be in a file. [`RetryBuilder`] says what each means.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Retry, RetryConfig};
///
/// let config = Retry::builder().max_attempts(7).as_config().clone();
/// assert_eq!((config.max_attempts, config.max_elapsed), (7, None));
/// assert_eq!(RetryConfig::default().max_attempts, 3);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryConfig {
    /// How many attempts there are, the first one included.
    pub max_attempts: u32,
    /// How long to wait before the next.
    pub backoff: Backoff,
    /// After how much time no other begins.
    pub max_elapsed: Option<Duration>,
    /// The longest time that the service may ask for.
    pub max_retry_after: Duration,
}

crate::settings! {
    RetryConfig from Self::new();
    max_attempts: Rule { reason: "must be at least 1: the first attempt counts", ..Rule::<u32>::NOT_ZERO },
    backoff,
    max_elapsed: Rule {
        reason: "must be longer than zero: for no retry there is one attempt",
        ..Rule::<Duration>::NOT_ZERO
    },
    max_retry_after,
}

impl RetryConfig {
    /// Everything at its default.
    pub const fn new() -> Self {
        Self {
            max_attempts: 3,
            backoff: Backoff::exponential(Duration::from_millis(100)).max_delay(Duration::from_secs(20)),
            max_elapsed: None,
            max_retry_after: Duration::from_secs(60),
        }
    }

    /// Whether it makes sense: what building a retry of it checks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field; that of a backoff as [`Backoff::build`] does.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_fields()?;
        self.backoff.check()
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// A [`Retry`] in the making.
///
/// | setting | default | valid |
/// |---|---|---|
/// | `max_attempts` | 3 | at least 1; [`u32::MAX`] is as good as no limit |
/// | `backoff` | 100 ms, doubled each time up to 20 s, full jitter | as [`Backoff::build`] says |
/// | `max_elapsed` | none | longer than zero |
/// | `max_retry_after` | 60 s | any; with zero, an answer that says when to come back ends the attempts |
/// | `budget` | none | |
/// | `classify`, `retry_if` | in a pipeline its classifier, otherwise every error of the operation is retried | |
/// | `on_retry`, `hook` | nobody | |
///
/// All but the last three are a [`RetryConfig`].
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is built"]
pub struct RetryBuilder<C = Inherit, H = NoHook> {
    limits: Limits,
    classifier: C,
    hook: H,
}

impl RetryBuilder {
    pub(super) const fn new() -> Self {
        let limits = Limits { config: RetryConfig::new(), budget: None };
        Self { limits, classifier: Inherit, hook: NoHook }
    }

    pub(super) fn made(self) -> Retry {
        let Self { limits, classifier, hook } = self;
        Retry { limits, classifier, hook }
    }
}

impl<C, H> RetryBuilder<C, H> {
    /// All settings that can be in a file, in place of those there were.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::{Retry, RetryConfig};
    ///
    /// let mut config = RetryConfig::default();
    /// config.max_attempts = 5;
    /// let retry = Retry::builder().config(config).retry_if(|error: &std::io::Error| error.raw_os_error().is_some());
    /// assert_eq!(retry.as_config().max_attempts, 5);
    /// ```
    pub fn config(mut self, config: RetryConfig) -> Self {
        self.limits.config = config;
        self
    }

    /// The settings, as they are now.
    pub const fn as_config(&self) -> &RetryConfig {
        &self.limits.config
    }

    /// How many attempts there are at most, the first one included.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.limits.config.max_attempts = attempts;
        self
    }

    /// How long to wait before the next attempt.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.limits.config.backoff = backoff;
        self
    }

    /// After how much time, counted from the beginning of the first attempt, no other begins. An attempt that runs is
    /// not cut off: put a deadline around the retry for that.
    pub fn max_elapsed(mut self, time: Duration) -> Self {
        self.limits.config.max_elapsed = Some(time);
        self
    }

    /// The longest time that the service may ask for. If it asks for more, there is no other attempt: coming back
    /// earlier than it said would be refused, and nobody wants to wait that long.
    pub fn max_retry_after(mut self, time: Duration) -> Self {
        self.limits.config.max_retry_after = time;
        self
    }

    /// What retries are paid from, shared with others.
    pub fn budget(mut self, budget: &RetryBudget) -> Self {
        self.limits.budget = Some(budget.clone());
        self
    }

    /// What a result says of the service.
    pub fn classify<D>(self, classifier: D) -> RetryBuilder<D, H> {
        RetryBuilder { limits: self.limits, classifier, hook: self.hook }
    }

    /// Which errors of the operation are worth another attempt; the others are [`Fatal`](crate::resilience::Verdict::Fatal)
    /// and returned at once. All else, values too, is as if it were not said: a pipeline's classifier still says when to
    /// come back.
    pub fn retry_if<E, F: Fn(&E) -> bool>(self, transient: F) -> RetryBuilder<RetryIf<F>, H> {
        self.classify(RetryIf(transient))
    }

    /// Who is told of each retry, before its delay.
    pub fn on_retry<T, E, G>(self, hook: G) -> RetryBuilder<C, G>
    where
        G: OnRetry<T, E> + Fn(&Retrying<'_, T, E>),
    {
        RetryBuilder { limits: self.limits, classifier: self.classifier, hook }
    }

    /// The same with a hook that is a type of your own, or that several share.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Backoff, Inherit, OnRetry, Retry, Retrying};
    /// use std::sync::{Arc, Mutex};
    ///
    /// #[derive(Default)]
    /// struct Timeouts(Mutex<Vec<u32>>);
    ///
    /// impl<T, E> OnRetry<T, E> for Timeouts {
    ///     fn on_retry(&self, retrying: &Retrying<'_, T, E>) {
    ///         if retrying.cause().is_some_and(|cause| cause.is_timeout()) {
    ///             self.0.lock().unwrap().push(retrying.attempt);
    ///         }
    ///     }
    /// }
    ///
    /// struct Client {
    ///     // Whoever it is: the type has a name.
    ///     retry: Retry<Inherit, Arc<dyn OnRetry<u32, String> + Send + Sync>>,
    /// }
    ///
    /// let timeouts = Arc::new(Timeouts::default());
    /// let hook: Arc<dyn OnRetry<u32, String> + Send + Sync> = timeouts.clone();
    /// let client = Client { retry: Retry::builder().backoff(Backoff::none()).hook(hook).build()? };
    /// Sim::builder().run(|rt: Sim| async move {
    ///     assert!(client.retry.run(&rt, async |_| Err("down".to_owned())).await.is_err());
    ///     assert!(timeouts.0.lock().unwrap().is_empty());
    /// }).expect("it ends");
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub fn hook<G>(self, hook: G) -> RetryBuilder<C, G> {
        RetryBuilder { limits: self.limits, classifier: self.classifier, hook }
    }

    /// The policy.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field; that of a backoff as [`Backoff::build`] does.
    pub fn build(self) -> Result<Retry<C, H>, ConfigError> {
        let Self { limits, classifier, hook } = self;
        limits.config.validate()?;
        Ok(Retry { limits, classifier, hook })
    }
}
