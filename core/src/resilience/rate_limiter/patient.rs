//! One who takes permits again and again, and waits for each as long as it takes: a stream.

use super::RateLimiter;
use super::ticket::{Next, Ticket};
use crate::instant::Instant;
use std::task::Context;

/// Takes one permit after the other. Dropped, it leaves the queue, and gives back what it was granted.
#[derive(Debug)]
pub(crate) struct Patient {
    ticket: Ticket<RateLimiter>,
}

impl Patient {
    pub(crate) fn new(limiter: &RateLimiter) -> Self {
        Self { ticket: Ticket::new(limiter.clone(), 1) }
    }

    /// Takes a permit, which is spent; or gives the time at which to look again, if it is not woken before.
    ///
    /// # Errors
    ///
    /// That time.
    #[inline]
    pub(crate) fn poll(&mut self, now: Instant, cx: &Context<'_>) -> Result<(), Instant> {
        match self.ticket.poll_patiently(now.as_nanos(), cx) {
            Next::Go(_) => Ok(()),
            Next::WaitUntil(until) => Err(Instant::from_nanos(until)),
            // There is always one, some time; at the end of time there is none.
            Next::Refused(_) => Err(Instant::MAX),
        }
    }

    pub(crate) fn describe(&self) -> String {
        self.ticket.limiter().describe_waiting()
    }
}
