//! What the handles of a limit share: the machine and the queue, under one lock.

use super::rules::Rules;
use super::state::Machine;
use super::told::Told;
use super::wait::Wait;
use crate::instant::Instant;
use crate::primitives::{Mutex, MutexGuard, lock};
use crate::resilience::observer::{Event, EventKind, Observed};
use crate::resilience::rejected::{PolicyKind, Reason, Rejected};
use crate::sync::wait_list::{Key, Left, WaitList, Wakers};
use std::borrow::Cow;
use std::task::Waker;
use std::time::Duration;

pub(super) struct Shared {
    pub(super) name: &'static str,
    pub(super) unit: Cow<'static, str>,
    observed: Observed,
    inner: Mutex<Inner>,
}

/// Who waits has its turn when those before it have had theirs. The first in the queue looks at the clock when its time
/// has come; whoever else looks before serves all whose time has come, in order.
struct Inner {
    machine: Machine,
    queue: WaitList<Waiter>,
    // What all in the queue want.
    wanted: u128,
    room: Room,
}

/// How many may wait, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) max_waiting: usize,
    pub(super) max_wait: Duration,
}

struct Waiter {
    cost: u64,
    // When it looks at the clock by itself; `Instant::MAX` for one that relies on those before it.
    looks_at: Instant,
    outcome: Option<Result<u64, Refusal>>,
}

/// Why a call is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Wait(Wait),
    QueueFull(Wait),
    MaxWait(Duration),
}

/// Where somebody who asks stands.
pub(super) enum Turn {
    /// With the number of its call.
    Granted(u64),
    /// At a place in the queue; to look again at that time.
    Waits(Key, Instant),
    Refused(Refusal),
}

impl Shared {
    pub(super) fn new(
        name: &'static str,
        unit: Cow<'static, str>,
        rules: Rules,
        room: Room,
        observed: Observed,
    ) -> Self {
        let inner = Inner { machine: Machine::new(rules), queue: WaitList::new(), wanted: 0, room };
        Self { name, unit, observed, inner: Mutex::new(inner) }
    }

    /// Sends so much at once, if it may be and nobody waits.
    pub(super) fn try_take(&self, cost: u64, now: Instant) -> Result<u64, Refusal> {
        let mut wakers = Wakers::new();
        let mut inner = self.lock();
        inner.serve(now, &mut wakers);
        inner.take_unless_queued(cost, now).map_err(Refusal::Wait)
    }

    /// Sends so much, or takes a place in the queue if the wait may end at `latest` or before. How long it may wait.
    pub(super) fn ask(&self, cost: u64, now: Instant, latest: Instant, waker: &Waker) -> (Turn, Duration) {
        let mut wakers = Wakers::new();
        // What is left in it is dropped after the mutex is free.
        let mut waker = Some(waker.clone());
        let mut inner = self.lock();
        let Room { max_waiting, max_wait } = inner.room;
        inner.serve(now, &mut wakers);
        let wait = match inner.take_unless_queued(cost, now) {
            Ok(number) => return (Turn::Granted(number), max_wait),
            Err(wait) => wait,
        };
        let latest = latest.min(now + max_wait);
        let is_too_late = match wait {
            Wait::Until(at) | Wait::Paused(at) => at > latest,
            Wait::ForAnswer => latest <= now,
            Wait::Never { .. } => true,
        };
        if is_too_late {
            return (Turn::Refused(Refusal::Wait(wait)), max_wait);
        }
        if inner.queue.waiting() >= max_waiting {
            return (Turn::Refused(Refusal::QueueFull(wait)), max_wait);
        }
        let Some(waker) = waker.take() else { unreachable!("it is taken once") };
        let looks_at = if inner.queue.is_empty() { due(wait) } else { Instant::MAX };
        inner.wanted += u128::from(cost);
        let key = inner.queue.push(waker, Waiter { cost, looks_at, outcome: None });
        (Turn::Waits(key, looks_at), max_wait)
    }

    /// Looks again at a place in the queue; from `gives_up_at` on, which is `max_wait` after it began, for the last time.
    pub(super) fn look(
        &self,
        key: Key,
        now: Instant,
        gives_up_at: Instant,
        max_wait: Duration,
        waker: &Waker,
    ) -> Turn {
        let mut wakers = Wakers::new();
        // What is in it is dropped after the mutex is free.
        let mut waker = Some(waker.clone());
        let mut inner = self.lock();
        inner.serve(now, &mut wakers);
        if inner.queue.is_notified(&key) {
            return match inner.queue.remove(key) {
                Left::Notified(Waiter { outcome: Some(Ok(number)), .. }) => Turn::Granted(number),
                Left::Notified(Waiter { outcome: Some(Err(refusal)), .. }) => Turn::Refused(refusal),
                _ => unreachable!("who is notified has an outcome"),
            };
        }
        if now >= gives_up_at {
            if let Left::Waiting(old, waiter) = inner.queue.remove(key) {
                inner.wanted -= u128::from(waiter.cost);
                waker = Some(old);
            }
            inner.wake_front_in_time(now, &mut wakers);
            drop(inner);
            drop(waker);
            return Turn::Refused(Refusal::MaxWait(max_wait));
        }
        let looks_at = match inner.queue.is_front(&key) {
            true => inner.front_due(now),
            false => Instant::MAX,
        };
        if let Some(waiter) = inner.queue.get_mut(&key) {
            waiter.looks_at = looks_at;
        }
        if let Some(new) = waker.take() {
            waker = inner.queue.replace_waker(&key, new);
        }
        inner.wake_front_in_time(now, &mut wakers);
        drop(inner);
        drop(waker);
        Turn::Waits(key, looks_at)
    }

    /// A waiter leaves; what it was granted goes back.
    pub(super) fn leave(&self, key: Key) {
        let mut wakers = Wakers::new();
        let mut inner = self.lock();
        let _waker = match inner.queue.remove(key) {
            Left::Waiting(waker, waiter) => {
                inner.wanted -= u128::from(waiter.cost);
                Some(waker)
            }
            Left::Notified(Waiter { outcome: Some(Ok(number)), .. }) => {
                inner.machine.give_back(number);
                None
            }
            Left::Notified(_) => None,
        };
        inner.wake_front(&mut wakers);
        drop(inner);
    }

    /// A call was answered.
    pub(super) fn told(&self, number: u64, told: &Told, now: Instant, random: u64) {
        let mut wakers = Wakers::new();
        let mut inner = self.lock();
        inner.machine.told(number, told, &self.unit, now, random);
        inner.serve(now, &mut wakers);
    }

    /// A call has ended without an answer.
    pub(super) fn lost(&self, number: u64) {
        let mut wakers = Wakers::new();
        let mut inner = self.lock();
        inner.machine.lost(number);
        inner.wake_front(&mut wakers);
    }

    /// A call was not sent.
    pub(super) fn give_back(&self, number: u64) {
        let mut wakers = Wakers::new();
        let mut inner = self.lock();
        inner.machine.give_back(number);
        inner.wake_front(&mut wakers);
    }

    pub(super) fn reconfigure(&self, rules: Rules, room: Room, now: Instant) {
        let mut wakers = Wakers::new();
        let mut inner = self.lock();
        inner.machine.set_rules(rules);
        inner.room = room;
        inner.serve(now, &mut wakers);
    }

    pub(super) fn rules_and_room(&self) -> (Rules, Room) {
        let inner = self.lock();
        (*inner.machine.rules(), inner.room)
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().queue.waiting()
    }

    pub(super) fn remaining(&self, now: Instant) -> Option<u64> {
        self.lock().machine.remaining(now)
    }

    pub(super) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.lock().machine.paused_until(now)
    }

    /// The refusal in the callers' terms, which its own observer hears of.
    #[cold]
    pub(super) fn rejected(&self, refusal: Refusal, now: Instant) -> Rejected {
        let because = |reason| Rejected::new(PolicyKind::ServiceLimit, self.name, reason);
        let (wait, is_full) = match refusal {
            Refusal::Wait(wait) => (wait, false),
            Refusal::QueueFull(wait) => (wait, true),
            Refusal::MaxWait(limit) => {
                let rejected = because(Reason::MaxWait { limit });
                self.tell(EventKind::Rejected(rejected));
                return rejected;
            }
        };
        let reason = match wait {
            Wait::Never { capacity } => Reason::TooLarge { capacity },
            _ if is_full => Reason::QueueFull,
            Wait::Paused(_) => Reason::Paused,
            Wait::Until(_) | Wait::ForAnswer => Reason::RateLimited,
        };
        let rejected = match wait {
            // Never zero, whatever clocks say: who comes back at once would find nothing new.
            Wait::Until(at) | Wait::Paused(at) => {
                because(reason).with_retry_after((at - now).max(Duration::from_nanos(1)))
            }
            Wait::ForAnswer | Wait::Never { .. } => because(reason),
        };
        self.tell(EventKind::Rejected(rejected));
        rejected
    }

    /// Tells its own observer.
    pub(super) fn tell(&self, kind: EventKind) {
        if let Some(observer) = self.observed.get() {
            observer.on_event(&Event { source: self.name, kind });
        }
    }

    /// What waits, for a report.
    pub(super) fn describe_waiting(&self) -> String {
        format!("service limit `{}`, {} waiting", self.name, self.waiting())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

impl Inner {
    fn take_unless_queued(&mut self, cost: u64, now: Instant) -> Result<u64, Wait> {
        if self.queue.is_empty() {
            return self.machine.take(cost, now);
        }
        // Behind all in the queue, and not before the first of them.
        let first = match self.queue.front_mut().map(|first| first.cost) {
            Some(first) => self.machine.check(first, 0, now).err(),
            None => None,
        };
        Err(self.machine.check(cost, self.wanted, now).err().or(first).unwrap_or(Wait::ForAnswer))
    }

    /// Everything whose time has come.
    fn serve(&mut self, now: Instant, wakers: &mut Wakers) {
        while let Some(first) = self.queue.front_mut() {
            first.outcome = match self.machine.take(first.cost, now) {
                Ok(number) => Some(Ok(number)),
                Err(wait @ Wait::Never { .. }) => Some(Err(Refusal::Wait(wait))),
                Err(_) => break,
            };
            self.wanted -= u128::from(first.cost);
            if let Some(waker) = self.queue.notify_front() {
                wakers.push(waker);
            }
        }
        self.wake_front_in_time(now, wakers);
    }

    /// When the first in the queue has its turn, as far as anybody knows.
    fn front_due(&mut self, now: Instant) -> Instant {
        let Some(cost) = self.queue.front_mut().map(|first| first.cost) else { return Instant::MAX };
        match self.machine.check(cost, 0, now) {
            Ok(()) => now,
            Err(wait) => due(wait),
        }
    }

    /// Who is first is woken if it would look at the clock too late.
    fn wake_front_in_time(&mut self, now: Instant, wakers: &mut Wakers) {
        let due = self.front_due(now);
        if self.queue.front_mut().is_some_and(|first| due < first.looks_at) {
            self.wake_front(wakers);
        }
    }

    fn wake_front(&mut self, wakers: &mut Wakers) {
        if let Some(first) = self.queue.front_mut() {
            first.looks_at = Instant::ORIGIN;
        }
        if let Some(waker) = self.queue.wake_front() {
            wakers.push(waker);
        }
    }
}

/// When it is worth looking again.
const fn due(wait: Wait) -> Instant {
    match wait {
        Wait::Until(at) | Wait::Paused(at) => at,
        Wait::ForAnswer | Wait::Never { .. } => Instant::MAX,
    }
}
