//! Who waits for permits, and what was granted: the whole machine but for its fast way.

use super::meter::{Grant, Kind, Meter, Stamp};
use super::snapshot::RateSnapshot;
use crate::sync::wait_list::{Key, Left, WaitList, Wakers};
use std::task::Waker;

/// What was granted, what is to be given back, and who waits, first come first served.
///
/// Everybody who waits knows when its turn will come if nobody leaves, and looks at the clock then; and whoever looks
/// serves all whose time has come, in order, so that nobody waits for somebody else's task. When somebody leaves, the
/// first in the queue is woken, to look at the clock anew.
///
/// | waiter | is in the queue | left by |
/// |---|---|---|
/// | waiting | yes | a grant, a promise, a refusal, `leave` |
/// | granted: its time has come | no | its next poll; `leave` gives back |
/// | promised: its time is fixed, and to come | no | the poll that finds it has come; `leave` gives back |
/// | refused | no | its next poll |
#[derive(Debug)]
pub(super) struct Ledger {
    meter: Meter,
    // To be given back when somebody knows the time: who drops a permit doesn't.
    returns: Vec<Stamp>,
    queue: WaitList<Waiter>,
    // Permits wanted by all in the queue.
    wanted: u64,
}

#[derive(Debug)]
struct Waiter {
    n: u64,
    // When it looks at the clock by itself; `u64::MAX` for one that relies on others.
    looks_at: u64,
    outcome: Option<Result<Grant, Refusal>>,
}

/// Why there are no permits, and when there might be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    TooLarge {
        capacity: u64,
    },
    Until(u64),
    QueueFull {
        until: u64,
    },
    /// It has waited for so long.
    MaxWait {
        limit: u64,
    },
}

/// Until when one waits who asks, which is so long: what it was allowed when it asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    pub(super) until: u64,
    pub(super) limit: u64,
}

impl Patience {
    /// As long as it takes.
    pub(super) const ENDLESS: Self = Self { until: u64::MAX, limit: u64::MAX };
}

/// Where somebody who asks stands.
#[derive(Debug)]
pub(super) enum Turn {
    Granted(Grant),
    /// At a place in the queue; to look again at that time.
    Waits(Key, u64),
    Refused(Refusal),
}

impl Ledger {
    pub(super) const fn new(kind: Kind) -> Self {
        Self { meter: Meter::new(kind), returns: Vec::new(), queue: WaitList::new(), wanted: 0 }
    }

    pub(super) const fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(super) const fn meter_mut(&mut self) -> &mut Meter {
        &mut self.meter
    }

    /// Whether nothing is to be done but to grant.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.returns.is_empty()
    }

    pub(super) const fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Permits for a newcomer, at once.
    pub(super) fn try_take(&mut self, n: u64, now: u64, wakers: &mut Wakers) -> Result<Grant, Refusal> {
        self.serve(now, wakers);
        self.check(n)?;
        self.take_unless_queued(n, now).ok_or_else(|| Refusal::Until(self.behind_all(n, now)))
    }

    /// Permits, or a place in the queue if the wait ends at `latest` or before; the waker is taken for that only.
    pub(super) fn ask(
        &mut self,
        n: u64,
        now: u64,
        latest: u64,
        max_waiting: usize,
        waker: &mut Option<Waker>,
        wakers: &mut Wakers,
    ) -> Turn {
        self.serve(now, wakers);
        if let Err(refusal) = self.check(n) {
            return Turn::Refused(refusal);
        }
        if let Some(grant) = self.take_unless_queued(n, now) {
            return Turn::Granted(grant);
        }
        let until = self.behind_all(n, now);
        if until > latest {
            return Turn::Refused(Refusal::Until(until));
        }
        if self.queue.waiting() >= max_waiting {
            return Turn::Refused(Refusal::QueueFull { until });
        }
        let Some(waker) = waker.take() else { unreachable!("who asks brings one") };
        self.wanted += n;
        Turn::Waits(self.queue.push(waker, Waiter { n, looks_at: until, outcome: None }), until)
    }

    /// Looks again. The waker is exchanged for the one before.
    pub(super) fn look(
        &mut self,
        key: Key,
        now: u64,
        patience: Patience,
        waker: &mut Option<Waker>,
        wakers: &mut Wakers,
    ) -> Turn {
        self.settle(now);
        self.grant_due(now, wakers);
        let turn = if self.queue.is_notified(&key) {
            match self.queue.remove(key) {
                Left::Notified(Waiter { outcome: Some(Ok(grant)), .. }) => Turn::Granted(grant),
                Left::Notified(Waiter { outcome: Some(Err(refusal)), .. }) => Turn::Refused(refusal),
                _ => unreachable!("who is notified has an outcome"),
            }
        } else if now >= patience.until {
            if let Left::Waiting(old, waiter) = self.queue.remove(key) {
                self.wanted -= waiter.n;
                *waker = Some(old);
            }
            Turn::Refused(Refusal::MaxWait { limit: patience.limit })
        } else {
            let due = self.queue.is_front(&key).then(|| self.front_due(now)).flatten();
            let looks_at = self.queue.get_mut(&key).map_or(u64::MAX, |waiter| {
                // One whose time should have come, and who is not first, is woken when it is.
                let later = if waiter.looks_at > now { waiter.looks_at } else { u64::MAX };
                waiter.looks_at = due.unwrap_or(later);
                waiter.looks_at
            });
            if let Some(new) = waker.take() {
                *waker = self.queue.replace_waker(&key, new);
            }
            Turn::Waits(key, looks_at)
        };
        self.wake_front_in_time(now, wakers);
        turn
    }

    /// A waiter leaves; what it was granted goes back.
    pub(super) fn leave(&mut self, key: Key, wakers: &mut Wakers) -> Option<Waker> {
        let waker = match self.queue.remove(key) {
            Left::Waiting(waker, waiter) => {
                self.wanted -= waiter.n;
                Some(waker)
            }
            Left::Notified(Waiter { outcome: Some(Ok(grant)), .. }) => {
                self.returns.push(grant.stamp);
                None
            }
            Left::Notified(_) => None,
        };
        self.wake_front(wakers);
        waker
    }

    /// What was not used goes back, as soon as somebody knows the time.
    pub(super) fn give_back(&mut self, stamp: Stamp, wakers: &mut Wakers) {
        self.returns.push(stamp);
        self.wake_front(wakers);
    }

    /// What permits were for took another number of them: the rest goes back, or what was lacking is owed.
    pub(super) fn account(&mut self, stamp: Stamp, actual: u64, now: u64, wakers: &mut Wakers) {
        self.settle(now);
        if actual > stamp.n {
            self.meter.charge(actual - stamp.n, now);
        } else {
            self.meter.give_back(Stamp { n: stamp.n - actual, ..stamp }, now);
        }
        self.serve(now, wakers);
    }

    /// Permits for a time to come, if that is `latest` or before. Who waits already comes before: their times are
    /// fixed now.
    pub(super) fn reserve(
        &mut self,
        n: u64,
        now: u64,
        latest: u64,
        wakers: &mut Wakers,
    ) -> Result<Grant, Refusal> {
        self.serve(now, wakers);
        self.check(n)?;
        let until = self.behind_all(n, now);
        if until > latest || until == u64::MAX {
            return Err(Refusal::Until(until));
        }
        while let Some(first) = self.queue.front_mut()
            && let Some(grant) = self.meter.promise(first.n, now)
        {
            first.outcome = Some(Ok(grant));
            self.wanted -= first.n;
            if let Some(waker) = self.queue.notify_front() {
                wakers.push(waker);
            }
        }
        self.meter.promise(n, now).ok_or(Refusal::Until(u64::MAX))
    }

    /// Changes the quota: settled as it was until now. Who waits for more than there can be is told.
    pub(super) fn change(&mut self, kind: Kind, now: u64, wakers: &mut Wakers) {
        self.settle(now);
        self.grant_due(now, wakers);
        self.meter.change(kind, now);
        let (capacity, mut wanted) = (self.meter.capacity(), self.wanted);
        let is_refused = |waiter: &mut Waiter| {
            let refused = waiter.n > capacity;
            if refused {
                waiter.outcome = Some(Err(Refusal::TooLarge { capacity }));
                wanted -= waiter.n;
            }
            refused
        };
        self.queue.notify_those(is_refused, wakers);
        self.wanted = wanted;
        self.serve(now, wakers);
    }

    /// Counts what was granted before as well: settled as it was until now.
    pub(super) fn restore(
        &mut self,
        kept: &RateSnapshot,
        before: Kind,
        fresh: Kind,
        now: u64,
        wakers: &mut Wakers,
    ) {
        self.settle(now);
        self.grant_due(now, wakers);
        self.meter.restore(kept, before, fresh, now);
        self.serve(now, wakers);
    }

    /// Everything whose time has come.
    pub(super) fn serve(&mut self, now: u64, wakers: &mut Wakers) {
        self.settle(now);
        self.grant_due(now, wakers);
        self.wake_front_in_time(now, wakers);
    }

    fn check(&self, n: u64) -> Result<(), Refusal> {
        let capacity = self.meter.capacity();
        if n > capacity { Err(Refusal::TooLarge { capacity }) } else { Ok(()) }
    }

    fn take_unless_queued(&mut self, n: u64, now: u64) -> Option<Grant> {
        if !self.queue.is_empty() {
            return None;
        }
        Some(Grant { stamp: self.meter.take(n, now)?, ready: now })
    }

    /// When `n` could be taken behind all in the queue.
    fn behind_all(&self, n: u64, now: u64) -> u64 {
        self.meter.when(self.wanted, self.queue.waiting(), n, now)
    }

    fn settle(&mut self, now: u64) {
        for stamp in self.returns.drain(..) {
            self.meter.give_back(stamp, now);
        }
    }

    fn grant_due(&mut self, now: u64, wakers: &mut Wakers) {
        while let Some(first) = self.queue.front_mut()
            && let Some(stamp) = self.meter.take(first.n, now)
        {
            first.outcome = Some(Ok(Grant { stamp, ready: now }));
            self.wanted -= first.n;
            if let Some(waker) = self.queue.notify_front() {
                wakers.push(waker);
            }
        }
    }

    fn front_due(&mut self, now: u64) -> Option<u64> {
        let n = self.queue.front_mut()?.n;
        Some(self.meter.when(0, 0, n, now))
    }

    /// Who is first is woken if it would look at the clock too late.
    fn wake_front_in_time(&mut self, now: u64, wakers: &mut Wakers) {
        let Some(due) = self.front_due(now) else { return };
        if self.queue.front_mut().is_some_and(|first| due < first.looks_at) {
            self.wake_front(wakers);
        }
    }

    fn wake_front(&mut self, wakers: &mut Wakers) {
        if let Some(first) = self.queue.front_mut() {
            first.looks_at = 0;
        }
        if let Some(waker) = self.queue.wake_front() {
            wakers.push(waker);
        }
    }
}

#[cfg(test)]
mod tests;
