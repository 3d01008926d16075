//! Putting policies in an order.

use super::{Pipeline, Shared};
use crate::config_error::ConfigError;
use crate::resilience::bulkhead::Bulkhead;
use crate::resilience::fallback::Fallback;
use crate::resilience::layer::{Layered, Leaf};
use crate::resilience::observer::{Observed, Observer};
use crate::resilience::timeout::{AttemptTimeout, TotalTimeout};
use crate::resilience::verdict::Inherit;
use crate::runtime::Runtime;
use std::sync::Arc;

/// A pipeline in the making: each policy that is added is inside all those before it.
#[derive(Clone, Debug)]
pub struct PipelineBuilder<L, C = Inherit> {
    name: &'static str,
    layers: L,
    classifier: C,
    observed: Observed,
    // The first policy that makes no sense: field and reason.
    invalid: Option<(&'static str, &'static str)>,
}

/// A stack that can be continued at its inner end.
pub trait Append {
    /// The stack with a policy more.
    type Appended<P>;

    #[doc(hidden)]
    fn append<P>(self, policy: P) -> Self::Appended<P>;
}

impl Append for Leaf {
    type Appended<P> = Layered<P, Self>;

    fn append<P>(self, policy: P) -> Layered<P, Self> {
        Layered { policy, inner: self }
    }
}

impl<Q, I: Append> Append for Layered<Q, I> {
    type Appended<P> = Layered<Q, I::Appended<P>>;

    fn append<P>(self, policy: P) -> Self::Appended<P> {
        Layered { policy: self.policy, inner: self.inner.append(policy) }
    }
}

impl PipelineBuilder<Leaf> {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, layers: Leaf, classifier: Inherit, observed: Observed::NONE, invalid: None }
    }
}

impl<L: Append, C> PipelineBuilder<L, C> {
    /// What a result says of the service, for all policies that were not given a classifier of their own.
    pub fn classify<D>(self, classifier: D) -> PipelineBuilder<L, D> {
        let Self { name, layers, observed, invalid, .. } = self;
        PipelineBuilder { name, layers, classifier, observed, invalid }
    }

    /// Who is told what happens to its calls.
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observed: Observed::by(observer), ..self }
    }

    /// Another answer where there is none.
    pub fn fallback<S, P>(self, fallback: Fallback<S, P>) -> PipelineBuilder<L::Appended<Fallback<S, P>>, C> {
        self.append(fallback)
    }

    /// A limit on the time of the whole call: a duration from its first poll on, a [`Deadline`](crate::time::Deadline)
    /// that all calls share, or a [`TotalTimeout`].
    pub fn deadline(self, limit: impl Into<TotalTimeout>) -> PipelineBuilder<L::Appended<TotalTimeout>, C> {
        let limit = limit.into();
        self.refuse_if(limit.is_zero(), "deadline", "must not be zero").append(limit)
    }

    /// At most so many calls at a time, over all pipelines that this bulkhead is in.
    pub fn bulkhead(self, bulkhead: &Bulkhead) -> PipelineBuilder<L::Appended<Bulkhead>, C> {
        self.append(bulkhead.clone())
    }

    /// A limit on the time of each attempt: a duration, or an [`AttemptTimeout`].
    pub fn attempt_timeout(
        self,
        timeout: impl Into<AttemptTimeout>,
    ) -> PipelineBuilder<L::Appended<AttemptTimeout>, C> {
        let timeout = timeout.into();
        self.refuse_if(timeout.is_zero(), "attempt_timeout", "must not be zero").append(timeout)
    }

    fn refuse_if(mut self, is_invalid: bool, field: &'static str, reason: &'static str) -> Self {
        if is_invalid {
            self.invalid.get_or_insert((field, reason));
        }
        self
    }

    fn append<P>(self, policy: P) -> PipelineBuilder<L::Appended<P>, C> {
        let Self { name, layers, classifier, observed, invalid } = self;
        PipelineBuilder { name, layers: layers.append(policy), classifier, observed, invalid }
    }

    /// The pipeline, on this runtime.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build<R: Runtime>(self, rt: &R) -> Result<Pipeline<R, L, C>, ConfigError> {
        let Self { name, layers, classifier, observed, invalid } = self;
        if let Some((field, reason)) = invalid {
            return Err(ConfigError::invalid(field, reason));
        }
        Ok(Pipeline { rt: rt.clone(), shared: Arc::new(Shared { name, layers, classifier, observed }) })
    }
}
