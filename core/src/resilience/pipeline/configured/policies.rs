//! The policies of a configuration, and what becomes of them with the next.

use super::PipelineConfig;
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::resilience::adaptive_limit::AdaptiveLimit;
use crate::resilience::bulkhead::Bulkhead;
use crate::resilience::circuit_breaker::CircuitBreaker;
use crate::resilience::hedge::Hedge;
use crate::resilience::layer::{Layered, Leaf};
use crate::resilience::load_shed::LoadShed;
use crate::resilience::observer::{Event, EventKind, Observed, Observer};
use crate::resilience::pipeline::{Pipeline, PipelineBuilder};
use crate::resilience::rate_limiter::RateLimiter;
use crate::resilience::retry::Retry;
use crate::resilience::retry_budget::RetryBudget;
use crate::resilience::throttle::Throttle;
use crate::resilience::timeout::{AttemptTimeout, TotalTimeout};
use crate::runtime::Runtime;

/// The policies of a [`ConfiguredPipeline`](super::ConfiguredPipeline): the default order, each of which may be there or
/// not. A deadline, a load shedder, a throttle, a retry, a hedge, a rate limiter, a circuit breaker, a bulkhead, an
/// adaptive limit, an attempt timeout.
pub type ConfiguredOrder = Layered<
    Option<TotalTimeout>,
    Layered<
        Option<LoadShed>,
        Layered<Option<Throttle>, Layered<Option<Retry>, Layered<Option<Hedge>, EachCall>>>,
    >,
>;

/// What each call of the operation goes through.
type EachCall = Layered<
    Option<RateLimiter>,
    Layered<
        Option<CircuitBreaker>,
        Layered<Option<Bulkhead>, Layered<Option<AdaptiveLimit>, Layered<Option<AttemptTimeout>, Leaf>>>,
    >,
>;

/// A configuration, and those of its policies that keep something.
#[derive(Clone, Default)]
pub(super) struct Policies {
    pub(super) config: PipelineConfig,
    pub(super) load_shed: Option<LoadShed>,
    pub(super) throttle: Option<Throttle>,
    retry_budget: Option<RetryBudget>,
    hedge: Option<Hedge>,
    pub(super) rate_limit: Option<RateLimiter>,
    pub(super) breaker: Option<CircuitBreaker>,
    pub(super) bulkhead: Option<Bulkhead>,
    pub(super) adaptive_limit: Option<AdaptiveLimit>,
}

impl Policies {
    /// Those of another configuration: the same handles as far as there are some, and nothing of them is changed yet.
    pub(super) fn next(
        &self,
        config: PipelineConfig,
        name: &'static str,
        observed: &Observed,
        seed: u64,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        let retry_budget = if self.config.retry_budget == config.retry_budget {
            self.retry_budget.clone()
        } else {
            config.retry_budget.map(|it| it.build()).transpose()?
        };
        let hedge = match (&self.hedge, &config.hedge) {
            // With what it has measured.
            (Some(hedge), settings) if self.config.hedge == *settings => {
                Some(hedge.paid_from(retry_budget.clone()))
            }
            (_, Some(settings)) => {
                let hedge = Hedge::builder().config(*settings);
                let hedge = retry_budget.iter().fold(hedge, |hedge, budget| hedge.budget(budget));
                Some(hedge.build()?)
            }
            (_, None) => None,
        };
        Ok(Self {
            load_shed: kept(&self.load_shed, config.load_shed.as_ref(), |it| {
                LoadShed::named(name).config(it.clone()).build()
            })?,
            throttle: kept(&self.throttle, config.throttle.as_ref(), |it| {
                Throttle::named(name).config(it.clone()).build()
            })?,
            rate_limit: kept(&self.rate_limit, config.rate_limit.as_ref(), |it| {
                RateLimiter::named(name).config(it.clone()).build()
            })?,
            breaker: kept(&self.breaker, config.breaker.as_ref(), |it| {
                let breaker = CircuitBreaker::named(name).config(it.clone()).jitter_seed(seed);
                if observed.get().is_some() { breaker.observer(observed.clone()) } else { breaker }.build()
            })?,
            bulkhead: kept(&self.bulkhead, config.bulkhead.as_ref(), |it| {
                Bulkhead::named(name).config(it.clone()).build()
            })?,
            adaptive_limit: kept(&self.adaptive_limit, config.adaptive_limit.as_ref(), |it| {
                let limit = AdaptiveLimit::named(name).config(it.clone());
                if observed.get().is_some() { limit.observer(changes_of(observed)) } else { limit }.build()
            })?,
            retry_budget,
            hedge,
            config,
        })
    }

    /// The pipeline of them.
    pub(super) fn pipeline<R: Runtime, C>(
        &self,
        rt: &R,
        name: &'static str,
        classifier: C,
        observed: &Observed,
    ) -> Result<Pipeline<R, ConfiguredOrder, C>, ConfigError> {
        let retry = |settings| {
            let retry = Retry::builder().config(settings);
            self.retry_budget.iter().fold(retry, |retry, budget| retry.budget(budget)).build()
        };
        PipelineBuilder::new(name)
            .append(self.config.deadline)
            .append(self.load_shed.clone())
            .append(self.throttle.clone())
            .append(self.config.retry.clone().map(retry).transpose()?)
            .append(self.hedge.clone())
            .append(self.rate_limit.clone())
            .append(self.breaker.clone())
            .append(self.bulkhead.clone())
            .append(self.adaptive_limit.clone())
            .append(self.config.attempt_timeout)
            .classify(classifier)
            .observed(observed.clone())
            .build(rt)
    }

    /// Those that were there before go by the new settings. These have been checked: none is refused.
    pub(super) fn change_what_stays(&self, before: &Self, now: Instant) -> Result<(), ConfigError> {
        let config = &self.config;
        if let (Some(load_shed), Some(settings)) = (&before.load_shed, &config.load_shed) {
            load_shed.reconfigure(settings.clone(), now)?;
        }
        if let (Some(throttle), Some(settings)) = (&before.throttle, &config.throttle) {
            throttle.reconfigure(settings.clone(), now)?;
        }
        if let (Some(limiter), Some(settings)) = (&before.rate_limit, &config.rate_limit) {
            limiter.reconfigure(settings.clone(), now)?;
        }
        if let (Some(breaker), Some(settings)) = (&before.breaker, &config.breaker) {
            breaker.reconfigure(settings.clone(), now)?;
        }
        if let (Some(bulkhead), Some(settings)) = (&before.bulkhead, &config.bulkhead) {
            bulkhead.reconfigure(settings.clone())?;
        }
        if let (Some(limit), Some(settings)) = (&before.adaptive_limit, &config.adaptive_limit) {
            limit.reconfigure(settings.clone())?;
        }
        Ok(())
    }
}

/// Tells of the changes of the limit alone: all else the pipeline tells.
fn changes_of(observed: &Observed) -> impl Observer + use<> {
    let observed = observed.clone();
    move |event: &Event| {
        if matches!(event.kind, EventKind::LimitChanged { .. }) {
            observed.on_event(event);
        }
    }
}

/// The same handle where there is one, and none where there is to be none.
fn kept<P: Clone, S>(
    before: &Option<P>,
    settings: Option<&S>,
    make: impl FnOnce(&S) -> Result<P, ConfigError>,
) -> Result<Option<P>, ConfigError> {
    let kept = |settings| before.clone().map_or_else(|| make(settings), Ok);
    settings.map(kept).transpose()
}
