//! The settings of a retry policy.

use super::Retry;
use super::hook::{NoHook, OnRetry, Retrying};
use super::state::Limits;
use crate::config_error::ConfigError;
use crate::resilience::backoff::Backoff;
use crate::resilience::retry_budget::RetryBudget;
use crate::resilience::verdict::{Inherit, RetryIf};
use std::time::Duration;

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
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is built"]
pub struct RetryBuilder<C = Inherit, H = NoHook> {
    limits: Limits,
    classifier: C,
    hook: H,
}

impl RetryBuilder {
    pub(super) const fn new() -> Self {
        let limits = Limits {
            max_attempts: 3,
            max_elapsed: None,
            max_retry_after: Duration::from_secs(60),
            backoff: Backoff::exponential(Duration::from_millis(100)).max_delay(Duration::from_secs(20)),
            budget: None,
        };
        Self { limits, classifier: Inherit, hook: NoHook }
    }

    pub(super) fn made(self) -> Retry {
        let Self { limits, classifier, hook } = self;
        Retry { limits, classifier, hook }
    }
}

impl<C, H> RetryBuilder<C, H> {
    /// How many attempts there are at most, the first one included.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.limits.max_attempts = attempts;
        self
    }

    /// How long to wait before the next attempt.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.limits.backoff = backoff;
        self
    }

    /// After how much time, counted from the beginning of the first attempt, no other begins. An attempt that runs is
    /// not cut off: put a deadline around the retry for that.
    pub fn max_elapsed(mut self, time: Duration) -> Self {
        self.limits.max_elapsed = Some(time);
        self
    }

    /// The longest time that the service may ask for. If it asks for more, there is no other attempt: coming back
    /// earlier than it said would be refused, and nobody wants to wait that long.
    pub fn max_retry_after(mut self, time: Duration) -> Self {
        self.limits.max_retry_after = time;
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
        if limits.max_attempts == 0 {
            return Err(ConfigError::invalid("max_attempts", "must be at least 1: the first attempt counts"));
        }
        if limits.max_elapsed.is_some_and(|time| time.is_zero()) {
            return Err(ConfigError::invalid(
                "max_elapsed",
                "must not be zero: for no retry there is one attempt",
            ));
        }
        limits.backoff.check()?;
        Ok(Retry { limits, classifier, hook })
    }
}
