//! The fast way to a permit, beside the machine that knows everything else.

use super::ledger::{Ledger, Patience, Refusal, Turn};
use super::meter::{Grant, Kind, Stamp};
use super::pace::Pace;
use super::quota::Quota;
use super::snapshot::RateSnapshot;
use crate::config_error::ConfigError;
use crate::primitives::{AtomicU64, Mutex, MutexGuard, Ordering, lock};
use crate::sync::wait_list::{Key, Wakers};
use std::task::{Context, Waker};

/// The TAT is an atomic number with two flags beside it.
///
/// | flags | permits are taken |
/// |---|---|
/// | none | by whoever exchanges the TAT for a later one |
/// | guarded | under the mutex only |
/// | odd | as without; it is turned when the quota changes |
///
/// *Guarded* is set by whoever has locked the mutex, before anything else, and is left set as long as somebody waits,
/// or something is to be given back, or windows are strict: so nobody overtakes a waiter. Who holds the mutex has the
/// TAT to itself: an exchange expects the guard to be down.
///
/// The pace lies beside the word and is written under the guard only. Who exchanges the word read the pace between
/// that and the reading of the word before: had it seen any part of a newer one (released, and acquired by it), it
/// would see the guard or a later word too, and the exchange would fail. Who is refused looks again for the same
/// reason. What is not noticed are two changes of quota between the reading and the exchange after which the TAT, in
/// other ticks, is the same number: that permit is then counted at the interval before. It would take a coincidence of
/// a nanosecond in years, in those few.
#[derive(Debug)]
pub(super) struct State {
    word: Line<AtomicU64>,
    pace: SharedPace,
    ledger: Mutex<Ledger>,
}

const GUARDED: u64 = 1;
const ODD: u64 = 2;
const FLAGS: u64 = GUARDED | ODD;
const SHIFT: u32 = 2;

/// On a cache line of its own: what is read by all is not where all write.
#[derive(Debug)]
#[repr(align(128))]
struct Line<T>(T);

/// A [`Pace`], read without a lock.
#[derive(Debug)]
struct SharedPace {
    ticks: [AtomicU64; 2],
    nanos: [AtomicU64; 2],
    interval: AtomicU64,
    burst: AtomicU64,
    tolerance: AtomicU64,
    given_back: AtomicU64,
}

/// What came of the fast way.
enum Fast {
    Taken(Stamp),
    Refused(Refusal),
    Guarded,
}

impl State {
    pub(super) fn new(quota: &Quota) -> Result<Self, ConfigError> {
        let kind = kind(quota)?;
        let (pace, guard) = match &kind {
            Kind::Paced { pace, .. } => (*pace, 0),
            Kind::Strict(_) => (Pace::NONE, GUARDED),
        };
        Ok(Self {
            word: Line(AtomicU64::new(guard)),
            pace: SharedPace::new(&pace),
            ledger: Mutex::new(Ledger::new(kind)),
        })
    }

    /// Permits for a newcomer, at once.
    #[inline]
    pub(super) fn try_take(&self, n: u64, now: u64) -> Result<Stamp, Refusal> {
        match self.take(n, now) {
            Fast::Taken(stamp) => Ok(stamp),
            Fast::Refused(refusal) => Err(refusal),
            Fast::Guarded => self.try_take_slowly(n, now),
        }
    }

    #[cold]
    fn try_take_slowly(&self, n: u64, now: u64) -> Result<Stamp, Refusal> {
        let mut wakers = Wakers::new();
        self.lock().ledger.try_take(n, now, &mut wakers).map(|grant| grant.stamp)
    }

    /// Permits for a newcomer, if they are there and nobody has to be asked.
    #[inline]
    pub(super) fn take_at_once(&self, n: u64, now: u64) -> Option<Stamp> {
        match self.take(n, now) {
            Fast::Taken(stamp) => Some(stamp),
            Fast::Refused(_) | Fast::Guarded => None,
        }
    }

    /// Permits, or a place in the queue.
    #[inline]
    pub(super) fn ask(
        &self,
        n: u64,
        now: u64,
        latest: impl FnOnce() -> u64,
        max_waiting: usize,
        cx: &Context<'_>,
    ) -> Turn {
        if let Some(stamp) = self.take_at_once(n, now) {
            return Turn::Granted(Grant { stamp, ready: now });
        }
        self.queue_up(n, now, latest(), max_waiting, cx.waker())
    }

    #[cold]
    fn queue_up(&self, n: u64, now: u64, latest: u64, max_waiting: usize, waker: &Waker) -> Turn {
        let mut wakers = Wakers::new();
        // What is left in it is dropped after the mutex is free.
        let mut waker = Some(waker.clone());
        self.lock().ledger.ask(n, now, latest, max_waiting, &mut waker, &mut wakers)
    }

    /// Looks again at a place in the queue.
    pub(super) fn look(&self, key: Key, now: u64, patience: Patience, cx: &Context<'_>) -> Turn {
        let mut wakers = Wakers::new();
        // What is in it is dropped after the mutex is free.
        let mut waker = Some(cx.waker().clone());
        self.lock().ledger.look(key, now, patience, &mut waker, &mut wakers)
    }

    /// A waiter leaves.
    #[cold]
    pub(super) fn leave(&self, key: Key) {
        let mut wakers = Wakers::new();
        let _waker = self.lock().ledger.leave(key, &mut wakers);
    }

    /// What was not used goes back, when somebody knows the time.
    #[cold]
    pub(super) fn give_back(&self, stamp: Stamp) {
        let mut wakers = Wakers::new();
        self.lock().ledger.give_back(stamp, &mut wakers);
    }

    /// What was not used goes back.
    #[cold]
    pub(super) fn give_back_at(&self, stamp: Stamp, now: u64) {
        let mut wakers = Wakers::new();
        let mut locked = self.lock();
        locked.ledger.give_back(stamp, &mut wakers);
        locked.ledger.serve(now, &mut wakers);
    }

    /// What they were for took another number.
    pub(super) fn account(&self, stamp: Stamp, actual: u64, now: u64) {
        if actual != stamp.n {
            let mut wakers = Wakers::new();
            self.lock().ledger.account(stamp, actual, now, &mut wakers);
        }
    }

    /// Permits for a time to come.
    pub(super) fn reserve(&self, n: u64, now: u64, latest: u64) -> Result<Grant, Refusal> {
        let mut wakers = Wakers::new();
        self.lock().ledger.reserve(n, now, latest, &mut wakers)
    }

    /// Changes the quota.
    pub(super) fn change(&self, quota: &Quota, now: u64, wakers: &mut Wakers) -> Result<(), ConfigError> {
        let kind = kind(quota)?;
        let mut locked = self.lock();
        locked.ledger.change(kind, now, wakers);
        locked.odd ^= ODD;
        if let Kind::Paced { pace, .. } = locked.ledger.meter().kind() {
            self.pace.store(pace);
        }
        Ok(())
    }

    /// What has been granted.
    pub(super) fn snapshot(&self, quota: Quota, now: u64, wakers: &mut Wakers) -> RateSnapshot {
        let mut locked = self.lock();
        locked.ledger.serve(now, wakers);
        locked.ledger.meter().snapshot(quota, now)
    }

    /// Counts what was granted before as well. The quota is its own.
    pub(super) fn restore(
        &self,
        kept: &RateSnapshot,
        quota: &Quota,
        now: u64,
        wakers: &mut Wakers,
    ) -> Result<(), ConfigError> {
        let (before, fresh) = (kind(&kept.quota)?, kind(quota)?);
        self.lock().ledger.restore(kept, before, fresh, now, wakers);
        Ok(())
    }

    pub(super) fn available(&self, now: u64) -> u64 {
        self.left(now).0
    }

    /// How many can be taken now, and in how many nanoseconds all of them can.
    pub(super) fn left(&self, now: u64) -> (u64, u64) {
        let mut wakers = Wakers::new();
        let mut locked = self.lock();
        locked.ledger.serve(now, &mut wakers);
        let meter = locked.ledger.meter();
        let available = if locked.ledger.waiting() > 0 { 0 } else { meter.available(now) };
        (available, meter.all_after(now))
    }

    pub(super) fn waiting(&self) -> usize {
        lock(&self.ledger).waiting()
    }

    #[inline]
    fn take(&self, n: u64, now: u64) -> Fast {
        let mut word = self.word.0.load(Ordering::Acquire);
        while word & GUARDED == 0 {
            let pace = self.pace.load();
            let given_back = self.pace.given_back.load(Ordering::Acquire);
            let taken = if n <= pace.burst {
                pace.take(word >> SHIFT, n, pace.span(now)).map_err(Some)
            } else {
                Err(None)
            };
            let end = match taken {
                Ok(end) => end,
                Err(due) => {
                    // What it says is computed before the word is looked at again, with what was read before.
                    let refusal = match due {
                        Some(due) => Refusal::Until(self.pace.when(due)),
                        None => Refusal::TooLarge { capacity: pace.burst },
                    };
                    let again = self.word.0.load(Ordering::Acquire);
                    if (again ^ word) & FLAGS == 0 {
                        return Fast::Refused(refusal);
                    }
                    word = again;
                    continue;
                }
            };
            let next = (end << SHIFT) | (word & ODD);
            match self.word.0.compare_exchange_weak(word, next, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return Fast::Taken(Stamp { n, end, given_back, promised: 0 }),
                Err(now) => word = now,
            }
        }
        Fast::Guarded
    }

    /// Keeps everybody else out.
    fn lock(&self) -> Locked<'_> {
        let mut ledger = lock(&self.ledger);
        let word = self.word.0.fetch_or(GUARDED, Ordering::AcqRel);
        if let Some(tat) = ledger.meter_mut().tat_mut() {
            *tat = word >> SHIFT;
        }
        Locked { state: self, ledger, odd: word & ODD }
    }
}

/// The machine, with nobody beside it; dropped, it lets the word go.
struct Locked<'a> {
    state: &'a State,
    ledger: MutexGuard<'a, Ledger>,
    odd: u64,
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let meter = self.ledger.meter_mut();
        self.state.pace.given_back.store(meter.given_back(), Ordering::Release);
        let tat = meter.tat_mut().map(|tat| *tat);
        let guard = if tat.is_some() && self.ledger.is_idle() { 0 } else { GUARDED };
        let word = (tat.unwrap_or(0) << SHIFT) | self.odd | guard;
        self.state.word.0.store(word, Ordering::Release);
    }
}

impl SharedPace {
    fn new(pace: &Pace) -> Self {
        let halves = |n: u128| [AtomicU64::new(n as u64), AtomicU64::new((n >> 64) as u64)];
        Self {
            ticks: halves(pace.ticks),
            nanos: halves(pace.nanos),
            interval: AtomicU64::new(pace.interval),
            burst: AtomicU64::new(pace.burst),
            tolerance: AtomicU64::new(pace.tolerance),
            given_back: AtomicU64::new(0),
        }
    }

    /// What taking a permit needs of it: not the nanoseconds.
    #[inline]
    fn load(&self) -> Pace {
        Pace {
            ticks: wide(&self.ticks),
            nanos: 0,
            interval: self.interval.load(Ordering::Acquire),
            burst: self.burst.load(Ordering::Acquire),
            tolerance: self.tolerance.load(Ordering::Acquire),
        }
    }

    fn when(&self, tick: u64) -> u64 {
        Pace { nanos: wide(&self.nanos), ..self.load() }.when(tick)
    }

    fn store(&self, pace: &Pace) {
        let store = |at: &[AtomicU64; 2], n: u128| {
            at[0].store(n as u64, Ordering::Release);
            at[1].store((n >> 64) as u64, Ordering::Release);
        };
        store(&self.ticks, pace.ticks);
        store(&self.nanos, pace.nanos);
        self.interval.store(pace.interval, Ordering::Release);
        self.burst.store(pace.burst, Ordering::Release);
        self.tolerance.store(pace.tolerance, Ordering::Release);
    }
}

#[inline]
fn wide(halves: &[AtomicU64; 2]) -> u128 {
    u128::from(halves[0].load(Ordering::Acquire)) | (u128::from(halves[1].load(Ordering::Acquire)) << 64)
}

fn kind(quota: &Quota) -> Result<Kind, ConfigError> {
    Ok(if quota.is_strict() {
        Kind::Strict(quota.window()?)
    } else {
        Kind::Paced { pace: quota.pace()?, tat: 0 }
    })
}
