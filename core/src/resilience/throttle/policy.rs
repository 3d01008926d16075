//! A throttle around what is below it.

use super::Throttle;
use super::permit::ThrottlePermit;
use crate::resilience::attempt::Operation;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::error::Error;
use crate::resilience::layer::{Ctx, Frame, Layer, Policy};
use crate::resilience::priority::Priority;
use crate::resilience::rejected::PolicyKind;
use crate::resilience::verdict::{Classify, Verdict};
use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct ThrottleState<'p, S> {
        #[pin]
        inner: S,
        permit: Option<ThrottlePermit<'p>>,
        // Whether the operation was called, by this call and not by a hedge beside it.
        has_called: bool,
    }
}

impl<T, E, D: Classify<T, E>> Policy<T, E> for Throttle<D> {
    type State<'p, S>
        = ThrottleState<'p, S>
    where
        Self: 'p;

    #[inline]
    fn start<'p, S>(&'p self, inner: S) -> ThrottleState<'p, S> {
        ThrottleState { inner, permit: None, has_called: false }
    }

    #[inline]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        state: Pin<&mut ThrottleState<'p, I::State<'p, Fut>>>,
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
        if this.permit.is_none() {
            if let Err(rejected) = self.shared.acquire(self.priority, || (ctx.now(), ctx.random_u64())) {
                return Poll::Ready(Err(ctx.rejected(rejected)));
            }
            *this.permit = Some(ThrottlePermit::new(&self.shared, self.priority));
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
            permit.record_at(verdict, || ctx.now());
        }
        poll
    }
}

impl<C> Describe for Throttle<C> {
    fn facts(&self) -> Facts {
        let rules = self.shared.rules();
        let mut settings = format!("sends at most {} times what is accepted", rules.ratio);
        if self.priority != Priority::default() {
            settings.push_str(&format!(", {}", self.priority));
        }
        Facts::new(PolicyKind::Throttle, self.name(), settings)
    }
}
