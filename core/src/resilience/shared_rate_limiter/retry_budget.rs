//! Retries that many processes pay for together.

use super::SharedRateLimiter;
use super::in_memory::InMemoryStore;
use super::policy::{No, SharedRateLimited};
use super::store::QuotaStore;
use crate::resilience::attempt::Operation;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::error::Error;
use crate::resilience::layer::{Ctx, Frame, Layer, Policy};
use crate::resilience::rejected::{PolicyKind, Rejected};
use crate::resilience::verdict::Classify;
use crate::runtime::Runtime;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// At most so many retries in a time, of all processes together: a [`SharedRateLimiter`] that first attempts pass
/// without being asked.
///
/// It is part of a pipeline, by [`retry_budget_shared`](crate::resilience::PipelineBuilder::retry_budget_shared), inside
/// the retry. An attempt after the first takes a permit of the limiter as it begins, without waiting for one. If there is
/// none the call ends with [`RetriesExhausted`](crate::resilience::Error::RetriesExhausted),
/// [`Stop::Budget`](crate::resilience::Stop::Budget) and the error of its last attempt, as with a budget of one process;
/// if that attempt gave a value that is a failure, with the refusal.
///
/// It is asked after the delay and not before: a store is not given back what was taken for a retry that is not made.
/// Whatever the [cost](crate::resilience::Verdict::cost) of a failure, its retry is one permit. Inside a
/// [`Hedge`](crate::resilience::Hedge) hedges take one each too; there is no hedge more where there is none.
///
/// | | [`RetryBudget`](crate::resilience::RetryBudget) | this |
/// |---|---|---|
/// | what there is | a share of the calls, or what successes give | so many in a time |
/// | of | this process | all processes together |
/// | costs a retry | an atomic | a round trip, unless there is a [lease](SharedRateLimiter#leases) |
/// | when the store fails | – | as the limiter says: [`OnStoreFailure`](super::OnStoreFailure) |
///
/// A retry can have both.
///
/// # Cancel safety
///
/// A call that is dropped while it asks, or in the middle of its retry, has spent the permit.
///
/// # Cost
///
/// A first attempt costs a comparison. A retry as [`SharedRateLimiter::try_acquire`].
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{
///     Backoff, Error, InMemoryStore, Pipeline, Quota, Retry, SharedRateLimiter, Stop,
/// };
///
/// Sim::builder().run(|rt: Sim| async move {
///     let store = InMemoryStore::new(); // what another store is to processes
///     let retry = Retry::builder().backoff(Backoff::none()).build().expect("it is good");
///     let process = || {
///         let retries = SharedRateLimiter::named("partner-retries").quota(Quota::per_minute(60).burst(3));
///         let retries = retries.store(store.clone()).build().expect("it is good");
///         Pipeline::named("partner").retry(retry.clone()).retry_budget_shared(&retries).build(&rt).expect("it is good")
///     };
///     // Of three attempts each, the first has all; then there is one retry left, and then none.
///     for attempts_made in [3, 2, 1] {
///         let call = process().call(async |_| Err::<(), _>("down")).await;
///         let Err(Error::RetriesExhausted { attempts, why, last, .. }) = call else { panic!("{call:?}") };
///         assert_eq!((attempts, last.operation()), (attempts_made, Some(&"down")));
///         assert_eq!(why, if attempts == 3 { Stop::MaxAttempts } else { Stop::Budget });
///     }
/// })?;
/// # Ok::<(), Failure>(())
/// ```
pub struct SharedRetryBudget<S: QuotaStore = InMemoryStore>(SharedRateLimiter<S>);

impl<S: QuotaStore> SharedRetryBudget<S> {
    pub(in crate::resilience) fn new(limiter: &SharedRateLimiter<S>) -> Self {
        Self(limiter.clone())
    }
}

impl<T, E, Q: QuotaStore> Policy<T, E> for SharedRetryBudget<Q> {
    type State<'p, S> = SharedRateLimited<Q, S>;

    #[inline]
    fn start<S>(&self, inner: S) -> SharedRateLimited<Q, S> {
        SharedRateLimited::new(inner)
    }

    #[inline]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        state: Pin<&mut SharedRateLimited<Q, I::State<'p, Fut>>>,
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Error<E>>>
    where
        I: Layer<T, E>,
        R: Runtime,
        Op: Operation<T, E, Fut>,
        Fut: Future,
        C: Classify<T, E>,
    {
        let this = state.project();
        if !frame.is_first() && !*this.is_admitted {
            let poll = self.0.poll_within(this.turn, false, &frame, ctx, cx);
            match poll {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(_)) => *this.is_admitted = true,
                Poll::Ready(Err(No::TimedOut)) => return Poll::Ready(Err(ctx.timed_out(frame.limit))),
                Poll::Ready(Err(No::Rejected(rejected))) => {
                    let spent = Rejected::new(PolicyKind::RetryBudget, self.0.name(), rejected.reason());
                    return Poll::Ready(Err(ctx.rejected(spent)));
                }
            }
        }
        inner.poll(this.inner, frame, ctx, cx)
    }
}

impl<S: QuotaStore> Describe for SharedRetryBudget<S> {
    fn facts(&self) -> Facts {
        let settings = format!("{} for the retries of all with the key `{}`", self.0.quota(), self.0.key());
        Facts::new(PolicyKind::RetryBudget, self.0.name(), settings)
    }
}

impl<S: QuotaStore> Clone for SharedRetryBudget<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: QuotaStore> fmt::Debug for SharedRetryBudget<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedRetryBudget").field(&self.0).finish()
    }
}
