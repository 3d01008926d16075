//! Waiting for a place, outside of a pipeline.

use super::permit::{BulkheadPermit, OwnedBulkheadPermit};
use super::{Bulkhead, Handle};
use crate::resilience::places::{Places, Waiting};
use crate::resilience::rejected::Rejected;
use crate::runtime::Runtime;
use crate::sync::Semaphore;
use pin_project_lite::pin_project;
use std::fmt;
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
        places: &'a Places,
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
        places: Arc<Places>,
        rt: R,
        #[pin]
        waiting: Waiting<Handle, R::Sleep>,
    }
}

impl<'a, R: Runtime> BulkheadAcquire<'a, R> {
    pub(super) fn new(bulkhead: &'a Bulkhead, rt: &'a R) -> Self {
        let places = &*bulkhead.places;
        Self { places, rt, waiting: Waiting::new(&places.semaphore, bulkhead.weight) }
    }
}

impl<'a, R: Runtime> Future for BulkheadAcquire<'a, R> {
    type Output = Result<BulkheadPermit<'a>, Rejected>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.waiting.poll(this.places, *this.rt, cx).map_ok(BulkheadPermit)
    }
}

impl<R: Runtime> BulkheadAcquireOwned<R> {
    pub(super) fn new(bulkhead: &Bulkhead, rt: R) -> Self {
        let places = Arc::clone(&bulkhead.places);
        let waiting = Waiting::new(Handle(Arc::clone(&places)), bulkhead.weight);
        Self { places, rt, waiting }
    }
}

impl<R: Runtime> Future for BulkheadAcquireOwned<R> {
    type Output = Result<OwnedBulkheadPermit, Rejected>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.waiting.poll(this.places, this.rt, cx).map_ok(OwnedBulkheadPermit)
    }
}

impl<R: Runtime> fmt::Debug for BulkheadAcquire<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadAcquire").field("bulkhead", &self.places.name).finish_non_exhaustive()
    }
}

impl<R: Runtime> fmt::Debug for BulkheadAcquireOwned<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadAcquireOwned").field("bulkhead", &self.places.name).finish_non_exhaustive()
    }
}
