//! Waiting for a place, outside of a pipeline.

use super::AdaptiveLimit;
use super::permit::{AdaptivePermit, OwnedAdaptivePermit};
use super::shared::{Handle, Shared};
use crate::resilience::places::Waiting;
use crate::resilience::rejected::Rejected;
use crate::runtime::Runtime;
use crate::sync::Semaphore;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pin_project! {
    /// The future of [`AdaptiveLimit::acquire`].
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it gives back what it was granted, and its place in the queue is lost; whoever is
    /// next is woken.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct AdaptiveAcquire<'a, R: Runtime> {
        shared: &'a Shared,
        rt: &'a R,
        #[pin]
        waiting: Waiting<&'a Semaphore, R::Sleep>,
    }
}

pin_project! {
    /// The future of [`AdaptiveLimit::acquire_owned`].
    ///
    /// # Cancel safety
    ///
    /// As [`AdaptiveAcquire`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct AdaptiveAcquireOwned<R: Runtime> {
        shared: Arc<Shared>,
        rt: R,
        #[pin]
        waiting: Waiting<Handle, R::Sleep>,
    }
}

impl<'a, R: Runtime> AdaptiveAcquire<'a, R> {
    pub(super) fn new(limit: &'a AdaptiveLimit, rt: &'a R) -> Self {
        let shared = &*limit.shared;
        Self { shared, rt, waiting: Waiting::new(&shared.places.semaphore, 1) }
    }
}

impl<'a, R: Runtime> Future for AdaptiveAcquire<'a, R> {
    type Output = Result<AdaptivePermit<'a>, Rejected>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let poll = this.waiting.poll(&this.shared.places, *this.rt, cx);
        poll.map_ok(|lease| AdaptivePermit::new(this.shared, lease, this.rt.now()))
    }
}

impl<R: Runtime> AdaptiveAcquireOwned<R> {
    pub(super) fn new(limit: &AdaptiveLimit, rt: R) -> Self {
        let shared = Arc::clone(&limit.shared);
        let waiting = Waiting::new(Handle(Arc::clone(&shared)), 1);
        Self { shared, rt, waiting }
    }
}

impl<R: Runtime> Future for AdaptiveAcquireOwned<R> {
    type Output = Result<OwnedAdaptivePermit, Rejected>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let poll = this.waiting.poll(&this.shared.places, this.rt, cx);
        poll.map_ok(|lease| OwnedAdaptivePermit::new(lease, this.rt.now()))
    }
}

impl<R: Runtime> fmt::Debug for AdaptiveAcquire<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveAcquire").field("limit", &self.shared.places.name).finish_non_exhaustive()
    }
}

impl<R: Runtime> fmt::Debug for AdaptiveAcquireOwned<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveAcquireOwned")
            .field("limit", &self.shared.places.name)
            .finish_non_exhaustive()
    }
}
