//! A pipeline from a file, and another file for it while it runs.

mod config;
mod policies;

pub use config::PipelineConfig;
pub use policies::ConfiguredOrder;

use super::{Pipeline, Reloadable};
use crate::config_error::ConfigError;
use crate::primitives::{Arc, Mutex, lock};
use crate::resilience::adaptive_limit::AdaptiveLimit;
use crate::resilience::attempt::Attempt;
use crate::resilience::bulkhead::Bulkhead;
use crate::resilience::circuit_breaker::CircuitBreaker;
use crate::resilience::error::Error;
use crate::resilience::load_shed::LoadShed;
use crate::resilience::observer::{Observed, Observer};
use crate::resilience::rate_limiter::RateLimiter;
use crate::resilience::throttle::Throttle;
use crate::resilience::verdict::{Classify, Inherit};
use crate::runtime::Runtime;
use policies::Policies;
use std::fmt;
use std::mem;

/// A pipeline in the default order that is made of a [`PipelineConfig`], and goes by another when it is told to: all of
/// it or, where anything in it is wrong, nothing.
///
/// It owns the breaker, the limiter and the other policies with a state, all of the pipeline's name. What another
/// configuration does to each:
///
/// | policy | in both | only in the new one | only in the old one |
/// |---|---|---|---|
/// | breaker, rate limit, bulkhead, adaptive limit, throttle, load shedder | `reconfigure`: its state stays | begins | is gone, with its state, when the calls under way have ended |
/// | hedge, retry budget | the same, with what it has measured or spent, if its settings are; otherwise it begins anew, the budget with all it has | begins | is gone |
/// | deadline, retry, attempt timeout | that of the new one | begins | is gone |
///
/// Calls under way keep to the policies they began with, whose states are the shared ones: see [`Reloadable`]. What
/// has a reconfigured state is so for all at once.
///
/// It is a handle: clones are the same pipeline. Use a [`Pipeline`] where there is a fallback, another order, or a policy
/// that is shared with another pipeline; and a [`Reloadable`] to replace that.
///
/// # Cost
///
/// That of the pipeline and of a [`Reloadable`]: no allocation. A policy that is not there is a branch; the clock is read
/// as a call begins, whether there is a load shedder or not. The future has room for all of them.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{CircuitBreaker, CircuitState, ConfiguredPipeline, PipelineConfig};
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let mut config = PipelineConfig::default(); // or from a file, with the feature `serde`
///     config.breaker = Some(CircuitBreaker::named("").consecutive_failures(1).into());
///     config.attempt_timeout = Some(Duration::from_millis(500).into());
///     let users = ConfiguredPipeline::named("users").config(config.clone()).build(&rt).expect("it is good");
///     assert!(users.call(async |_| Err::<(), _>("down")).await.is_err());
///
///     // With a limit for the whole call, and none for an attempt.
///     (config.deadline, config.attempt_timeout) = (Some(Duration::from_secs(2).into()), None);
///     users.reconfigure(config.clone()).expect("it is good");
///     assert_eq!(users.breaker().expect("there is one").state(rt.now()), CircuitState::Open);
///
///     // One that is wrong changes nothing.
///     config.attempt_timeout = Some(Duration::from_secs(1).into());
///     config.deadline = Some(Duration::ZERO.into());
///     assert_eq!(users.reconfigure(config).unwrap_err().field(), Some("deadline"));
///     assert!(users.config().attempt_timeout.is_none());
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "hot reload")]
pub struct ConfiguredPipeline<R, C = Inherit>(Arc<Shared<R, C>>);

struct Shared<R, C> {
    rt: R,
    name: &'static str,
    classifier: C,
    observed: Observed,
    live: Reloadable<Pipeline<R, ConfiguredOrder, C>>,
    policies: Mutex<Policies>,
    // Of who changes them: held while others are told and woken, who may look at the policies.
    turn: Mutex<()>,
}

/// A [`ConfiguredPipeline`] in the making; from [`ConfiguredPipeline::named`].
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is built"]
pub struct ConfiguredPipelineBuilder<C = Inherit> {
    name: &'static str,
    config: PipelineConfig,
    classifier: C,
    observed: Observed,
}

impl ConfiguredPipeline<()> {
    /// Begins one of that name, for its errors and events and those of its policies. Without a
    /// [`config`](ConfiguredPipelineBuilder::config) there is no policy in it.
    pub fn named(name: &'static str) -> ConfiguredPipelineBuilder {
        let config = PipelineConfig::default();
        ConfiguredPipelineBuilder { name, config, classifier: Inherit, observed: Observed::NONE }
    }
}

impl<C> ConfiguredPipelineBuilder<C> {
    /// Its policies, and their settings.
    pub fn config(self, config: PipelineConfig) -> Self {
        Self { config, ..self }
    }

    /// What a result says of the service, for all its policies.
    pub fn classify<D>(self, classifier: D) -> ConfiguredPipelineBuilder<D> {
        let Self { name, config, observed, .. } = self;
        ConfiguredPipelineBuilder { name, config, classifier, observed }
    }

    /// Who is told what happens to its calls, and when the breaker or the adaptive limit changes.
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// The pipeline, on this runtime, whose random numbers are the seed of the breaker's jitter.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build<R: Runtime>(self, rt: &R) -> Result<ConfiguredPipeline<R, C>, ConfigError>
    where
        C: Clone,
    {
        let Self { name, config, classifier, observed } = self;
        let policies = Policies::default().next(config, name, &observed, rt.random_u64())?;
        let pipeline = policies.pipeline(rt, name, classifier.clone(), &observed)?;
        let (live, policies, turn) = (Reloadable::new(pipeline), Mutex::new(policies), Mutex::new(()));
        let shared = Shared { rt: rt.clone(), name, classifier, observed, live, policies, turn };
        Ok(ConfiguredPipeline(Arc::new(shared)))
    }
}

impl<R: Runtime, C> ConfiguredPipeline<R, C> {
    /// As [`Pipeline::call`], by the policies that there are at its first poll.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::call`].
    ///
    /// # Cancel safety
    ///
    /// As [`Pipeline::call`].
    ///
    /// # Panics
    ///
    /// As [`Pipeline::call`].
    pub async fn call<Op, Fut, T, E>(&self, op: Op) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.0.live.call(op).await
    }

    /// The pipeline as it is now, for a call with a deadline, a token or the details, and for its description: as
    /// [`Reloadable::current`].
    pub fn current(&self) -> Pipeline<R, ConfiguredOrder, C> {
        self.0.live.current()
    }

    /// Goes by this configuration from now on, and hands out the one before. Everything in it is checked and made before
    /// anything is changed. Then the policies with a state are changed one after the other, and last the pipeline is
    /// replaced: a call that begins in between may be the first for the one and the last for the other.
    ///
    /// One is done after the other: whoever calls this at the same time waits. An observer of it may not call it: told of
    /// a change while it is made, it would wait for itself.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field; nothing has changed then.
    #[doc(alias = "reload")]
    pub fn reconfigure(&self, config: PipelineConfig) -> Result<PipelineConfig, ConfigError>
    where
        C: Clone,
    {
        let Shared { rt, name, classifier, observed, live, policies, turn } = &*self.0;
        let turn = lock(turn);
        let before = lock(policies).clone();
        let next = before.next(config, name, observed, rt.random_u64())?;
        let pipeline = next.pipeline(rt, name, classifier.clone(), observed)?;
        next.change_what_stays(&before, rt.now())?;
        let gone = (live.replace(pipeline), mem::replace(&mut *lock(policies), next));
        // The last handles of what is gone are dropped with no lock held.
        drop(turn);
        drop(gone);
        Ok(before.config)
    }

    /// The configuration that it goes by.
    pub fn config(&self) -> PipelineConfig {
        lock(&self.0.policies).config.clone()
    }

    /// Its circuit breaker, if there is one now.
    pub fn breaker(&self) -> Option<CircuitBreaker> {
        lock(&self.0.policies).breaker.clone()
    }

    /// Its rate limiter, if there is one now.
    pub fn rate_limiter(&self) -> Option<RateLimiter> {
        lock(&self.0.policies).rate_limit.clone()
    }

    /// Its bulkhead, if there is one now.
    pub fn bulkhead(&self) -> Option<Bulkhead> {
        lock(&self.0.policies).bulkhead.clone()
    }

    /// Its adaptive limit, if there is one now.
    pub fn adaptive_limit(&self) -> Option<AdaptiveLimit> {
        lock(&self.0.policies).adaptive_limit.clone()
    }

    /// Its throttle, if there is one now.
    pub fn throttle(&self) -> Option<Throttle> {
        lock(&self.0.policies).throttle.clone()
    }

    /// Its load shedder, if there is one now.
    pub fn load_shed(&self) -> Option<LoadShed> {
        lock(&self.0.policies).load_shed.clone()
    }
}

impl<R, C> Clone for ConfiguredPipeline<R, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R, C> fmt::Debug for ConfiguredPipeline<R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("ConfiguredPipeline");
        out.field("name", &self.0.name).field("config", &lock(&self.0.policies).config);
        out.finish_non_exhaustive()
    }
}
