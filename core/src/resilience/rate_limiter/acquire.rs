//! Waiting for permits.

use super::ticket::{Next, Ticket};
use super::{RateLimiter, RatePermit};
use crate::instant::Instant;
use crate::probe;
use crate::resilience::rejected::Rejected;
use crate::runtime::{Runtime, Sleep};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The future of [`RateLimiter::acquire`] and [`RateLimiter::acquire_many`].
    ///
    /// It has a place in the queue from the first poll that had to wait.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it gives back what it was granted, and its place is lost; whoever is next is woken.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct AcquireRate<'a, R: Runtime> {
        limiter: &'a RateLimiter,
        rt: &'a R,
        ticket: Ticket<&'a RateLimiter>,
        // From when it waits, once it does.
        since: Option<Instant>,
        #[pin]
        sleep: Option<R::Sleep>,
        // When the sleep ends.
        at: Instant,
    }
}

impl<'a, R: Runtime> AcquireRate<'a, R> {
    #[inline]
    pub(super) const fn new(limiter: &'a RateLimiter, rt: &'a R, n: u64) -> Self {
        Self { limiter, rt, ticket: Ticket::new(limiter, n), since: None, sleep: None, at: Instant::MAX }
    }
}

impl<'a, R: Runtime> Future for AcquireRate<'a, R> {
    type Output = Result<RatePermit<'a>, Rejected>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut now = this.rt.now();
        loop {
            let until = match this.ticket.poll(now.as_nanos(), u64::MAX, cx) {
                Next::Go(stamp) => {
                    let permit = RatePermit::new(this.limiter, stamp);
                    return Poll::Ready(Ok(match *this.since {
                        Some(since) => permit.told_of(now - since, drop),
                        None => permit,
                    }));
                }
                Next::Refused(refusal) => {
                    return Poll::Ready(Err(this.limiter.rejected(refusal, now.as_nanos())));
                }
                Next::WaitUntil(until) => Instant::from_nanos(until),
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
            this.since.get_or_insert(now);
            probe::waiting(|| this.limiter.describe_waiting());
            return Poll::Pending;
        }
    }
}

impl<R: Runtime> fmt::Debug for AcquireRate<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcquireRate").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}
