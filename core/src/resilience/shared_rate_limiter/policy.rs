//! A permit of all together before an operation.

use super::SharedRateLimiter;
use super::store::QuotaStore;
use super::turn::{Clock, Turn, Wanted};
use crate::instant::Instant;
use crate::resilience::attempt::Operation;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::error::Error;
use crate::resilience::layer::{Ctx, Frame, Layer, Policy};
use crate::resilience::observer::EventKind;
use crate::resilience::rejected::PolicyKind;
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
        inner: S,
        #[pin]
        turn: Turn<Q>,
        is_admitted: bool,
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
        SharedRateLimited { inner, turn: Turn::Begin, is_admitted: false }
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
        let mut this = state.project();
        if !*this.is_admitted {
            // Nobody is granted a turn after its deadline, and a store has no more time than until then.
            let wanted = Wanted { permits: 1, waits: true, until: frame.limit.at };
            let now = ctx.now();
            if now >= frame.limit.at {
                this.turn.as_mut().give_up(&self.shared, now, cx);
                return Poll::Ready(Err(ctx.timed_out(frame.limit)));
            }
            match this.turn.as_mut().poll(&self.shared, wanted, ctx, cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(rejected)) => return Poll::Ready(Err(ctx.rejected(rejected))),
                Poll::Ready(Ok(turned)) => {
                    *this.is_admitted = true;
                    if let Some(waited) = turned.waited {
                        ctx.emit(|| EventKind::Waited { policy: PolicyKind::RateLimiter, waited });
                    }
                }
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
