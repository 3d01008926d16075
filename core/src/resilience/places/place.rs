//! A call's place, in a pipeline.

use super::Places;
use crate::instant::Instant;
use crate::probe;
use crate::resilience::error::Error;
use crate::resilience::layer::{Ctx, Frame};
use crate::resilience::rejected::Reason;
use crate::runtime::Runtime;
use crate::sync::{Lease, Semaphore, Turn};
use std::task::{Context, Poll};
use std::time::Duration;

pub(in crate::resilience) enum Place<'p> {
    Outside,
    Waiting {
        turn: Turn<&'p Semaphore>,
        // From when it waits, and how long it may, once it does.
        since: Option<(Instant, Duration)>,
    },
    Inside {
        _permit: Lease<&'p Semaphore>,
    },
    /// It has ended: its place is another's.
    Left,
}

impl<'p> Place<'p> {
    /// Goes in if it is outside and there is room. Whether it is inside.
    #[inline]
    pub(in crate::resilience) fn enter(&mut self, places: &'p Places, weight: usize) -> bool {
        if let Self::Outside = self
            && let Ok(permit) = Lease::take(&places.semaphore, weight)
        {
            *self = Self::Inside { _permit: permit };
        }
        matches!(self, Self::Inside { .. })
    }

    /// Goes in, or waits for its turn.
    #[cold]
    pub(in crate::resilience) fn poll_inside<R: Runtime, Op, C, E>(
        &mut self,
        places: &'p Places,
        weight: usize,
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error<E>>> {
        if let Self::Outside = self {
            *self = Self::Waiting { turn: Turn::new(&places.semaphore, weight), since: None };
        }
        let Self::Waiting { turn, since } = self else {
            unreachable!("it is not polled again once it was ready");
        };
        // The place before the clock: with both there, it is had.
        let refusal = match turn.poll(places.room(), cx) {
            Poll::Ready(Ok(permit)) => {
                let since = since.take();
                *self = Self::Inside { _permit: permit };
                if let Some((since, _)) = since {
                    let kind = places.waited(ctx.now() - since);
                    places.tell(kind);
                    ctx.emit(|| kind);
                }
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Err(refusal)) => Some(places.reason_in_queue(refusal)),
            Poll::Pending => {
                let (since, max_wait) = *since.get_or_insert_with(|| (ctx.now(), places.max_wait()));
                let until = since + max_wait;
                // Of the two limits the one that comes first.
                if until < frame.limit.at && ctx.is_past(until) {
                    Some(Reason::MaxWait { limit: max_wait })
                } else if until >= frame.limit.at && ctx.is_past(frame.limit.at) {
                    None
                } else {
                    probe::waiting(|| places.describe());
                    return Poll::Pending;
                }
            }
        };
        // Its turn is the next one's, before anybody hears of it.
        *self = Self::Left;
        Poll::Ready(Err(match refusal {
            Some(reason) => ctx.rejected(places.refuse(reason)),
            None => ctx.timed_out(frame.limit),
        }))
    }
}
