//! A load shedder before what is below it.

use super::LoadShed;
use crate::resilience::attempt::Operation;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::error::Error;
use crate::resilience::layer::{Ctx, Frame, Layer, Policy};
use crate::resilience::priority::Priority;
use crate::resilience::rejected::PolicyKind;
use crate::resilience::verdict::Classify;
use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pin_project! {
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct LoadShedState<S> {
        #[pin]
        inner: S,
        is_admitted: bool,
    }
}

impl<T, E> Policy<T, E> for LoadShed {
    const MEASURES_WAIT: bool = true;

    type State<'p, S> = LoadShedState<S>;

    #[inline]
    fn start<S>(&self, inner: S) -> LoadShedState<S> {
        LoadShedState { inner, is_admitted: false }
    }

    #[inline]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        state: Pin<&mut LoadShedState<I::State<'p, Fut>>>,
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
            let now = ctx.now();
            if let Err(rejected) = self.shared.admit(now - ctx.waiting_since(), self.priority, now) {
                return Poll::Ready(Err(ctx.rejected(rejected)));
            }
            *this.is_admitted = true;
        }
        inner.poll(this.inner, frame, ctx, cx)
    }
}

impl Describe for LoadShed {
    fn facts(&self) -> Facts {
        let rules = self.shared.rules();
        let (target, interval) = (Duration::from_nanos(rules.target), Duration::from_nanos(rules.interval));
        let mut settings = format!("waits of more than {target:?} for {interval:?} are too long");
        if self.priority != Priority::default() {
            settings.push_str(&format!(", {}", self.priority));
        }
        Facts::new(PolicyKind::LoadShed, self.name(), settings)
    }
}
