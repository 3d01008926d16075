//! What the handles of a circuit breaker share: the machine under a lock, and a word that makes the lock unnecessary
//! where nothing changes.

mod word;

use super::CircuitState;
use super::snapshot::CircuitSnapshot;
use super::state::{Admitted, Change, Changes, Machine, Memory, Rules, Switch, View};
use super::window::{Outcome, Window};
use crate::instant::{Instant, nanos};
use crate::primitives::{AtomicU64, Mutex, Ordering, lock};
use crate::resilience::observer::{Event, EventKind, Observed};
use crate::resilience::rejected::{PolicyKind, Reason, Rejected};
use crate::resilience::verdict::Verdict;
use std::collections::VecDeque;
use std::time::Duration;
use word::Word;

pub(super) struct Shared {
    front: Front,
    name: &'static str,
    observed: Observed,
    locked: Mutex<Locked>,
}

/// What calls read, on cache lines that are written only when what they say has changed: while all is well, by nobody.
#[repr(align(128))]
struct Front {
    // A `Word`.
    word: AtomicU64,
    // When the machine changes by itself, in nanoseconds.
    next: AtomicU64,
    // Calls that take more nanoseconds are slow; `UNMEASURED` where none is.
    slow_after: AtomicU64,
}

const UNMEASURED: u64 = u64::MAX;

struct Locked {
    machine: Machine,
    // Not told yet, the oldest first.
    untold: VecDeque<Change>,
    // Somebody is at it.
    telling: bool,
}

/// What a call has of the breaker, until it says how it went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    admitted: Admitted,
    // `MAX` where slow calls were not measured then: it took no time that anybody knows.
    began: Instant,
}

impl Ticket {
    /// Whether it has a place to give back.
    pub(super) const fn is_probe(&self) -> bool {
        self.admitted.probe
    }

    /// It had to wait below: its time counts from here on.
    pub(super) fn begin(&mut self, now: impl FnOnce() -> Instant) {
        if self.began != Instant::MAX {
            self.began = now();
        }
    }

    /// Its place has been given back.
    pub(super) const fn settle(&mut self) {
        self.admitted.probe = false;
    }
}

impl Shared {
    pub(super) fn new(
        name: &'static str,
        machine: Machine,
        slow_after: Option<Duration>,
        observed: Observed,
    ) -> Self {
        let (word, next) = (Word::of(&machine), machine.next());
        Self {
            front: Front {
                word: AtomicU64::new(word.0),
                next: AtomicU64::new(next.as_nanos()),
                slow_after: AtomicU64::new(slow_after.map_or(UNMEASURED, nanos)),
            },
            name,
            observed,
            locked: Mutex::new(Locked { machine, untold: VecDeque::new(), telling: false }),
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    pub(super) fn acquire(&self, now: impl FnOnce() -> Instant) -> Result<Ticket, Rejected> {
        let word = self.word(Ordering::Acquire);
        if !word.passes_all() {
            return self.acquire_slowly(word, now());
        }
        let began = if self.measures_time() { now() } else { Instant::MAX };
        Ok(Ticket { admitted: Admitted { generation: word.generation(), probe: false }, began })
    }

    #[cold]
    #[inline(never)]
    fn acquire_slowly(&self, word: Word, now: Instant) -> Result<Ticket, Rejected> {
        let next = Instant::from_nanos(self.front.next.load(Ordering::Acquire));
        // If the word is still the same, the time is its own: see `publish`.
        if word.is_full() && (now < next || next == Instant::MAX) && self.word(Ordering::Relaxed) == word {
            return Err(match word.state() {
                Word::ISOLATED => self.rejected(Reason::Isolated, None),
                Word::OPEN => self.rejected(Reason::Open, Some(next - now)),
                _ => self.rejected(Reason::ProbesBusy, None),
            });
        }
        let (answer, tell) = self.change(|machine, changes| machine.admit(now, changes));
        match answer {
            Ok(admitted) => {
                // Should the observer panic, nobody has the place.
                let began = if self.measures_time() { now } else { Instant::MAX };
                let place = Place { shared: self, ticket: Ticket { admitted, began } };
                tell.now();
                Ok(place.take())
            }
            Err(refused) => {
                tell.now();
                Err(self.rejected(refused.reason, refused.retry_after))
            }
        }
    }

    fn rejected(&self, reason: Reason, retry_after: Option<Duration>) -> Rejected {
        let rejected = Rejected::new(PolicyKind::CircuitBreaker, self.name, reason);
        match retry_after {
            Some(delay) => rejected.with_retry_after(delay),
            None => rejected,
        }
    }

    /// Says how a call went. The clock is asked unless it is a success that needs no time.
    #[inline]
    pub(super) fn record(&self, ticket: Ticket, verdict: Verdict, now: impl FnOnce() -> Instant) {
        match verdict {
            Verdict::Success if !self.measures_time() => {
                let word = self.word(Ordering::Relaxed);
                if !word.is_clean_for(ticket) {
                    let untimed = word.passes_all() && !word.needs_times();
                    self.count_success(ticket, if untimed { None } else { Some(now()) });
                }
            }
            Verdict::Success => self.record_at(ticket, false, None, now()),
            Verdict::Failure { retry_after, .. } => self.record_at(ticket, true, retry_after, now()),
            Verdict::Fatal => self.record_at(ticket, true, None, now()),
            Verdict::Ignore if ticket.is_probe() => self.release(ticket),
            Verdict::Ignore => {}
        }
    }

    /// A success that was not slow. It mostly leaves the word as it is.
    #[inline(never)]
    fn count_success(&self, ticket: Ticket, now: Option<Instant>) {
        let mut locked = lock(&self.locked);
        match locked.machine.count_success(ticket.admitted, now) {
            Some(false) => {}
            Some(true) => self.publish(&locked.machine),
            None => {
                drop(locked);
                self.record_outcome(ticket, Outcome { failed: false, slow: false }, None, now);
            }
        }
    }

    #[inline(never)]
    fn record_at(&self, ticket: Ticket, failed: bool, retry_after: Option<Duration>, now: Instant) {
        let took = nanos(now - ticket.began);
        let slow = took > self.front.slow_after.load(Ordering::Relaxed);
        if failed || slow {
            self.record_outcome(ticket, Outcome { failed, slow }, retry_after, Some(now));
        } else if !self.word(Ordering::Relaxed).is_clean_for(ticket) {
            self.count_success(ticket, Some(now));
        }
    }

    fn record_outcome(
        &self,
        ticket: Ticket,
        outcome: Outcome,
        retry_after: Option<Duration>,
        now: Option<Instant>,
    ) {
        let record = |machine: &mut Machine, changes: &mut Changes| {
            machine.record(ticket.admitted, outcome, retry_after, now, changes);
        };
        self.change(record).1.now();
    }

    /// A probe came to nothing.
    #[cold]
    pub(super) fn release(&self, ticket: Ticket) {
        self.change(|machine, _| machine.release(ticket.admitted)).1.now();
    }

    pub(super) fn switch(&self, to: Switch) {
        self.change(|machine, changes| machine.switch(to, changes)).1.now();
    }

    pub(super) fn reconfigure(
        &self,
        rules: Rules,
        window: Window,
        slow_after: Option<Duration>,
        now: Instant,
    ) {
        if self.reconfigure_untold(rules, window, slow_after, now) {
            self.tell();
        }
    }

    /// Whether there is something to tell.
    pub(super) fn reconfigure_untold(
        &self,
        rules: Rules,
        window: Window,
        slow_after: Option<Duration>,
        now: Instant,
    ) -> bool {
        let (_before, tell) = self.change(|machine, changes| {
            // Under the lock: of two who do this at once, one has its way in all.
            self.front.slow_after.store(slow_after.map_or(UNMEASURED, nanos), Ordering::Relaxed);
            machine.reconfigure(rules, window, now, changes)
        });
        tell.0.is_some()
    }

    /// What would be lost with it at that time.
    pub(super) fn memory(&mut self, now: Instant) -> Memory {
        lock(&self.locked).machine.memory(now)
    }

    pub(super) fn snapshot(&self, now: Instant) -> CircuitSnapshot {
        lock(&self.locked).machine.snapshot(now)
    }

    pub(super) fn restore(&self, kept: &CircuitSnapshot, now: Instant) {
        self.change(|machine, changes| machine.restore(kept, now, changes)).1.now();
    }

    pub(super) fn view(&self, now: Instant) -> View {
        lock(&self.locked).machine.view(now)
    }

    /// When it opens and for how long, and whether rates are counted.
    pub(super) fn rules(&self) -> (Rules, bool) {
        let machine = &lock(&self.locked).machine;
        (machine.rules(), machine.has_window())
    }

    pub(super) fn would_admit(&self, now: Instant) -> bool {
        self.word(Ordering::Acquire).passes_all() || lock(&self.locked).machine.would_admit(now)
    }

    #[inline]
    pub(super) fn measures_time(&self) -> bool {
        self.front.slow_after.load(Ordering::Relaxed) != UNMEASURED
    }

    /// The state that the last call left it in.
    pub(super) fn last_state(&self) -> CircuitState {
        lock(&self.locked).machine.state()
    }

    #[inline]
    fn word(&self, ordering: Ordering) -> Word {
        Word(self.front.word.load(ordering))
    }

    /// Changes the machine, and lets everybody see it. It is to be told when that can do no harm.
    fn change<T>(&self, change: impl FnOnce(&mut Machine, &mut Changes) -> T) -> (T, Tell<'_>) {
        let mut changes = Changes::default();
        let mut locked = lock(&self.locked);
        let result = change(&mut locked.machine, &mut changes);
        self.publish(&locked.machine);
        let observed = !changes.is_empty() && self.observed.get().is_some();
        if observed {
            locked.untold.extend(changes);
        }
        drop(locked);
        (result, Tell(observed.then_some(self)))
    }

    fn publish(&self, machine: &Machine) {
        let (word, next) = (Word::of(machine), machine.next().as_nanos());
        // Only we write, under the lock; what has not changed is left alone, for the sake of those who read it.
        if self.front.next.load(Ordering::Relaxed) != next {
            // Who sees the new time sees this too, and not the old word beside it.
            self.front.word.store(Word::UNSETTLED.0, Ordering::Relaxed);
            self.front.next.store(next, Ordering::Release);
        }
        if self.word(Ordering::Relaxed) != word {
            self.front.word.store(word.0, Ordering::Release);
        }
    }

    /// Tells what is untold, in its order, unless somebody is at it already: maybe further up in this very task.
    #[cold]
    pub(super) fn tell(&self) {
        /// Somebody else tells the rest, should the observer panic.
        struct Done<'a>(&'a Mutex<Locked>);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                lock(self.0).telling = false;
            }
        }
        let Some(observer) = self.observed.get() else { return };
        if std::mem::replace(&mut lock(&self.locked).telling, true) {
            return;
        }
        let done = Done(&self.locked);
        loop {
            let mut locked = lock(&self.locked);
            let Some(change) = locked.untold.pop_front() else {
                // In the same step: whoever has something to tell now does it.
                locked.telling = false;
                drop(locked);
                return std::mem::forget(done);
            };
            drop(locked);
            let Change { from, to, reason } = change;
            observer
                .on_event(&Event { source: self.name, kind: EventKind::CircuitChanged { from, to, reason } });
        }
    }
}

/// There is something to tell, if there is.
#[must_use]
struct Tell<'a>(Option<&'a Shared>);

impl Tell<'_> {
    fn now(self) {
        if let Some(shared) = self.0 {
            shared.tell();
        }
    }
}

/// A ticket that nobody has yet.
struct Place<'a> {
    shared: &'a Shared,
    ticket: Ticket,
}

impl Place<'_> {
    fn take(self) -> Ticket {
        let ticket = self.ticket;
        std::mem::forget(self);
        ticket
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.ticket.is_probe() {
            self.shared.release(self.ticket);
        }
    }
}
