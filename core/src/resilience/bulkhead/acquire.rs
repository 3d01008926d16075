//! Waiting for a place, outside of a pipeline.

use super::Bulkhead;
use super::permit::{BulkheadPermit, OwnedBulkheadPermit};
use super::shared::{Handle, Shared};
use crate::instant::Instant;
use crate::probe;
use crate::resilience::observer::EventKind;
use crate::resilience::rejected::{PolicyKind, Reason, Rejected};
use crate::runtime::Runtime;
use crate::sync::{Lease, Semaphore, Turn};
use pin_project_lite::pin_project;
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pin_project! {
    /// The future of [`Bulkhead::acquire`].
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it gives back what it was granted, and its place in the queue is lost; whoever is
    /// next is woken.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct BulkheadAcquire<'a, R: Runtime> {
        shared: &'a Shared,
        rt: &'a R,
        #[pin]
        waiting: Waiting<&'a Semaphore, R::Sleep>,
    }
}

pin_project! {
    /// The future of [`Bulkhead::acquire_owned`].
    ///
    /// # Cancel safety
    ///
    /// As [`BulkheadAcquire`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct BulkheadAcquireOwned<R: Runtime> {
        shared: Arc<Shared>,
        rt: R,
        #[pin]
        waiting: Waiting<Handle, R::Sleep>,
    }
}

pin_project! {
    struct Waiting<S: Deref<Target = Semaphore>, Sl> {
        turn: Turn<S>,
        // From when it waits, once it does.
        since: Option<Instant>,
        #[pin]
        sleep: Option<Sl>,
    }
}

impl<'a, R: Runtime> BulkheadAcquire<'a, R> {
    pub(super) fn new(bulkhead: &'a Bulkhead, rt: &'a R) -> Self {
        let shared = &*bulkhead.shared;
        Self { shared, rt, waiting: Waiting::new(&shared.semaphore, bulkhead.weight) }
    }
}

impl<'a, R: Runtime> Future for BulkheadAcquire<'a, R> {
    type Output = Result<BulkheadPermit<'a>, Rejected>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.waiting.poll(this.shared, *this.rt, cx).map_ok(BulkheadPermit)
    }
}

impl<R: Runtime> BulkheadAcquireOwned<R> {
    pub(super) fn new(bulkhead: &Bulkhead, rt: R) -> Self {
        let shared = Arc::clone(&bulkhead.shared);
        let waiting = Waiting::new(Handle(Arc::clone(&shared)), bulkhead.weight);
        Self { shared, rt, waiting }
    }
}

impl<R: Runtime> Future for BulkheadAcquireOwned<R> {
    type Output = Result<OwnedBulkheadPermit, Rejected>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.waiting.poll(this.shared, this.rt, cx).map_ok(OwnedBulkheadPermit)
    }
}

impl<S: Deref<Target = Semaphore> + Clone, Sl: Future> Waiting<S, Sl> {
    const fn new(semaphore: S, weight: usize) -> Self {
        Self { turn: Turn::new(semaphore, weight), since: None, sleep: None }
    }

    #[inline]
    fn poll<R: Runtime<Sleep = Sl>>(
        self: Pin<&mut Self>,
        shared: &Shared,
        rt: &R,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Lease<S>, Rejected>> {
        let mut this = self.project();
        // The place before the clock: with both there, it is had.
        match this.turn.poll(shared.room(), cx) {
            Poll::Ready(Ok(lease)) => {
                if let Some(since) = *this.since {
                    shared.tell(EventKind::Waited { policy: PolicyKind::Bulkhead, waited: rt.now() - since });
                }
                Poll::Ready(Ok(lease))
            }
            Poll::Ready(Err(refusal)) => Poll::Ready(Err(shared.refuse_in_queue(refusal))),
            Poll::Pending => {
                let since = *this.since.get_or_insert_with(|| rt.now());
                let until = since + shared.max_wait;
                if this.sleep.is_none() && until < Instant::MAX {
                    this.sleep.set(Some(rt.sleep_until(until)));
                }
                if let Some(sleep) = this.sleep.as_pin_mut()
                    && sleep.poll(cx).is_ready()
                {
                    // Its turn is the next one's, before anybody hears of it.
                    this.turn.leave();
                    return Poll::Ready(Err(shared.refuse(Reason::MaxWait { limit: shared.max_wait })));
                }
                probe::waiting(|| shared.describe());
                Poll::Pending
            }
        }
    }
}

impl<R: Runtime> fmt::Debug for BulkheadAcquire<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadAcquire").field("bulkhead", &self.shared.name).finish_non_exhaustive()
    }
}

impl<R: Runtime> fmt::Debug for BulkheadAcquireOwned<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadAcquireOwned").field("bulkhead", &self.shared.name).finish_non_exhaustive()
    }
}
