//! The bulkhead in a pipeline.

use super::Bulkhead;
use super::shared::Shared;
use crate::instant::Instant;
use crate::probe;
use crate::resilience::attempt::Operation;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::error::Error;
use crate::resilience::layer::{Ctx, Frame, Layer, Policy};
use crate::resilience::observer::EventKind;
use crate::resilience::rejected::{PolicyKind, Reason};
use crate::resilience::verdict::Classify;
use crate::runtime::Runtime;
use crate::sync::{Lease, Semaphore, Turn};
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

enum Place<'p> {
    Outside,
    Waiting {
        turn: Turn<&'p Semaphore>,
        // From when it waits, once it does.
        since: Option<Instant>,
    },
    Inside {
        _permit: Lease<&'p Semaphore>,
    },
    /// It has ended: its place is another's.
    Left,
}

impl Describe for Bulkhead {
    fn facts(&self) -> Facts {
        let Shared { semaphore, name, max_waiting, max_wait, .. } = &*self.shared;
        let mut settings = format!("at most {} in flight, {max_waiting} waiting", semaphore.capacity());
        if *max_wait != Duration::MAX {
            settings.push_str(&format!(", for {max_wait:?}"));
        }
        Facts::new(PolicyKind::Bulkhead, name, settings)
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
        if let Place::Outside = this.place
            && let Ok(permit) = Lease::take(&self.shared.semaphore, self.weight)
        {
            *this.place = Place::Inside { _permit: permit };
        } else if !matches!(this.place, Place::Inside { .. }) {
            ready!(this.place.poll_inside(&self.shared, self.weight, frame, ctx, cx))?;
        }
        let result = ready!(inner.poll(this.inner, frame, ctx, cx));
        *this.place = Place::Left;
        Poll::Ready(result)
    }
}

impl<'p> Place<'p> {
    #[cold]
    fn poll_inside<R: Runtime, Op, C, E>(
        &mut self,
        shared: &'p Shared,
        weight: usize,
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error<E>>> {
        if let Self::Outside = self {
            *self = Self::Waiting { turn: Turn::new(&shared.semaphore, weight), since: None };
        }
        let Self::Waiting { turn, since } = self else {
            unreachable!("it is not polled again once it was ready");
        };
        // The place before the clock: with both there, it is had.
        let error = match turn.poll(shared.room(), cx) {
            Poll::Ready(Ok(permit)) => {
                let since = since.take();
                *self = Self::Inside { _permit: permit };
                if let Some(since) = since {
                    let kind = EventKind::Waited { policy: PolicyKind::Bulkhead, waited: ctx.now() - since };
                    shared.tell(kind);
                    ctx.emit(|| kind);
                }
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Err(refusal)) => ctx.rejected(shared.refuse_in_queue(refusal)),
            Poll::Pending => {
                let until = *since.get_or_insert_with(|| ctx.now()) + shared.max_wait;
                // Of the two limits the one that comes first.
                if until < frame.limit.at && ctx.is_past(until) {
                    ctx.rejected(shared.refuse(Reason::MaxWait { limit: shared.max_wait }))
                } else if until >= frame.limit.at && ctx.is_past(frame.limit.at) {
                    ctx.timed_out(frame.limit)
                } else {
                    probe::waiting(|| shared.describe());
                    return Poll::Pending;
                }
            }
        };
        // Its turn is the next one's, before anybody hears of it.
        *self = Self::Left;
        Poll::Ready(Err(error))
    }
}

impl<S> fmt::Debug for BulkheadState<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadState").finish_non_exhaustive()
    }
}
