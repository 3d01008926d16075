//! Chaos in a pipeline.

use super::injection::{Injected, Injection};
use super::{Chaos, ChaosConfig};
use crate::instant::Instant;
use crate::probe;
use crate::resilience::attempt::Operation;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::error::Error;
use crate::resilience::layer::{Ctx, Frame, Layer, Policy};
use crate::resilience::observer::EventKind;
use crate::resilience::rejected::PolicyKind;
use crate::resilience::verdict::Classify;
use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct ChaosState<S, F> {
        #[pin]
        inner: S,
        #[pin]
        step: Step<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StepProj]
    enum Step<F> {
        Begin,
        Wait { until: Instant },
        First { #[pin] future: F },
        // Whether it was struck, and is counted as a call of the operation already.
        Through { is_counted: bool },
        Done,
    }
}

impl<I> Describe for Chaos<I> {
    fn facts(&self) -> Facts {
        let ChaosConfig { enabled, rate } = self.odds.config;
        let off = if enabled { "" } else { ", not enabled" };
        Facts::new(PolicyKind::Chaos, "", format!("{rate} of the calls{off}"))
    }
}

impl<T, E, J: Injection<T, E>> Policy<T, E> for Chaos<J> {
    type State<'p, S>
        = ChaosState<S, J::First>
    where
        Self: 'p;

    #[inline]
    fn start<'p, S>(&'p self, inner: S) -> Self::State<'p, S> {
        ChaosState { inner, step: Step::Begin }
    }

    #[inline]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        state: Pin<&mut Self::State<'p, I::State<'p, Fut>>>,
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
        loop {
            let next = match this.step.as_mut().project() {
                StepProj::Begin
                    if self.odds.strike(|| ctx.random_u64())
                        // Nothing is called whose time is up, and so nothing fails.
                        && (frame.limit.is_none() || ctx.now() < frame.limit.at) =>
                {
                    ctx.emit(|| EventKind::Injected { chaos: J::KIND });
                    ctx.count_attempt(frame);
                    match self.injection.inject(|| self.odds.random(|| ctx.random_u64())) {
                        Injected::End(result) => {
                            this.step.set(Step::Done);
                            return Poll::Ready(result.map_err(Error::Operation));
                        }
                        Injected::Wait(time) => Step::Wait { until: ctx.now() + time },
                        Injected::First(future) => Step::First { future },
                    }
                }
                StepProj::Begin => Step::Through { is_counted: false },
                StepProj::Wait { until } if *until < frame.limit.at && ctx.is_past(*until) => {
                    Step::Through { is_counted: true }
                }
                StepProj::Wait { .. } if ctx.is_past(frame.limit.at) => Step::Done,
                StepProj::Wait { .. } => {
                    probe::waiting(|| "a latency of chaos".to_owned());
                    return Poll::Pending;
                }
                StepProj::First { future } => match future.poll(cx) {
                    Poll::Ready(()) => Step::Through { is_counted: true },
                    Poll::Pending if ctx.is_past(frame.limit.at) => Step::Done,
                    Poll::Pending => return Poll::Pending,
                },
                StepProj::Through { is_counted } => {
                    let within = if *is_counted { frame.counted() } else { frame };
                    return inner.poll(this.inner, within, ctx, cx);
                }
                StepProj::Done => unreachable!("it is not polled again once it was ready"),
            };
            let is_over = matches!(next, Step::Done);
            this.step.set(next);
            if is_over {
                return Poll::Ready(Err(ctx.timed_out(frame.limit)));
            }
        }
    }
}
