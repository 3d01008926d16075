//! The fallback in a pipeline.

use super::{Fallback, Substitute, WhichErrors};
use crate::resilience::answer::Source;
use crate::resilience::attempt::Operation;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::error::{Cause, Error};
use crate::resilience::layer::{Ctx, Frame, Layer, Policy};
use crate::resilience::observer::EventKind;
use crate::resilience::rejected::PolicyKind;
use crate::resilience::verdict::Classify;
use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    #[doc(hidden)]
    #[derive(Debug)]
    #[project = FallbackProj]
    pub enum FallbackState<S, F, E> {
        Primary { #[pin] inner: S },
        Substitute { #[pin] future: F, primary: Option<Cause<E>> },
        Done,
    }
}

impl<S, P> Describe for Fallback<S, P> {
    fn facts(&self) -> Facts {
        Facts::new(PolicyKind::Fallback, "", String::new())
    }
}

impl<T, E, U, P> Policy<T, E> for Fallback<U, P>
where
    U: Substitute<T, E>,
    P: WhichErrors<E>,
{
    type State<'p, S>
        = FallbackState<S, U::Future, E>
    where
        Self: 'p;

    #[inline]
    fn start<'p, S>(&'p self, inner: S) -> Self::State<'p, S> {
        FallbackState::Primary { inner }
    }

    #[inline]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        mut state: Pin<&mut Self::State<'p, I::State<'p, Fut>>>,
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
        if let FallbackProj::Primary { inner: primary } = state.as_mut().project() {
            let error = match ready!(inner.poll(primary, frame, ctx, cx)) {
                Err(error) if !matches!(error, Error::Cancelled) && self.when.includes(&error) => error,
                result => return Poll::Ready(result),
            };
            if U::TAKES_TIME && !frame.limit.is_none() && ctx.now() >= frame.limit.at {
                return Poll::Ready(Err(error));
            }
            ctx.emit(|| EventKind::FellBack);
            if U::TAKES_TIME {
                ctx.give_back::<T, E, Fut>();
            }
            let future = self.substitute.substitute(&error);
            state.set(FallbackState::Substitute { future, primary: error.into_cause() });
        }
        let FallbackProj::Substitute { future, primary } = state.as_mut().project() else {
            unreachable!("it is not polled again once it was ready");
        };
        let fallback = match future.poll(cx) {
            Poll::Ready(result) => result.map_err(Error::Operation),
            Poll::Pending if ctx.is_past(frame.limit.at) => Err(ctx.timed_out(frame.limit)),
            Poll::Pending => return Poll::Pending,
        };
        let primary = primary.take();
        state.set(FallbackState::Done);
        Poll::Ready(match fallback {
            Ok(value) => {
                ctx.answered_by(Source::Fallback);
                Ok(value)
            }
            Err(error) => Err(match (primary, error.into_cause()) {
                (Some(primary), Some(fallback)) => Error::FallbackFailed { primary, fallback },
                // A call that was cancelled has no fallback.
                _ => Error::Cancelled,
            }),
        })
    }
}
