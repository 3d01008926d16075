//! What the handles of a circuit breaker share: the machine under a lock, and a word that makes the lock unnecessary
//! where nothing changes.

use super::CircuitState;
use super::state::{Admitted, Change, Changes, Machine, Rules, Switch, View};
use super::window::Outcome;
use crate::instant::Instant;
use crate::primitives::{AtomicU64, Mutex, Ordering, lock};
use crate::resilience::observer::{Event, EventKind, Observed};
use crate::resilience::rejected::{PolicyKind, Reason, Rejected};
use crate::resilience::verdict::Verdict;
use std::collections::VecDeque;
use std::time::Duration;

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
    slow_after: Option<Duration>,
    // Successes too have a time.
    timed: bool,
}

struct Locked {
    machine: Machine,
    // Not told yet, the oldest first.
    untold: VecDeque<Change>,
    // Somebody is at it.
    telling: bool,
}

/// The machine in one word:
///
/// | bits | |
/// |---|---|
/// | 0..=2 | its state |
/// | 3 | who asks before `next` is refused |
/// | 4 | a success that is not slow leaves all as it is |
/// | 32..=63 | the generation |
#[derive(Clone, Copy, PartialEq, Eq)]
struct Word(u64);

/// What a call has of the breaker, until it says how it went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    admitted: Admitted,
    // Known where slow calls are measured.
    began: Instant,
}

impl Ticket {
    pub(super) const fn is_probe(&self) -> bool {
        self.admitted.probe
    }
}

impl Shared {
    pub(super) fn new(
        name: &'static str,
        machine: Machine,
        slow_after: Option<Duration>,
        timed: bool,
        observed: Observed,
    ) -> Self {
        let (word, next) = (Word::of(&machine), machine.next());
        Self {
            front: Front {
                word: AtomicU64::new(word.0),
                next: AtomicU64::new(next.as_nanos()),
                slow_after,
                timed,
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
        let began = if self.front.slow_after.is_some() { now() } else { Instant::ORIGIN };
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
        match self.update(|machine, changes| machine.admit(now, changes)) {
            Ok(admitted) => Ok(Ticket { admitted, began: now }),
            Err(refused) => Err(self.rejected(refused.reason, refused.retry_after)),
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
        if matches!(verdict, Verdict::Success) && self.front.slow_after.is_none() {
            let word = self.word(Ordering::Relaxed);
            if word.is_clean_for(ticket) {
                return;
            }
            if word.passes_all() && !self.front.timed {
                return self.record_slowly(ticket, verdict, None);
            }
        }
        if !matches!(verdict, Verdict::Ignore) {
            self.record_slowly(ticket, verdict, Some(now()));
        } else if ticket.is_probe() {
            self.release(ticket);
        }
    }

    #[inline(never)]
    fn record_slowly(&self, ticket: Ticket, verdict: Verdict, now: Option<Instant>) {
        let (failed, retry_after) = match verdict {
            Verdict::Success | Verdict::Ignore => (false, None),
            Verdict::Failure { retry_after, .. } => (true, retry_after),
            Verdict::Fatal => (true, None),
        };
        let too_long = |longer_than| now.is_some_and(|now| now - ticket.began > longer_than);
        let outcome = Outcome { failed, slow: self.front.slow_after.is_some_and(too_long) };
        if !(outcome.failed || outcome.slow) && self.word(Ordering::Relaxed).is_clean_for(ticket) {
            return;
        }
        self.update(|machine, changes| machine.record(ticket.admitted, outcome, retry_after, now, changes));
    }

    /// A probe came to nothing.
    #[cold]
    pub(super) fn release(&self, ticket: Ticket) {
        self.update(|machine, _| machine.release(ticket.admitted));
    }

    pub(super) fn switch(&self, to: Switch) {
        self.update(|machine, changes| machine.switch(to, changes));
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

    pub(super) fn measures_time(&self) -> bool {
        self.front.slow_after.is_some()
    }

    /// The state that the last call left it in.
    pub(super) fn last_state(&self) -> CircuitState {
        lock(&self.locked).machine.state()
    }

    #[inline]
    fn word(&self, ordering: Ordering) -> Word {
        Word(self.front.word.load(ordering))
    }

    /// Changes the machine, lets everybody see it, and tells of it when the lock is free.
    fn update<T>(&self, change: impl FnOnce(&mut Machine, &mut Changes) -> T) -> T {
        let mut changes = Changes::default();
        let mut locked = lock(&self.locked);
        let result = change(&mut locked.machine, &mut changes);
        self.publish(&locked.machine);
        let observed = !changes.is_empty() && self.observed.get().is_some();
        if observed {
            locked.untold.extend(changes);
        }
        // If somebody tells already, maybe further up in this very task, these too.
        let tell = observed && !std::mem::replace(&mut locked.telling, true);
        drop(locked);
        if tell {
            self.tell();
        }
        result
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

    #[cold]
    fn tell(&self) {
        /// Somebody else tells the rest, should the observer panic.
        struct Done<'a>(&'a Mutex<Locked>);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                lock(self.0).telling = false;
            }
        }
        let Some(observer) = self.observed.get() else { return };
        let done = Done(&self.locked);
        loop {
            let mut locked = lock(&self.locked);
            let Some(change) = locked.untold.pop_front() else {
                // In the same step: whoever comes now sees that nobody tells.
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

impl Word {
    const CLOSED: u64 = 0;
    const DISABLED: u64 = 1;
    const METRICS_ONLY: u64 = 2;
    const OPEN: u64 = 3;
    const HALF_OPEN: u64 = 4;
    const ISOLATED: u64 = 5;
    /// Of no state: ask under the lock.
    const UNSETTLED: Self = Self(Self::STATE);

    const STATE: u64 = 0b111;
    const FULL: u64 = 1 << 3;
    const CLEAN: u64 = 1 << 4;

    fn of(machine: &Machine) -> Self {
        let state = match machine.state() {
            CircuitState::Closed => Self::CLOSED,
            CircuitState::Disabled => Self::DISABLED,
            CircuitState::MetricsOnly => Self::METRICS_ONLY,
            CircuitState::Open => Self::OPEN,
            CircuitState::HalfOpen => Self::HALF_OPEN,
            CircuitState::Isolated => Self::ISOLATED,
        };
        let flag = |is: bool, bit: u64| if is { bit } else { 0 };
        let flags = flag(machine.is_full(), Self::FULL) | flag(machine.is_clean(), Self::CLEAN);
        Self(state | flags | u64::from(machine.generation()) << 32)
    }

    const fn state(self) -> u64 {
        self.0 & Self::STATE
    }

    const fn passes_all(self) -> bool {
        self.state() <= Self::METRICS_ONLY
    }

    const fn is_full(self) -> bool {
        self.0 & Self::FULL != 0
    }

    const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Whether a success, not slow, of a call with this ticket leaves all as it is.
    #[inline]
    const fn is_clean_for(self, ticket: Ticket) -> bool {
        self.0 & Self::CLEAN != 0 && self.generation() == ticket.admitted.generation
    }
}
