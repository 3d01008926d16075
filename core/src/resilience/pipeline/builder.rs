//! Putting policies in an order.

use super::{Pipeline, Shared};
use crate::config_error::ConfigError;
use crate::resilience::adaptive_limit::AdaptiveLimit;
use crate::resilience::bulkhead::Bulkhead;
use crate::resilience::chaos::Chaos;
use crate::resilience::circuit_breaker::CircuitBreaker;
use crate::resilience::describe::Describe;
use crate::resilience::fallback::{Fallback, LastGood};
use crate::resilience::hedge::Hedge;
use crate::resilience::layer::{Layered, Leaf};
use crate::resilience::load_shed::LoadShed;
use crate::resilience::observer::{Observed, Observer};
use crate::resilience::rate_limiter::RateLimiter;
use crate::resilience::retry::Retry;
use crate::resilience::service_limit::ServiceLimit;
use crate::resilience::shared_rate_limiter::{QuotaStore, SharedRateLimiter, SharedRetryBudget};
use crate::resilience::throttle::Throttle;
use crate::resilience::timeout::{AttemptTimeout, TotalTimeout};
use crate::resilience::verdict::Inherit;
use crate::runtime::Runtime;
use std::sync::Arc;

/// A pipeline in the making: each policy that is added is inside all those before it.
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is built"]
pub struct PipelineBuilder<L, C = Inherit> {
    name: &'static str,
    layers: L,
    classifier: C,
    observed: Observed,
}

/// A stack of policies: continued at its inner end, and described.
///
/// Sealed: it is there to be named in bounds.
pub trait Stack {
    /// The stack with a policy more.
    type Appended<P: Describe>;

    #[doc(hidden)]
    fn append<P: Describe>(self, policy: P) -> Self::Appended<P>;

    #[doc(hidden)]
    fn each(&self, visit: &mut dyn FnMut(&dyn Describe));
}

impl Stack for Leaf {
    type Appended<P: Describe> = Layered<P, Self>;

    fn append<P: Describe>(self, policy: P) -> Layered<P, Self> {
        Layered { policy, inner: self }
    }

    fn each(&self, _: &mut dyn FnMut(&dyn Describe)) {}
}

impl<Q: Describe, I: Stack> Stack for Layered<Q, I> {
    type Appended<P: Describe> = Layered<Q, I::Appended<P>>;

    fn append<P: Describe>(self, policy: P) -> Self::Appended<P> {
        Layered { policy: self.policy, inner: self.inner.append(policy) }
    }

    fn each(&self, visit: &mut dyn FnMut(&dyn Describe)) {
        if self.policy.is_there() {
            visit(&self.policy);
        }
        self.inner.each(visit);
    }
}

impl PipelineBuilder<Leaf> {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, layers: Leaf, classifier: Inherit, observed: Observed::NONE }
    }
}

impl<L: Stack, C> PipelineBuilder<L, C> {
    /// What a result says of the service, for all policies that were not given a classifier of their own.
    pub fn classify<D>(self, classifier: D) -> PipelineBuilder<L, D> {
        PipelineBuilder { name: self.name, layers: self.layers, classifier, observed: self.observed }
    }

    /// Who is told what happens to its calls.
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// Another answer where there is none.
    pub fn fallback<S, P>(self, fallback: Fallback<S, P>) -> PipelineBuilder<L::Appended<Fallback<S, P>>, C> {
        self.append(fallback)
    }

    /// The last good value where there is none. It is shared with all who have a handle of it.
    pub fn stale_if_error<T, P: Clone>(
        self,
        last_good: &LastGood<T, P>,
    ) -> PipelineBuilder<L::Appended<LastGood<T, P>>, C> {
        self.append(last_good.clone())
    }

    /// A limit on the time of the whole call: a duration from its first poll on, a [`Deadline`](crate::time::Deadline)
    /// that all calls share, or a [`TotalTimeout`].
    pub fn deadline(self, limit: impl Into<TotalTimeout>) -> PipelineBuilder<L::Appended<TotalTimeout>, C> {
        self.append(limit.into())
    }

    /// No work for a request that has waited too long, while all of them do. Put it inside the bulkhead whose queue it is
    /// about, or outermost, with [`waiting_since`](crate::resilience::Call::waiting_since). Its priority is this handle's.
    pub fn load_shed(self, load_shed: &LoadShed) -> PipelineBuilder<L::Appended<LoadShed>, C> {
        self.append(load_shed.clone())
    }

    /// Fewer calls while the service takes too few of them. It is shared with all who have a handle of it; the calls'
    /// priority is this handle's.
    pub fn throttle<D: Clone>(self, throttle: &Throttle<D>) -> PipelineBuilder<L::Appended<Throttle<D>>, C> {
        self.append(throttle.clone())
    }

    /// Another attempt after a failure.
    pub fn retry<D, H>(self, retry: Retry<D, H>) -> PipelineBuilder<L::Appended<Retry<D, H>>, C> {
        self.append(retry)
    }

    /// Another call of the operation while one is slow. What it measures and its budget are shared with the clones of it.
    pub fn hedge<D>(self, hedge: Hedge<D>) -> PipelineBuilder<L::Appended<Hedge<D>>, C> {
        self.append(hedge)
    }

    /// No calls while this circuit breaker is open. It is shared with all who have a handle of it.
    pub fn breaker<D: Clone>(
        self,
        breaker: &CircuitBreaker<D>,
    ) -> PipelineBuilder<L::Appended<CircuitBreaker<D>>, C> {
        self.append(breaker.clone())
    }

    /// At most so many calls at a time, over all pipelines that this bulkhead is in.
    pub fn bulkhead(self, bulkhead: &Bulkhead) -> PipelineBuilder<L::Appended<Bulkhead>, C> {
        self.append(bulkhead.clone())
    }

    /// At most so many calls at a time as the service can take, over all pipelines that this limit is in.
    pub fn adaptive_limit(self, limit: &AdaptiveLimit) -> PipelineBuilder<L::Appended<AdaptiveLimit>, C> {
        self.append(limit.clone())
    }

    /// A limit on the time of each attempt: a duration, or an [`AttemptTimeout`].
    pub fn attempt_timeout(
        self,
        timeout: impl Into<AttemptTimeout>,
    ) -> PipelineBuilder<L::Appended<AttemptTimeout>, C> {
        self.append(timeout.into())
    }

    /// A permit of this limiter before anything inside is done.
    pub fn rate_limit(self, limiter: &RateLimiter) -> PipelineBuilder<L::Appended<RateLimiter>, C> {
        self.append(limiter.clone())
    }

    /// A permit of this limiter, which many processes share, before anything inside is done. It stands where
    /// [`rate_limit`](Self::rate_limit) would.
    pub fn rate_limit_shared<S: QuotaStore>(
        self,
        limiter: &SharedRateLimiter<S>,
    ) -> PipelineBuilder<L::Appended<SharedRateLimiter<S>>, C> {
        self.append(limiter.clone())
    }

    /// A permit of this limiter, which many processes share, for each retry and none for first attempts: see
    /// [`SharedRetryBudget`]. Its place is inside the retry; inside the hedge too if hedges are to pay.
    pub fn retry_budget_shared<S: QuotaStore>(
        self,
        limiter: &SharedRateLimiter<S>,
    ) -> PipelineBuilder<L::Appended<SharedRetryBudget<S>>, C> {
        self.append(SharedRetryBudget::new(limiter))
    }

    /// A turn by what the service says of its own limits, before anything inside is done. It is shared with all who have a
    /// handle of it. Its place is the rate limiter's: inside the retry and the hedge, since the service counts each call.
    pub fn service_limit<H: Clone>(
        self,
        limit: &ServiceLimit<H>,
    ) -> PipelineBuilder<L::Appended<ServiceLimit<H>>, C> {
        self.append(limit.clone())
    }

    /// Faults on purpose: innermost, so that all other policies see them.
    pub fn chaos<J>(self, chaos: Chaos<J>) -> PipelineBuilder<L::Appended<Chaos<J>>, C> {
        self.append(chaos)
    }

    /// As [`observer`](Self::observer), with one that there may be.
    pub(super) fn observed(self, observed: Observed) -> Self {
        Self { observed, ..self }
    }

    pub(super) fn append<P: Describe>(self, policy: P) -> PipelineBuilder<L::Appended<P>, C> {
        let Self { name, layers, classifier, observed } = self;
        PipelineBuilder { name, layers: layers.append(policy), classifier, observed }
    }

    /// The pipeline, on this runtime.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field of the outermost policy that makes no sense: a limit of no time.
    pub fn build<R: Runtime>(self, rt: &R) -> Result<Pipeline<R, L, C>, ConfigError> {
        let Self { name, layers, classifier, observed } = self;
        let mut checked = Ok(());
        layers.each(&mut |policy| {
            if checked.is_ok() {
                checked = policy.check();
            }
        });
        checked?;
        Ok(Pipeline { rt: rt.clone(), shared: Arc::new(Shared { name, layers, classifier, observed }) })
    }
}
