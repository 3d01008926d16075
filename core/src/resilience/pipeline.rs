//! Policies around one operation, in an order.

mod builder;
mod configured;
mod default_order;
mod erased;
mod reloadable;

pub use builder::{PipelineBuilder, Stack};
pub use configured::{ConfiguredOrder, ConfiguredPipeline, ConfiguredPipelineBuilder, PipelineConfig};
pub use default_order::DefaultOrder;
pub use erased::DynPipeline;
pub use reloadable::Reloadable;

use super::attempt::{Attempt, Operation, WithLast};
use super::describe::{Description, Lint};
use super::error::Cause;
use super::layer::{Call, Layer, Leaf, Surroundings};
use super::observer::Observed;
use super::verdict::{Classify, Inherit};
use crate::runtime::Runtime;
use std::sync::Arc;

/// Policies around one operation, in an order: what is named first is outermost.
///
/// A call goes through all of them as one future, with one timer and, on the way where all goes well, at most one
/// reading of the clock. Its error is flat: [`Error`](super::Error) says which policy had the last word, and
/// [`operation`](super::Error::operation) finds the operation's own error wherever it is.
///
/// It is a handle: a clone is the same pipeline, with the same breaker, limiter and bulkhead. Make it once: one that is
/// made anew for each call has new ones each time, which then do nothing. In a [`Reloadable`] it can be replaced while
/// calls are under way.
///
/// **The default order**, from the outside: fallback, deadline, load shedder, throttle, retry, rate limiter, circuit
/// breaker, bulkhead, attempt timeout. Any other is allowed; [`lints`](Self::lints) names those that hardly anybody means. Which policies there
/// are is a part of the type `L`: [`DefaultOrder`] is that of the default order, and [`erase`](Self::erase) takes it
/// out of the type.
///
/// # Cost
///
/// No allocation on a call, but for what an attempt's [grace](super::AttemptTimeout::grace) needs. The future is as
/// large as the operation's and what each policy keeps.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{Backoff, CircuitBreaker, Fallback, Pipeline, Retry, Source};
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let breaker = CircuitBreaker::named("users-db").build().expect("it is good");
///     let backoff = Backoff::exponential(Duration::from_millis(50)).max_delay(Duration::from_secs(1));
///     let users = Pipeline::named("users")
///         .fallback(Fallback::value("a guest"))
///         .deadline(Duration::from_secs(2))
///         .retry(Retry::builder().backoff(backoff).build().expect("it is good"))
///         .breaker(&breaker)
///         .attempt_timeout(Duration::from_millis(500))
///         .build(&rt)
///         .expect("it is good");
///
///     let answer = users
///         .call(async |attempt| match attempt.number() {
///             1 => Err("connection reset"),
///             _ => Ok("ada"),
///         })
///         .detailed()
///         .await
///         .expect("there is always an answer");
///     assert_eq!((answer.value, answer.source, answer.attempts), ("ada", Source::Operation, 2));
///
///     let answer = users.call(async |_| Err("connection reset")).detailed().await.expect("there always is");
///     assert_eq!((answer.value, answer.source, answer.attempts), ("a guest", Source::Fallback, 3));
///     assert_eq!(users.lints(), []);
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "ServiceBuilder")]
#[doc(alias = "ResiliencePipeline")]
#[doc(alias = "policy")]
#[derive(Debug)]
pub struct Pipeline<R, L, C = Inherit> {
    rt: R,
    shared: Arc<Shared<L, C>>,
}

#[derive(Debug)]
struct Shared<L, C> {
    name: &'static str,
    layers: L,
    classifier: C,
    observed: Observed,
}

impl Pipeline<(), Leaf> {
    /// Begins a pipeline of that name, for its errors and events; no policy is in it yet.
    pub const fn named(name: &'static str) -> PipelineBuilder<Leaf> {
        PipelineBuilder::new(name)
    }
}

impl<R: Runtime, L, C> Pipeline<R, L, C> {
    /// Calls an operation under these policies, once or, with a retry, more often.
    ///
    /// The operation is called when everything outside has let it through, and again for each attempt; its future may
    /// borrow what the closure borrows. [`Call`] has what differs from call to call: a deadline, a token, the time.
    ///
    /// # Errors
    ///
    /// [`Error`](super::Error), flat; each policy's documentation says which it gives.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready: the operation's future is dropped, then each policy gives back what it holds, from
    /// the inside out. Nothing of that counts as a failure of the service. A rate limiter's permit comes back only if
    /// the operation was not called yet.
    ///
    /// # Panics
    ///
    /// A panic of the operation passes through, and every policy is as if the call had been dropped.
    #[inline]
    pub fn call<'p, Op, Fut, T, E>(&'p self, op: Op) -> Call<'p, R, &'p L, C, Op, Fut, T, E>
    where
        L: Layer<T, E>,
        C: Classify<T, E>,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(&self.rt, &self.shared.layers, self.surroundings(), op)
    }

    /// As [`call`](Self::call), with an operation that is also shown what came of the attempt before: `None` at the
    /// first. [`Retry::run_with_last`](super::Retry::run_with_last) has an example.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    ///
    /// As [`call`](Self::call).
    #[inline]
    pub fn call_with_last<'p, Op, Fut, T, E>(
        &'p self,
        op: Op,
    ) -> Call<'p, R, &'p L, C, WithLast<Op>, Fut, T, E>
    where
        L: Layer<T, E>,
        C: Classify<T, E>,
        Op: FnMut(Attempt, Option<&Cause<E>>) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(&self.rt, &self.shared.layers, self.surroundings(), WithLast(op))
    }

    /// As [`call`](Self::call), with an [`Operation`] that is a type of its own.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    ///
    /// As [`call`](Self::call).
    #[inline]
    pub fn call_operation<'p, Op, Fut, T, E>(&'p self, op: Op) -> Call<'p, R, &'p L, C, Op, Fut, T, E>
    where
        L: Layer<T, E>,
        C: Classify<T, E>,
        Op: Operation<T, E, Fut>,
        Fut: Future,
    {
        Call::new(&self.rt, &self.shared.layers, self.surroundings(), op)
    }

    /// What it is made of, for logs and bug reports.
    pub fn describe(&self) -> Description
    where
        L: Stack,
    {
        let mut policies = Vec::new();
        self.shared.layers.each(&mut |policy| policies.push(policy.facts()));
        Description { name: self.shared.name, policies }
    }

    /// What is suspicious about the order of its policies: orders that are allowed, and hardly ever meant.
    pub fn lints(&self) -> Vec<Lint>
    where
        L: Stack,
    {
        self.describe().lints()
    }

    fn surroundings(&self) -> Surroundings<'_, C> {
        Surroundings {
            name: self.shared.name,
            classifier: &self.shared.classifier,
            observer: self.shared.observed.get(),
        }
    }
}

impl<R: Clone, L, C> Clone for Pipeline<R, L, C> {
    fn clone(&self) -> Self {
        Self { rt: self.rt.clone(), shared: Arc::clone(&self.shared) }
    }
}
