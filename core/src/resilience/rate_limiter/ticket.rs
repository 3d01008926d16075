//! One who asks, from its question to its answer.

use super::RateLimiter;
use super::ledger::{Patience, Refusal, Turn};
use super::meter::{Grant, Stamp};
use super::state::State;
use crate::sync::wait_list::Key;
use std::borrow::Borrow;
use std::task::Context;

/// One who asks for permits and waits for them. Dropped, it leaves the queue, and gives back what it was granted.
#[derive(Debug)]
pub(super) struct Ticket<L: Borrow<RateLimiter>> {
    limiter: L,
    n: u64,
    stands: Stands,
    patience: Patience,
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
pub(super) enum Next {
    /// With permits, that are spent.
    Go(Stamp),
    Refused(Refusal),
    /// To be polled when woken, and at that time.
    WaitUntil(u64),
}

impl<L: Borrow<RateLimiter>> Ticket<L> {
    pub(super) const fn new(limiter: L, n: u64) -> Self {
        Self { limiter, n, stands: Stands::Outside, patience: Patience::ENDLESS }
    }

    pub(super) fn limiter(&self) -> &RateLimiter {
        self.limiter.borrow()
    }

    /// Asks, or looks again. Whose wait would end after `latest` does not begin to wait.
    #[inline]
    pub(super) fn poll(&mut self, now: u64, latest: u64, cx: &Context<'_>) -> Next {
        let shared = &self.limiter.borrow().shared;
        let patience = &mut self.patience;
        let latest = || {
            let limit = shared.max_wait();
            *patience = Patience { until: now.saturating_add(limit), limit };
            latest.min(patience.until)
        };
        let turn = match std::mem::replace(&mut self.stands, Stands::Outside) {
            Stands::Outside => shared.state.ask(self.n, now, latest, shared.max_waiting(), cx),
            stands => stands.look(&shared.state, now, *patience, cx),
        };
        self.take(turn, now)
    }

    /// As [`poll`](Self::poll), of one who waits as long as it takes, whatever others are allowed.
    #[inline]
    pub(super) fn poll_patiently(&mut self, now: u64, cx: &Context<'_>) -> Next {
        let state = &self.limiter.borrow().shared.state;
        let turn = match std::mem::replace(&mut self.stands, Stands::Outside) {
            Stands::Outside => state.ask(self.n, now, || u64::MAX, usize::MAX, cx),
            stands => stands.look(state, now, Patience::ENDLESS, cx),
        };
        self.take(turn, now)
    }

    #[inline]
    fn take(&mut self, turn: Turn, now: u64) -> Next {
        match turn {
            Turn::Granted(grant) if grant.ready <= now => Next::Go(grant.stamp),
            // Its time was fixed, and is too late.
            Turn::Granted(grant) if now >= self.patience.until => {
                self.limiter().shared.state.give_back_at(grant.stamp, now);
                Next::Refused(Refusal::MaxWait { limit: self.patience.limit })
            }
            Turn::Granted(grant) => {
                self.stands = Stands::Promised(grant);
                Next::WaitUntil(grant.ready.min(self.patience.until))
            }
            Turn::Waits(key, looks_at) => {
                self.stands = Stands::InQueue(key);
                Next::WaitUntil(looks_at.min(self.patience.until))
            }
            Turn::Refused(refusal) => Next::Refused(refusal),
        }
    }
}

impl Stands {
    /// Looks again, from where it is not outside.
    fn look(self, state: &State, now: u64, patience: Patience, cx: &Context<'_>) -> Turn {
        match self {
            Self::Outside => unreachable!("who is outside asks"),
            Self::InQueue(key) => state.look(key, now, patience, cx),
            Self::Promised(grant) => Turn::Granted(grant),
        }
    }
}

impl<L: Borrow<RateLimiter>> Drop for Ticket<L> {
    #[inline]
    fn drop(&mut self) {
        let state = &self.limiter.borrow().shared.state;
        match std::mem::replace(&mut self.stands, Stands::Outside) {
            Stands::Outside => {}
            Stands::InQueue(key) => state.leave(key),
            Stands::Promised(grant) => state.give_back(grant.stamp),
        }
    }
}
