//! Waiting for permits.

use super::meter::{Grant, Stamp};
use super::ticket::{Next, Ticket};
use super::{RateLimiter, RatePermit, Reservation};
use crate::instant::Instant;
use crate::probe;
use crate::resilience::observer::EventKind;
use crate::resilience::rejected::{PolicyKind, Rejected};
use crate::runtime::{Runtime, Sleep};
use pin_project_lite::pin_project;
use std::borrow::Borrow;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

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
        #[pin]
        waiting: Waiting<&'a RateLimiter, R::Sleep>,
    }
}

pin_project! {
    /// The future of [`RateLimiter::acquire_owned`].
    ///
    /// # Cancel safety
    ///
    /// As [`AcquireRate`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct AcquireRateOwned<R: Runtime> {
        rt: R,
        #[pin]
        waiting: Waiting<RateLimiter, R::Sleep>,
    }
}

pin_project! {
    struct Waiting<L: Borrow<RateLimiter>, Sl> {
        ticket: Ticket<L>,
        // From when it waits, once it does.
        since: Option<Instant>,
        #[pin]
        sleep: Option<Sl>,
        // When the sleep ends.
        at: Instant,
    }
}

/// What was granted, when, and after which wait, if there was one.
struct Granted {
    stamp: Stamp,
    now: Instant,
    waited: Option<Duration>,
}

impl<'a, R: Runtime> AcquireRate<'a, R> {
    #[inline]
    pub(super) const fn new(limiter: &'a RateLimiter, rt: &'a R, n: u64) -> Self {
        Self { limiter, rt, waiting: Waiting::new(limiter, n) }
    }
}

impl<'a, R: Runtime> Future for AcquireRate<'a, R> {
    type Output = Result<RatePermit<'a>, Rejected>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.waiting.poll(*this.rt, cx).map_ok(|granted| {
            let permit = RatePermit::new(this.limiter, granted.stamp);
            match granted.waited {
                Some(waited) => permit.told_of(waited, drop),
                None => permit,
            }
        })
    }
}

impl<R: Runtime> AcquireRateOwned<R> {
    pub(super) fn new(limiter: &RateLimiter, rt: R) -> Self {
        Self { rt, waiting: Waiting::new(limiter.clone(), 1) }
    }
}

impl<R: Runtime> Future for AcquireRateOwned<R> {
    type Output = Result<Reservation, Rejected>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Granted { stamp, now, waited } = ready!(this.waiting.as_mut().poll(this.rt, cx))?;
        let limiter = this.waiting.ticket.limiter();
        // It goes back, if the observer panics.
        let reservation = Reservation::new(limiter.clone(), Grant { stamp, ready: now.as_nanos() });
        if let Some(waited) = waited {
            limiter.tell(EventKind::Waited { policy: PolicyKind::RateLimiter, waited });
        }
        Poll::Ready(Ok(reservation))
    }
}

impl<L: Borrow<RateLimiter>, Sl: Sleep> Waiting<L, Sl> {
    #[inline]
    const fn new(limiter: L, n: u64) -> Self {
        Self { ticket: Ticket::new(limiter, n), since: None, sleep: None, at: Instant::MAX }
    }

    #[inline]
    fn poll<R: Runtime<Sleep = Sl>>(
        self: Pin<&mut Self>,
        rt: &R,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Granted, Rejected>> {
        let mut this = self.project();
        let mut now = rt.now();
        loop {
            let until = match this.ticket.poll(now.as_nanos(), u64::MAX, cx) {
                Next::Go(stamp) => {
                    let waited = this.since.map(|since| now - since);
                    return Poll::Ready(Ok(Granted { stamp, now, waited }));
                }
                Next::Refused(refusal) => {
                    return Poll::Ready(Err(this.ticket.limiter().rejected(refusal, now.as_nanos())));
                }
                Next::WaitUntil(until) => Instant::from_nanos(until),
            };
            if until < Instant::MAX {
                match this.sleep.as_mut().as_pin_mut() {
                    Some(sleep) if *this.at != until => sleep.reset(until),
                    Some(_) => {}
                    None => this.sleep.set(Some(rt.sleep_until(until))),
                }
                *this.at = until;
                if this.sleep.as_mut().as_pin_mut().is_some_and(|sleep| sleep.poll(cx).is_ready()) {
                    // Never before the time that has come, whatever the clock says; and to be set again.
                    now = rt.now().max(until);
                    *this.at = Instant::MAX;
                    continue;
                }
            }
            this.since.get_or_insert(now);
            probe::waiting(|| this.ticket.limiter().describe_waiting());
            return Poll::Pending;
        }
    }
}

impl<R: Runtime> fmt::Debug for AcquireRate<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcquireRate").field("ticket", &self.waiting.ticket).finish_non_exhaustive()
    }
}

impl<R: Runtime> fmt::Debug for AcquireRateOwned<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcquireRateOwned").field("ticket", &self.waiting.ticket).finish_non_exhaustive()
    }
}
