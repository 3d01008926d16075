//! The adaptive limit in a pipeline.

use super::AdaptiveLimit;
use super::shared::{Entry, Outcome};
use crate::resilience::attempt::Operation;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::error::Error;
use crate::resilience::layer::{Ctx, Frame, Layer, Policy};
use crate::resilience::places::Place;
use crate::resilience::rejected::PolicyKind;
use crate::resilience::verdict::Classify;
use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pin_project! {
    #[doc(hidden)]
    pub struct AdaptiveState<'p, S> {
        // Dropped before the place is given back.
        #[pin]
        inner: S,
        place: Place<'p>,
        entry: Option<Entry>,
        // Whether it has come to call the operation.
        has_called: bool,
    }
}

impl Describe for AdaptiveLimit {
    fn facts(&self) -> Facts {
        let settings = self.shared.settings();
        let (min, max) = (settings.min_limit, settings.max_limit);
        let algorithm = settings.algorithm.as_str();
        let mut text = format!("{algorithm}, {min} to {max} in flight, {} waiting", settings.max_waiting);
        if let Some(max_wait) = settings.max_wait.filter(|wait| *wait != Duration::MAX) {
            text.push_str(&format!(", for {max_wait:?}"));
        }
        Facts::new(PolicyKind::AdaptiveLimit, self.name(), text)
    }
}

impl<T, E> Policy<T, E> for AdaptiveLimit {
    type State<'p, S> = AdaptiveState<'p, S>;

    #[inline]
    fn start<'p, S>(&'p self, inner: S) -> AdaptiveState<'p, S> {
        AdaptiveState { inner, place: Place::Outside, entry: None, has_called: false }
    }

    #[inline]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        state: Pin<&mut AdaptiveState<'p, I::State<'p, Fut>>>,
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
        let shared = &*self.shared;
        if !this.place.enter(&shared.places, 1) {
            ready!(this.place.poll_inside(&shared.places, 1, frame, ctx, cx))?;
        }
        let entry = *this.entry.get_or_insert_with(|| shared.enter(ctx.now()));
        let calls = ctx.calls();
        let poll = inner.poll(this.inner, frame, ctx, cx);
        *this.has_called |= ctx.calls() != calls;
        let result = ready!(poll);
        // What ended before the operation was called says nothing of the service.
        if *this.has_called {
            let outcome = Outcome::of_result(ctx.classify(&result), &result);
            shared.record(entry, outcome, || ctx.now_again());
        }
        *this.place = Place::Left;
        Poll::Ready(result)
    }
}

impl<S> fmt::Debug for AdaptiveState<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveState").finish_non_exhaustive()
    }
}
