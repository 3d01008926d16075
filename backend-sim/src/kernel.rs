//! What handles, wakers and the executor share.

use crate::choice::{self, Dice, Purpose};
use crate::clock::{Due, TimerKey, Timers};
use crate::join::{Join, SimJoinHandle};
use crate::lock::lock;
use crate::net::Network;
use crate::pool::Pool;
use crate::task::{Site, Task};
use crate::wakes::Wakes;
use backstay_core::probe::Recorder;
use backstay_core::runtime::backend::Delivered;
use backstay_core::time::Instant;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::Waker;

/// What the executor stores of a task.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What handles, wakers and the executor share.
///
/// Everything runs on one thread; the locks are never contended and make the handles `Send` and `Sync`. None is
/// held while a future, a waker or a destructor of somebody else runs: each may call back.
pub(crate) struct Kernel {
    // Nanoseconds of virtual time.
    now: AtomicU64,
    // The stream behind `random_u64`: a SplitMix64 whose state is a counter.
    random: AtomicU64,
    // Nothing can be spawned any more, and no timer set.
    ended: AtomicBool,
    /// Who has been woken.
    pub(crate) wakes: Arc<Wakes>,
    news: Mutex<News>,
    // Whether there is any: most turns have none, and don't take the lock.
    has_news: AtomicBool,
    timers: Mutex<Timers>,
    network: Mutex<Network>,
    // Whether anybody has used the network: until then it has no events.
    networked: AtomicBool,
    pub(crate) pool: Mutex<Pool>,
    // Timers that fire early, for tests of tests.
    early: Option<Mutex<(Dice, choice::Chance)>>,
    // The one real instant that is ever looked at: a base for `to_std`.
    base: OnceLock<std::time::Instant>,
    pub(crate) recorder: Recorder,
}

/// What has happened since the executor last looked.
#[derive(Default)]
pub(crate) struct News {
    pub(crate) spawned: Vec<Spawned>,
    pub(crate) commands: Vec<Command>,
    idlers: Vec<Idler>,
    // Places that are free, and how many there are in all.
    free: Vec<u32>,
    slots: u32,
    tasks: u64,
    down: Vec<u32>,
}

/// A task that was spawned.
pub(crate) struct Spawned {
    pub(crate) task: Arc<Task>,
    pub(crate) site: Site,
    pub(crate) work: Work,
}

/// Who waits until nothing can run: see [`Sim::quiesce`](crate::Sim::quiesce).
pub(crate) struct Idler {
    pub(crate) until: Instant,
    pub(crate) is_idle: Arc<AtomicBool>,
    pub(crate) waker: Waker,
}

impl Idler {
    pub(crate) fn wake(self) {
        self.is_idle.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// What a handle asks of the executor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Command {
    /// Of the tasks up to this number: what is spawned after a restart lives.
    Crash {
        host: u32,
        up_to: u64,
    },
    Pause(u32),
    Resume(u32),
}

/// What a kernel starts from.
pub(crate) struct Start {
    pub(crate) seed: u64,
    pub(crate) timers_in_order: bool,
    pub(crate) early_timers: choice::Chance,
    pub(crate) pool: Pool,
}

impl Kernel {
    pub(crate) fn new(start: Start) -> Arc<Self> {
        let Start { seed, timers_in_order, early_timers, pool } = start;
        let early = early_timers
            .is_possible()
            .then(|| Mutex::new((Dice::new(seed ^ 0x6561_726c, Purpose::Faults), early_timers)));
        Arc::new(Self {
            now: AtomicU64::new(0),
            random: AtomicU64::new(Dice::new(seed, Purpose::User).state()),
            ended: AtomicBool::new(false),
            // The first place is the root future's.
            news: Mutex::new(News { slots: 1, ..News::default() }),
            wakes: Arc::default(),
            has_news: AtomicBool::new(false),
            timers: Mutex::new(Timers::new((!timers_in_order).then_some(seed))),
            network: Mutex::new(Network::new(
                Dice::new(seed, Purpose::Network),
                Dice::new(seed, Purpose::NetworkFaults),
            )),
            networked: AtomicBool::new(false),
            pool: Mutex::new(pool),
            early,
            base: OnceLock::new(),
            recorder: Recorder::new(),
        })
    }

    #[inline]
    pub(crate) fn now(&self) -> Instant {
        Instant::from_nanos(self.now.load(Ordering::Relaxed))
    }

    /// Moves the clock; never back.
    pub(crate) fn move_clock(&self, to: Instant) {
        self.now.fetch_max(to.as_nanos(), Ordering::Relaxed);
    }

    pub(crate) fn random_u64(&self) -> u64 {
        let before = self.random.fetch_add(choice::STEP, Ordering::Relaxed);
        choice::mix(before.wrapping_add(choice::STEP))
    }

    /// A real instant to count virtual time from, for code that speaks the standard library's instants.
    pub(crate) fn base(&self) -> std::time::Instant {
        #[allow(clippy::disallowed_methods, reason = "once, as a base; nothing depends on its value")]
        *self.base.get_or_init(std::time::Instant::now)
    }

    /// What has happened since the last look, if anything has.
    #[inline]
    pub(crate) fn latest_news(&self) -> Option<MutexGuard<'_, News>> {
        if !self.has_news.load(Ordering::Acquire) {
            return None;
        }
        let news = lock(&self.news);
        // Under the lock: who tells something later sets it again.
        self.has_news.store(false, Ordering::Release);
        Some(news)
    }

    fn news(&self) -> MutexGuard<'_, News> {
        lock(&self.news)
    }

    /// The news, to be added to.
    fn tell(&self) -> MutexGuard<'_, News> {
        let news = lock(&self.news);
        self.has_news.store(true, Ordering::Release);
        news
    }

    pub(crate) fn timers(&self) -> MutexGuard<'_, Timers> {
        lock(&self.timers)
    }

    /// The network, whose events are looked at from here on.
    pub(crate) fn network(&self) -> MutexGuard<'_, Network> {
        self.networked.store(true, Ordering::Relaxed);
        lock(&self.network)
    }

    /// Does something to the network and wakes whom it concerns, once it is unlocked.
    pub(crate) fn change_network<T>(&self, change: impl FnOnce(&mut Network, Instant) -> T) -> T {
        let mut network = self.network();
        let result = change(&mut network, self.now());
        let wakes = network.take_wakes();
        drop(network);
        wakes.fire();
        result
    }

    pub(crate) fn is_networked(&self) -> bool {
        self.networked.load(Ordering::Relaxed)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    pub(crate) fn command(&self, command: Command) {
        self.tell().commands.push(command);
    }

    /// A host loses its power: nothing can be spawned on it until it is up again, and what was is dropped.
    pub(crate) fn crash(&self, host: u32) {
        self.set_down(host, true);
        let mut news = self.tell();
        let up_to = news.tasks;
        news.commands.push(Command::Crash { host, up_to });
    }

    /// Sets a timer, unless the runtime has ended.
    pub(crate) fn set_timer(&self, at: Instant, waker: Waker) -> Option<TimerKey> {
        if self.has_ended() {
            return None;
        }
        Some(self.timers().set(at, Due::Wake(waker)))
    }

    /// Changes whom a timer wakes.
    pub(crate) fn set_timer_waker(&self, key: TimerKey, waker: &Waker) {
        // Cloned and dropped outside of the lock: both are anybody's code.
        if !self.timers().would_wake(key, waker) {
            let waker = waker.clone();
            let before = self.timers().set_waker(key, waker);
            drop(before);
        }
    }

    /// Cancels a timer and gives back whom it would have woken.
    pub(crate) fn cancel_timer(&self, key: TimerKey) -> Option<Waker> {
        match self.timers().cancel(key) {
            Some(Due::Wake(waker)) => Some(waker),
            _ => None,
        }
    }

    /// When a sleep until `at` ends: then, unless timers are broken on purpose.
    pub(crate) fn end_of_sleep(&self, at: Instant) -> Instant {
        let Some(early) = &self.early else { return at };
        let (dice, chance) = &mut *lock(early);
        if at == Instant::MAX || !dice.strikes(*chance) {
            return at;
        }
        let left = at - self.now();
        self.now() + left / 2
    }

    /// Starts a task on `host`; `make` gets it before it runs.
    pub(crate) fn spawn<F>(
        self: &Arc<Self>,
        host: u32,
        site: Site,
        make: impl FnOnce(&Arc<Task>) -> F,
    ) -> SimJoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let mut news = self.tell();
        if self.has_ended() || news.down.contains(&host) {
            drop(news);
            return SimJoinHandle::shutdown();
        }
        news.tasks += 1;
        let id = news.tasks;
        let slot = news.free.pop().unwrap_or_else(|| {
            news.slots += 1;
            news.slots - 1
        });
        let task = Task::new(&self.wakes, id, slot, host);
        let join = Join::new(Arc::clone(&task));
        let work = Delivered::new(make(&task), {
            let join = Arc::clone(&join);
            move |outcome| join.end(outcome)
        });
        news.spawned.push(Spawned { task, site, work: Box::pin(work) });
        SimJoinHandle::new(join)
    }

    /// How many tasks were spawned so far.
    pub(crate) fn tasks(&self) -> u64 {
        self.news().tasks
    }

    /// A place is free again. Wakes of the task that was there are forgotten: none may be taken for one of the
    /// next.
    pub(crate) fn free(&self, place: u32) {
        self.wakes.forget(place);
        self.news().free.push(place);
    }

    /// Takes who waits until nothing can run, if `next`, what comes next, is after what they wait for.
    pub(crate) fn next_idler(&self, next: Option<Instant>) -> Option<Idler> {
        let idlers = &mut self.news().idlers;
        let index = idlers.iter().position(|idler| next.is_none_or(|next| next > idler.until))?;
        Some(idlers.remove(index))
    }

    /// A host is down: nothing can be spawned on it until it is up again.
    pub(crate) fn set_down(&self, host: u32, down: bool) {
        let mut news = self.news();
        news.down.retain(|&other| other != host);
        if down {
            news.down.push(host);
        }
    }

    /// Wakes somebody when nothing can run and nothing is due until then.
    pub(crate) fn wait_for_idle(&self, idler: Idler) {
        let before = self.stop_waiting_for_idle(&idler.is_idle);
        self.news().idlers.push(idler);
        // Outside of the lock: a waker's destructor is anybody's code.
        drop(before);
    }

    /// Takes somebody back who waits until nothing can run.
    pub(crate) fn stop_waiting_for_idle(&self, is_idle: &Arc<AtomicBool>) -> Option<Idler> {
        let idlers = &mut self.news().idlers;
        let index = idlers.iter().position(|idler| Arc::ptr_eq(&idler.is_idle, is_idle))?;
        Some(idlers.remove(index))
    }

    /// From here on nothing can be spawned, and no timer set. What was waiting to be looked at comes back.
    pub(crate) fn end(&self) -> News {
        self.ended.store(true, Ordering::Relaxed);
        let mut news = self.news();
        let tasks = news.tasks;
        mem::replace(&mut *news, News { tasks, ..News::default() })
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel").field("now", &self.now()).finish_non_exhaustive()
    }
}
