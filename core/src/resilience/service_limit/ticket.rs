//! One who asks, from its question to its answer.

use super::shared::{Refusal, Shared, Turn};
use crate::instant::Instant;
use crate::primitives::Arc;
use crate::sync::wait_list::Key;
use std::fmt;
use std::task::Context;
use std::time::Duration;

/// One who asks to make a call, and waits for its turn. Dropped, it leaves the queue, and gives back what it was granted.
pub(super) struct Ticket {
    pub(super) shared: Arc<Shared>,
    cost: u64,
    place: Option<Key>,
    // From when it waits, once it does, and how long it may.
    since: Instant,
    max_wait: Duration,
}

/// What to do next.
pub(super) enum Next {
    /// The call of that number is to be made; it was waited for so long, if it was.
    Go(u64, Option<Duration>),
    Refused(Refusal),
    /// To be polled when woken, and at that time.
    WaitUntil(Instant),
}

impl Ticket {
    pub(super) const fn new(shared: Arc<Shared>, cost: u64) -> Self {
        Self { shared, cost, place: None, since: Instant::ORIGIN, max_wait: Duration::MAX }
    }

    /// Asks, or looks again. Whose wait would end after `latest` does not begin to wait.
    pub(super) fn poll(&mut self, now: Instant, latest: Instant, cx: &Context<'_>) -> Next {
        let (turn, waited) = match self.place.take() {
            Some(key) => {
                let gives_up_at = self.since + self.max_wait;
                let turn = self.shared.look(key, now, gives_up_at, self.max_wait, cx.waker());
                (turn, Some(now - self.since))
            }
            None => {
                let (turn, max_wait) = self.shared.ask(self.cost, now, latest, cx.waker());
                (self.since, self.max_wait) = (now, max_wait);
                (turn, None)
            }
        };
        match turn {
            Turn::Granted(number) => Next::Go(number, waited),
            Turn::Refused(refusal) => Next::Refused(refusal),
            Turn::Waits(key, looks_at) => {
                self.place = Some(key);
                Next::WaitUntil(looks_at.min(self.since + self.max_wait))
            }
        }
    }

    /// Gives up its place, if it has one.
    pub(super) fn leave(&mut self) {
        if let Some(key) = self.place.take() {
            self.shared.leave(key);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("cost", &self.cost).field("waits", &self.place.is_some()).finish()
    }
}
