//! Waiting for permits.

use super::error::AcquireError;
use super::permit::{Lease, OwnedPermit, Permit};
use super::state::Refusal;
use super::{Semaphore, describe};
use crate::probe;
use crate::sync::wait_list::Key;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The future of [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
///
/// It has a place in the queue from the first poll that had to wait.
///
/// # Cancel safety
///
/// Dropped before it is ready, it gives back what it was granted, and its place is lost; whoever is next is woken.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Acquire<'a>(Turn<&'a Semaphore>);

impl<'a> Acquire<'a> {
    pub(super) const fn new(semaphore: &'a Semaphore, wanted: usize) -> Self {
        Self(Turn::new(semaphore, wanted))
    }
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<Permit<'a>, AcquireError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unbounded(cx).map_ok(Permit)
    }
}

/// The future of [`Semaphore::acquire_owned`] and [`Semaphore::acquire_many_owned`].
///
/// It has a place in the queue from the first poll that had to wait.
///
/// # Cancel safety
///
/// Dropped before it is ready, it gives back what it was granted, and its place is lost; whoever is next is woken.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct AcquireOwned(Turn<Arc<Semaphore>>);

impl AcquireOwned {
    pub(super) const fn new(semaphore: Arc<Semaphore>, wanted: usize) -> Self {
        Self(Turn::new(semaphore, wanted))
    }
}

impl Future for AcquireOwned {
    type Output = Result<OwnedPermit, AcquireError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unbounded(cx).map_ok(OwnedPermit)
    }
}

/// Asks for permits and waits for its turn, however the semaphore is reached. Dropped, it leaves the queue.
#[derive(Debug)]
pub(crate) struct Turn<S: Deref<Target = Semaphore>> {
    semaphore: S,
    wanted: usize,
    place: Option<Key>,
}

impl<S: Deref<Target = Semaphore>> Turn<S> {
    pub(crate) const fn new(semaphore: S, wanted: usize) -> Self {
        Self { semaphore, wanted, place: None }
    }

    /// Takes them, or a place in the queue if fewer than so many wait there.
    #[inline]
    pub(crate) fn poll(&mut self, max_waiting: usize, cx: &mut Context<'_>) -> Poll<Result<Lease<S>, Refusal>>
    where
        S: Clone,
    {
        let poll = self.semaphore.state.poll_take(self.wanted, max_waiting, &mut self.place, cx);
        poll.map_ok(|()| Lease::new(self.semaphore.clone(), self.wanted))
    }

    /// Gives up its place in the queue, if it has one, and what it was granted there.
    #[inline]
    pub(crate) fn leave(&mut self) {
        if let Some(place) = self.place.take() {
            self.semaphore.state.leave(place);
        }
    }

    #[inline]
    fn poll_unbounded(&mut self, cx: &mut Context<'_>) -> Poll<Result<Lease<S>, AcquireError>>
    where
        S: Clone,
    {
        let poll = self.poll(usize::MAX, cx);
        if poll.is_pending() {
            probe::waiting(|| describe(&self.semaphore));
        }
        poll.map_err(|refusal| match refusal {
            Refusal::Acquire(error) => error,
            Refusal::QueueFull => unreachable!("so many can't wait"),
        })
    }
}

impl<S: Deref<Target = Semaphore>> Drop for Turn<S> {
    #[inline]
    fn drop(&mut self) {
        self.leave();
    }
}
