//! A permit of all together before an operation.

use super::SharedRateLimiter;
use super::store::QuotaStore;
use super::turn::{Clock, Turn, Turned, Wanted};
use crate::instant::Instant;
use crate::resilience::attempt::Operation;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::error::Error;
use crate::resilience::layer::{Ctx, Frame, Layer, Policy};
use crate::resilience::observer::EventKind;
use crate::resilience::rejected::{PolicyKind, Rejected};
use crate::resilience::verdict::Classify;
use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// What a call keeps of its limiter.
    #[doc(hidden)]
    pub struct SharedRateLimited<Q: QuotaStore, S> {
        #[pin]
        pub(super) inner: S,
        #[pin]
        pub(super) turn: Turn<Q>,
        pub(super) is_admitted: bool,
    }
}

impl<Q: QuotaStore, S> SharedRateLimited<Q, S> {
    pub(super) const fn new(inner: S) -> Self {
        Self { inner, turn: Turn::Begin, is_admitted: false }
    }
}

/// Why a call has no permit.
pub(super) enum No {
    Rejected(Rejected),
    /// Its limit on time has come.
    TimedOut,
}

impl<Q: QuotaStore> SharedRateLimiter<Q> {
    /// A permit for a call: nobody is granted a turn after its deadline, and the store has no more time than until then.
    pub(super) fn poll_within<E, R: Runtime, Op, C>(
        &self,
        mut turn: Pin<&mut Turn<Q>>,
        waits: bool,
        frame: &Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Turned, No>> {
        let (now, until) = (ctx.now(), frame.limit.at);
        if now >= until {
            turn.give_up(&self.shared, now, cx);
            return Poll::Ready(Err(No::TimedOut));
        }
        let wanted = Wanted { permits: 1, waits, until };
        turn.as_mut().poll(&self.shared, wanted, ctx, cx).map_err(No::Rejected)
    }
}

impl<R: Runtime, Op, C> Clock for Ctx<'_, R, Op, C> {
    fn now(&mut self) -> Instant {
        Ctx::now(self)
    }

    fn is_past(&mut self, at: Instant) -> bool {
        Ctx::is_past(self, at)
    }
}

impl<T, E, Q: QuotaStore> Policy<T, E> for SharedRateLimiter<Q> {
    type State<'p, S> = SharedRateLimited<Q, S>;

    #[inline]
    fn start<S>(&self, inner: S) -> SharedRateLimited<Q, S> {
        SharedRateLimited::new(inner)
    }

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
        if !*this.is_admitted {
            let turned = match self.poll_within(this.turn, true, &frame, ctx, cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(No::TimedOut)) => return Poll::Ready(Err(ctx.timed_out(frame.limit))),
                Poll::Ready(Err(No::Rejected(rejected))) => return Poll::Ready(Err(ctx.rejected(rejected))),
                Poll::Ready(Ok(turned)) => turned,
            };
            *this.is_admitted = true;
            if let Some(waited) = turned.waited {
                ctx.emit(|| EventKind::Waited { policy: PolicyKind::RateLimiter, waited });
            }
        }
        inner.poll(this.inner, frame, ctx, cx)
    }
}

impl<S: QuotaStore> Describe for SharedRateLimiter<S> {
    fn facts(&self) -> Facts {
        let settings = format!("{} for all with the key `{}`", self.shared.quota, self.shared.key);
        Facts::new(PolicyKind::RateLimiter, self.name(), settings)
    }
}

impl<Q: QuotaStore, S> fmt::Debug for SharedRateLimited<Q, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedRateLimited").field("is_admitted", &self.is_admitted).finish_non_exhaustive()
    }
}
