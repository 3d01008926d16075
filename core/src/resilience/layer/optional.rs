//! A policy that may be there or not: which is not in the type.

use super::{Ctx, Frame, Layer, Policy};
use crate::config_error::ConfigError;
use crate::resilience::attempt::Operation;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::error::Error;
use crate::resilience::verdict::Classify;
use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    #[doc(hidden)]
    #[derive(Debug)]
    #[project = OptionalProj]
    pub enum OptionalState<A, S> {
        // Not polled yet: which of the others it will be is seen then, and made in its place.
        Idle,
        There { #[pin] state: A },
        Absent { #[pin] inner: S },
    }
}

impl<P: Describe> Describe for Option<P> {
    fn facts(&self) -> Facts {
        self.as_ref().map_or_else(|| unreachable!("what is not there is not visited"), Describe::facts)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.as_ref().map_or(Ok(()), Describe::check)
    }

    fn is_there(&self) -> bool {
        self.is_some()
    }
}

impl<T, E, P: Policy<T, E>> Policy<T, E> for Option<P> {
    const MEASURES_WAIT: bool = P::MEASURES_WAIT;

    type State<'p, S>
        = OptionalState<P::State<'p, S>, S>
    where
        Self: 'p;

    #[inline]
    fn start<'p, S>(&'p self, _: S) -> Self::State<'p, S> {
        // Two shapes with `S` in different places: made here, a dozen of them in one another would be moved a dozen times.
        OptionalState::Idle
    }

    #[inline]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        below: &'p I,
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
        if matches!(*state, OptionalState::Idle) {
            match self {
                Some(policy) => state.set(OptionalState::There { state: policy.start(below.start()) }),
                None => state.set(OptionalState::Absent { inner: below.start() }),
            }
        }
        match (self, state.project()) {
            (Some(policy), OptionalProj::There { state }) => policy.poll(below, state, frame, ctx, cx),
            (None, OptionalProj::Absent { inner }) => below.poll(inner, frame, ctx, cx),
            _ => unreachable!("it is there from the first poll, or not at all"),
        }
    }
}
