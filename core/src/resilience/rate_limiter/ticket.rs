//! One who asks, from its question to its answer.

use super::ledger::{Refusal, Turn};
use super::meter::Grant;
use super::{RateLimiter, RatePermit};
use crate::sync::wait_list::Key;
use std::task::Context;

/// One who asks for permits and waits for them. Dropped, it leaves the queue, and gives back what it was granted.
#[derive(Debug)]
pub(super) struct Ticket<'a> {
    limiter: &'a RateLimiter,
    n: u64,
    stands: Stands,
    gives_up_at: u64,
}

#[derive(Debug)]
enum Stands {
    Outside,
    InQueue(Key),
    /// Out of the queue, with a time to come.
    Promised(Grant),
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Next<'a> {
    Go(RatePermit<'a>),
    Refused(Refusal),
    /// To be polled when woken, and at that time.
    WaitUntil(u64),
}

impl<'a> Ticket<'a> {
    pub(super) const fn new(limiter: &'a RateLimiter, n: u64) -> Self {
        Self { limiter, n, stands: Stands::Outside, gives_up_at: u64::MAX }
    }

    /// Asks, or looks again. Whose wait would end after `latest` does not begin to wait.
    #[inline]
    pub(super) fn poll(&mut self, now: u64, latest: u64, cx: &Context<'_>) -> Next<'a> {
        let (state, settings) = (&self.limiter.shared.state, &self.limiter.shared.settings);
        let turn = match std::mem::replace(&mut self.stands, Stands::Outside) {
            Stands::Outside => {
                let gives_up_at = &mut self.gives_up_at;
                let latest = || {
                    *gives_up_at = now.saturating_add(settings.max_wait);
                    latest.min(*gives_up_at)
                };
                state.ask(self.n, now, latest, settings.max_waiting, cx)
            }
            Stands::InQueue(key) => state.look(key, now, self.gives_up_at, cx),
            Stands::Promised(grant) => Turn::Granted(grant),
        };
        match turn {
            Turn::Granted(grant) if grant.ready <= now => {
                Next::Go(RatePermit::new(self.limiter, grant.stamp))
            }
            // Its time was fixed, and is too late.
            Turn::Granted(grant) if now >= self.gives_up_at => {
                state.give_back_at(grant.stamp, now);
                Next::Refused(Refusal::MaxWait)
            }
            Turn::Granted(grant) => {
                self.stands = Stands::Promised(grant);
                Next::WaitUntil(grant.ready.min(self.gives_up_at))
            }
            Turn::Waits(key, looks_at) => {
                self.stands = Stands::InQueue(key);
                Next::WaitUntil(looks_at.min(self.gives_up_at))
            }
            Turn::Refused(refusal) => Next::Refused(refusal),
        }
    }
}

impl Drop for Ticket<'_> {
    #[inline]
    fn drop(&mut self) {
        let state = &self.limiter.shared.state;
        match std::mem::replace(&mut self.stands, Stands::Outside) {
            Stands::Outside => {}
            Stands::InQueue(key) => state.leave(key),
            Stands::Promised(grant) => state.give_back(grant.stamp),
        }
    }
}
