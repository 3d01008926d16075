//! A circuit breaker around what is below it.

use super::CircuitBreaker;
use super::permit::CircuitPermit;
use crate::resilience::attempt::Operation;
use crate::resilience::error::Error;
use crate::resilience::layer::{Ctx, Frame, Layer, Policy};
use crate::resilience::verdict::{Classify, Verdict};
use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct BreakerState<'p, S> {
        // Before the permit: the operation has ended when its place is free.
        #[pin]
        inner: S,
        permit: Option<CircuitPermit<'p>>,
        // Whether it has come to call the operation.
        has_called: bool,
    }
}

impl<T, E, D: Classify<T, E>> Policy<T, E> for CircuitBreaker<D> {
    type State<'p, S>
        = BreakerState<'p, S>
    where
        Self: 'p;

    #[inline]
    fn start<'p, S>(&'p self, inner: S) -> BreakerState<'p, S> {
        BreakerState { inner, permit: None, has_called: false }
    }

    #[inline]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        state: Pin<&mut BreakerState<'p, I::State<'p, Fut>>>,
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
        match this.permit {
            None => match self.shared.acquire(|| ctx.now()) {
                Ok(ticket) => *this.permit = Some(CircuitPermit::new(&self.shared, ticket)),
                Err(rejected) => return Poll::Ready(Err(ctx.rejected(rejected))),
            },
            // What waits for its turn below is no slow call.
            Some(permit) if !*this.has_called => permit.begin(|| ctx.now()),
            Some(_) => {}
        }
        let calls = ctx.calls();
        // Looked at where it is: it may be large.
        let poll = inner.poll(this.inner, frame, ctx, cx);
        *this.has_called |= ctx.calls() != calls;
        if let Poll::Ready(result) = &poll
            && let Some(permit) = this.permit.take()
        {
            // What ended before the operation was called says nothing of the service.
            let verdict = match *this.has_called {
                true => self.classifier.classify_within(ctx.classifier(), result.as_ref()),
                false => Verdict::Ignore,
            };
            // What is slow is measured to the end of this poll, and so long it is open from there on.
            let again = self.shared.measures_time() || !matches!(verdict, Verdict::Success);
            permit.record_at(verdict, || if again { ctx.now_again() } else { ctx.now() });
        }
        poll
    }
}
