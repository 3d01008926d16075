//! The bulkhead in a pipeline.

use super::Bulkhead;
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
    pub struct BulkheadState<'p, S> {
        // Dropped before the place is given back.
        #[pin]
        inner: S,
        place: Place<'p>,
    }
}

impl Describe for Bulkhead {
    fn facts(&self) -> Facts {
        let (max_in_flight, max_waiting) = (self.max_in_flight(), self.places.max_waiting());
        let mut settings = format!("at most {max_in_flight} in flight, {max_waiting} waiting");
        let max_wait = self.places.max_wait();
        if max_wait != Duration::MAX {
            settings.push_str(&format!(", for {max_wait:?}"));
        }
        Facts::new(PolicyKind::Bulkhead, self.name(), settings)
    }
}

impl<T, E> Policy<T, E> for Bulkhead {
    type State<'p, S> = BulkheadState<'p, S>;

    #[inline]
    fn start<'p, S>(&'p self, inner: S) -> BulkheadState<'p, S> {
        BulkheadState { inner, place: Place::Outside }
    }

    #[inline]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        state: Pin<&mut BulkheadState<'p, I::State<'p, Fut>>>,
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
        if !this.place.enter(&self.places, self.weight) {
            ready!(this.place.poll_inside(&self.places, self.weight, frame, ctx, cx))?;
        }
        let result = ready!(inner.poll(this.inner, frame, ctx, cx));
        *this.place = Place::Left;
        Poll::Ready(result)
    }
}

impl<S> fmt::Debug for BulkheadState<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadState").finish_non_exhaustive()
    }
}
