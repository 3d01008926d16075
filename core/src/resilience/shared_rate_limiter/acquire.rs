//! Asking for permits by hand.

use super::permit::SharedPermit;
use super::store::QuotaStore;
use super::turn::{Clock, Turn, Wanted};
use super::{InMemoryStore, SharedRateLimiter};
use crate::instant::Instant;
use crate::resilience::rejected::Rejected;
use crate::runtime::Runtime;
use crate::time::{Deadline, Timer};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The future of [`SharedRateLimiter::acquire`] and [`SharedRateLimiter::try_acquire`].
    ///
    /// Nothing is asked before it is polled.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it is as if the answer had been lost: what the store has granted, or grants when it
    /// comes to it, is spent. The breaker counts nothing.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct AcquireShared<'a, R: Runtime, S: QuotaStore = InMemoryStore> {
        limiter: &'a SharedRateLimiter<S>,
        rt: &'a R,
        wanted: Wanted,
        #[pin]
        turn: Turn<S>,
        #[pin]
        timer: Timer<R::Sleep>,
    }
}

impl<'a, R: Runtime, S: QuotaStore> AcquireShared<'a, R, S> {
    pub(super) const fn new(limiter: &'a SharedRateLimiter<S>, rt: &'a R, permits: u64, waits: bool) -> Self {
        let wanted = Wanted { permits, waits, until: Instant::MAX };
        Self { limiter, rt, wanted, turn: Turn::Begin, timer: Timer::new() }
    }

    /// The same within a deadline, from which on nobody needs the permit: the store has no more time than until then,
    /// and there is no turn that comes later.
    pub fn within(mut self, deadline: Deadline) -> Self {
        self.wanted.until = deadline.instant();
        self
    }
}

/// The time of one poll, read at most once.
struct ByHand<'r, R> {
    rt: &'r R,
    now: Option<Instant>,
    wake_at: Instant,
}

impl<R: Runtime> Clock for ByHand<'_, R> {
    fn now(&mut self) -> Instant {
        *self.now.get_or_insert_with(|| self.rt.now())
    }

    fn is_past(&mut self, at: Instant) -> bool {
        if self.now() >= at {
            return at != Instant::MAX;
        }
        self.wake_at = self.wake_at.min(at);
        false
    }
}

impl<R: Runtime, S: QuotaStore> Future for AcquireShared<'_, R, S> {
    type Output = Result<SharedPermit, Rejected>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut clock = ByHand { rt: *this.rt, now: None, wake_at: Instant::MAX };
        loop {
            let poll = this.turn.as_mut().poll(&this.limiter.shared, *this.wanted, &mut clock, cx);
            if poll.is_ready() {
                return poll.map_ok(|turned| turned.permit);
            }
            let at = clock.wake_at;
            if at == Instant::MAX || this.timer.as_mut().poll_until(*this.rt, at, cx).is_pending() {
                return Poll::Pending;
            }
            // Never before the time that has come, whatever the clock says.
            clock = ByHand { rt: *this.rt, now: Some(this.rt.now().max(at)), wake_at: Instant::MAX };
        }
    }
}

impl<R: Runtime, S: QuotaStore> fmt::Debug for AcquireShared<'_, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcquireShared").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}
