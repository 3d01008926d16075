//! Limits on time: of a whole call, and of each attempt (recipes 8.1, 8.2, 8.3).

use super::attempt::{Attempt, Operation};
use super::describe::{Describe, Facts};
use super::error::{Error, Scope};
use super::layer::{Alone, Call, Ctx, Frame, Layer, Policy, Surroundings, TimeLimit};
use super::rejected::PolicyKind;
use super::verdict::{Classify, Inherit};
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// A limit on the time of one attempt.
#[derive(Clone, Copy, Debug)]
pub struct AttemptTimeout {
    limit: Duration,
}

impl AttemptTimeout {
    /// So long for each attempt.
    pub const fn new(limit: Duration) -> Self {
        Self { limit }
    }

    /// Runs one operation within the limit.
    pub fn run<'p, R, T, E, Op, Fut>(
        &'p self,
        rt: &'p R,
        op: Op,
    ) -> Call<'p, R, Alone<'p, Self>, Inherit, Op, Fut, T, E>
    where
        R: Runtime,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(rt, Alone(self), Surroundings::NONE, op)
    }
}

impl Describe for AttemptTimeout {
    fn facts(&self) -> Facts {
        Facts::limit(PolicyKind::AttemptTimeout, self.limit)
    }

    fn check(&self) -> Result<(), ConfigError> {
        match self.limit {
            Duration::ZERO => Err(ConfigError::invalid("attempt_timeout", "must not be zero")),
            _ => Ok(()),
        }
    }
}

impl From<Duration> for AttemptTimeout {
    fn from(limit: Duration) -> Self {
        Self::new(limit)
    }
}

pin_project! {
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct TimeoutState<S> {
        at: Option<Instant>,
        #[pin]
        inner: S,
    }
}

impl<T, E> Policy<T, E> for AttemptTimeout {
    type State<'p, S> = TimeoutState<S>;

    #[inline]
    fn start<'p, S>(&'p self, inner: S) -> TimeoutState<S> {
        TimeoutState { at: None, inner }
    }

    #[inline]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        state: Pin<&mut TimeoutState<I::State<'p, Fut>>>,
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Error<E>>>
    where
        I: Layer<T, E>,
        R: Runtime,
        Op: Operation<E, Fut>,
        Fut: Future<Output = Result<T, E>>,
        C: Classify<T, E>,
    {
        let this = state.project();
        let at = *this.at.get_or_insert_with(|| ctx.now() + self.limit);
        let limit = TimeLimit { at, scope: Scope::Attempt, limit: self.limit };
        inner.poll(this.inner, frame.within(limit), ctx, cx)
    }
}
