//! Waiting for a turn.

use super::permit::ServiceLimitPermit;
use super::shared::Shared;
use super::ticket::{Next, Ticket};
use crate::instant::Instant;
use crate::primitives::Arc;
use crate::probe;
use crate::resilience::observer::EventKind;
use crate::resilience::rejected::{PolicyKind, Rejected};
use crate::runtime::{Runtime, Sleep};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The future of [`ServiceLimit::acquire`](super::ServiceLimit::acquire).
    ///
    /// It has a place in the queue from the first poll that had to wait.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it gives back what it was granted, and its place is lost; whoever is next is woken.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct AcquireServiceLimit<R: Runtime> {
        rt: R,
        ticket: Ticket,
        #[pin]
        sleep: Option<R::Sleep>,
        // When the sleep ends.
        at: Instant,
    }
}

impl<R: Runtime> AcquireServiceLimit<R> {
    pub(super) const fn new(shared: Arc<Shared>, cost: u64, rt: R) -> Self {
        Self { rt, ticket: Ticket::new(shared, cost), sleep: None, at: Instant::MAX }
    }
}

impl<R: Runtime> Future for AcquireServiceLimit<R> {
    type Output = Result<ServiceLimitPermit, Rejected>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut now = this.rt.now();
        loop {
            let until = match this.ticket.poll(now, Instant::MAX, cx) {
                Next::Go(number, waited) => {
                    let shared = &this.ticket.shared;
                    // It goes back, if the observer panics.
                    let untold = Unsent::new(ServiceLimitPermit::new(Arc::clone(shared), number));
                    if let Some(waited) = waited {
                        shared.tell(EventKind::Waited { policy: PolicyKind::ServiceLimit, waited });
                    }
                    return Poll::Ready(Ok(untold.sent()));
                }
                Next::Refused(refusal) => return Poll::Ready(Err(this.ticket.shared.rejected(refusal, now))),
                Next::WaitUntil(until) => until,
            };
            if until < Instant::MAX {
                match this.sleep.as_mut().as_pin_mut() {
                    Some(sleep) if *this.at != until => sleep.reset(until),
                    Some(_) => {}
                    None => this.sleep.set(Some(this.rt.sleep_until(until))),
                }
                *this.at = until;
                if this.sleep.as_mut().as_pin_mut().is_some_and(|sleep| sleep.poll(cx).is_ready()) {
                    // Never before the time that has come, whatever the clock says; and to be set again.
                    now = this.rt.now().max(until);
                    *this.at = Instant::MAX;
                    continue;
                }
            }
            probe::waiting(|| this.ticket.shared.describe_waiting());
            return Poll::Pending;
        }
    }
}

impl<R: Runtime> fmt::Debug for AcquireServiceLimit<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcquireServiceLimit").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

/// A permit that goes back where it is dropped: its call has not begun.
#[derive(Debug)]
pub(super) struct Unsent(Option<ServiceLimitPermit>);

impl Unsent {
    pub(super) const fn new(permit: ServiceLimitPermit) -> Self {
        Self(Some(permit))
    }

    /// The call begins.
    pub(super) fn sent(mut self) -> ServiceLimitPermit {
        let Some(permit) = self.0.take() else { unreachable!("it is taken once") };
        permit
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        if let Some(permit) = self.0.take() {
            permit.give_back();
        }
    }
}
