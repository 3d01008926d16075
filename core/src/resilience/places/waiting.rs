//! Waiting for a place, outside of a pipeline.

use super::Places;
use crate::instant::Instant;
use crate::probe;
use crate::resilience::rejected::{Reason, Rejected};
use crate::runtime::Runtime;
use crate::sync::{Lease, Semaphore, Turn};
use pin_project_lite::pin_project;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pin_project! {
    pub(in crate::resilience) struct Waiting<S: Deref<Target = Semaphore>, Sl> {
        turn: Turn<S>,
        // From when it waits, and how long it may, once it does.
        since: Option<(Instant, Duration)>,
        #[pin]
        sleep: Option<Sl>,
    }
}

impl<S: Deref<Target = Semaphore> + Clone, Sl: Future> Waiting<S, Sl> {
    pub(in crate::resilience) const fn new(semaphore: S, weight: usize) -> Self {
        Self { turn: Turn::new(semaphore, weight), since: None, sleep: None }
    }

    #[inline]
    pub(in crate::resilience) fn poll<R: Runtime<Sleep = Sl>>(
        self: Pin<&mut Self>,
        places: &Places,
        rt: &R,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Lease<S>, Rejected>> {
        let mut this = self.project();
        // The place before the clock: with both there, it is had.
        match this.turn.poll(places.room(), cx) {
            Poll::Ready(Ok(lease)) => {
                if let Some((since, _)) = *this.since {
                    places.tell(places.waited(rt.now() - since));
                }
                Poll::Ready(Ok(lease))
            }
            Poll::Ready(Err(refusal)) => Poll::Ready(Err(places.refuse(places.reason_in_queue(refusal)))),
            Poll::Pending => {
                let (since, max_wait) = *this.since.get_or_insert_with(|| (rt.now(), places.max_wait()));
                let until = since + max_wait;
                if this.sleep.is_none() && until < Instant::MAX {
                    this.sleep.set(Some(rt.sleep_until(until)));
                }
                if let Some(sleep) = this.sleep.as_pin_mut()
                    && sleep.poll(cx).is_ready()
                {
                    // Its turn is the next one's, before anybody hears of it.
                    this.turn.leave();
                    return Poll::Ready(Err(places.refuse(Reason::MaxWait { limit: max_wait })));
                }
                probe::waiting(|| places.describe());
                Poll::Pending
            }
        }
    }
}
