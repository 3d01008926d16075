//! Waiting for permits.

use super::error::AcquireError;
use super::permit::{OwnedPermit, Permit};
use super::{Semaphore, describe};
use crate::probe;
use crate::sync::wait_list::Key;
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
pub struct Acquire<'a> {
    semaphore: &'a Semaphore,
    wanted: usize,
    place: Option<Key>,
}

impl<'a> Acquire<'a> {
    pub(super) const fn new(semaphore: &'a Semaphore, wanted: usize) -> Self {
        Self { semaphore, wanted, place: None }
    }
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<Permit<'a>, AcquireError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let poll = this.semaphore.state.poll_take(this.wanted, &mut this.place, cx);
        if poll.is_pending() {
            probe::waiting(|| describe(this.semaphore));
        }
        poll.map_ok(|()| Permit::new(this.semaphore, this.wanted))
    }
}

impl Drop for Acquire<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.semaphore.state.leave(place);
        }
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
pub struct AcquireOwned {
    semaphore: Arc<Semaphore>,
    wanted: usize,
    place: Option<Key>,
}

impl AcquireOwned {
    pub(super) const fn new(semaphore: Arc<Semaphore>, wanted: usize) -> Self {
        Self { semaphore, wanted, place: None }
    }
}

impl Future for AcquireOwned {
    type Output = Result<OwnedPermit, AcquireError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let poll = this.semaphore.state.poll_take(this.wanted, &mut this.place, cx);
        if poll.is_pending() {
            probe::waiting(|| describe(&this.semaphore));
        }
        poll.map_ok(|()| OwnedPermit::new(Arc::clone(&this.semaphore), this.wanted))
    }
}

impl Drop for AcquireOwned {
    #[inline]
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.semaphore.state.leave(place);
        }
    }
}
