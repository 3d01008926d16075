//! Runs everything: one poll at a time, and the clock when nothing can run.

mod disturb;
mod slot;

pub(crate) use slot::{Root, Slot, Waiting, Why};

use crate::choice::Choices;
use crate::clock::Due;
use crate::faults::Active;
use crate::kernel::{Kernel, Spawned, Work};
use crate::limits::Limits;
use crate::policy::{Ready, Schedule};
use crate::task::{Kind, ROOT, Site, Task};
use crate::trace::{Trace, What};
use crate::wakes::Running;
use backstay_core::time::Instant;
use disturb::Paused;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// A task whose every poll wakes itself is waiting for time to pass. Once the tasks that can run have done so, on
/// the average, this many times in a row, the clock moves as if nothing could run.
const YIELDS_BEFORE_TIME_PASSES: u64 = 1_000;

/// Why a run can't go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// Nothing can run, and nothing is due.
    Deadlock,
    /// Too many polls, and the clock did not move.
    Livelock,
    /// Too many polls in all.
    Polls,
    /// Too much virtual time.
    Time,
    /// Too long after the faults had ended.
    NotSettled,
    /// A task is pending, and nobody can wake it.
    NoWaker(u64),
}

/// Whether faults end at some time.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// They don't.
    Open,
    /// They do, at `until`; then the root has so long to end.
    Faulty { until: Instant, settle: Duration },
    /// They have, and the root must end.
    Settling { settled: Instant },
}

/// Runs everything.
pub(crate) struct Executor {
    pub(crate) slots: Vec<Option<Slot>>,
    ready: Ready,
    pub(crate) choices: Choices,
    faults: Active,
    faults_are_on: bool,
    phase: Phase,
    pub(crate) trace: Trace,
    limits: Limits,
    pub(crate) polls: u64,
    // Since the clock moved last.
    polls_now: u64,
    // Polls in a row that woke their own task.
    yields: u64,
    // Tasks that can run, on hosts that don't.
    parked: Vec<u32>,
    paused: Paused,
    // Tasks that a fault has scheduled: nobody woke them.
    uninvited: Vec<u32>,
    // Kept for their memory.
    woken: Vec<u32>,
    due: Vec<Due>,
    net_wakers: Vec<Waker>,
}

impl Executor {
    pub(crate) fn new(
        schedule: &Schedule,
        seed: u64,
        faults: Active,
        phases: Option<(Duration, Duration)>,
        limits: Limits,
        trace: Trace,
    ) -> Self {
        Self {
            slots: Vec::new(),
            ready: Ready::new(schedule, seed),
            choices: schedule.choices(seed),
            faults_are_on: faults.are_possible(),
            faults,
            phase: phases.map_or(Phase::Open, |(faulty, settle)| Phase::Faulty {
                until: Instant::ORIGIN + faulty,
                settle,
            }),
            trace,
            limits,
            polls: 0,
            polls_now: 0,
            yields: 0,
            parked: Vec::new(),
            paused: Paused::default(),
            uninvited: Vec::new(),
            woken: Vec::new(),
            due: Vec::new(),
            net_wakers: Vec::new(),
        }
    }

    /// Runs until `root` has ended, or until that is out of reach: then with what each task waits for.
    pub(crate) fn run(
        &mut self,
        kernel: &Arc<Kernel>,
        location: &'static Location<'static>,
        root: Pin<&mut (dyn Future<Output = ()> + '_)>,
    ) -> Result<(), (Stuck, Vec<Waiting>)> {
        // One that panicked may still be there.
        self.remove_root(kernel);
        let task = Task::new(&kernel.wakes, 0, ROOT, 0);
        let site = Site { name: None, location, kind: Kind::Root };
        self.place(Slot::new(task, site, None, kernel.now()));
        // One root that has ended after the other goes round in no circle.
        self.polls_now = 0;
        let mut root = Some(root);
        self.end_phase(kernel);
        let result = self.run_until(kernel, &mut root, None);
        let result = result.map_err(|stuck| (stuck, self.waiting(kernel, &mut root)));
        self.remove_root(kernel);
        result
    }

    pub(crate) fn remove_root(&mut self, kernel: &Kernel) {
        if let Some(slot) = self.slots.first_mut().and_then(Option::take) {
            slot.task.end();
            self.ready.remove(|slot| slot == ROOT);
            // None may be taken for one of the next root.
            kernel.wakes.forget(ROOT);
        }
    }

    /// Polls every task once more, to hear what it waits for: its place, what it told, and whether it went on.
    pub(crate) fn waiting(&mut self, kernel: &Kernel, root: &mut Root<'_, '_>) -> Vec<Waiting> {
        let slots = self.slots.iter_mut().flatten();
        let where_too = self.limits.backtraces;
        slots.map(|slot| slot.waiting(kernel, root, where_too)).collect()
    }

    /// Runs what is left until nothing can run any more, or until `until`; without faults.
    pub(crate) fn run_down(&mut self, kernel: &Arc<Kernel>, until: Instant) -> Result<(), Stuck> {
        self.phase = Phase::Open;
        self.end_faults(kernel);
        self.run_until(kernel, &mut None, Some(until))
    }

    fn run_until(
        &mut self,
        kernel: &Arc<Kernel>,
        root: &mut Root<'_, '_>,
        until: Option<Instant>,
    ) -> Result<(), Stuck> {
        let _running = Running::enter(&kernel.wakes);
        loop {
            self.look_at_news(kernel);
            if self.polls_now > self.limits.livelock_after {
                return Err(Stuck::Livelock);
            }
            if self.yields > YIELDS_BEFORE_TIME_PASSES && self.only_yields() {
                match self.idle(kernel, until) {
                    Ok(Poll::Ready(())) => return Ok(()),
                    // They go on until that is a livelock.
                    Ok(Poll::Pending) | Err(Stuck::Deadlock) => {}
                    Err(stuck) => return Err(stuck),
                }
            }
            let Some(place) = self.ready.pick(&mut self.choices) else {
                // A host that crashed has dropped its tasks just now, and that may have woken others.
                self.look_at_news(kernel);
                if self.ready.is_empty() && self.idle(kernel, until)?.is_ready() {
                    return Ok(());
                }
                continue;
            };
            let poll = self.turn(kernel, place, root)?;
            if place == ROOT && poll.is_ready() {
                return Ok(());
            }
        }
    }

    fn only_yields(&self) -> bool {
        self.yields > YIELDS_BEFORE_TIME_PASSES * self.ready.len().max(1) as u64
    }

    /// Takes in what was spawned, woken and asked for since the last look.
    #[inline]
    fn look_at_news(&mut self, kernel: &Arc<Kernel>) {
        self.make_woken_ready(kernel);
        let Some(mut news) = kernel.latest_news() else { return };
        let spawned = mem::take(&mut news.spawned);
        let commands = mem::take(&mut news.commands);
        drop(news);
        for Spawned { task, site, work } in spawned {
            self.spawned(kernel, task, site, work);
        }
        // A crash is about those that were there when it came: they are placed by now.
        for command in commands {
            self.obey(kernel, command);
        }
    }

    /// Takes in the wakes since the last look.
    #[inline]
    fn make_woken_ready(&mut self, kernel: &Kernel) {
        let mut woken = mem::take(&mut self.woken);
        kernel.wakes.take(&mut woken);
        for place in woken.drain(..) {
            self.make_ready(kernel, place);
        }
        self.woken = woken;
    }

    fn spawned(&mut self, kernel: &Kernel, task: Arc<Task>, site: Site, work: Work) {
        self.trace.push(kernel.now(), task.id, What::Spawned);
        let place = task.slot;
        let delay = match site.kind {
            Kind::Job if self.faults_are_on => {
                Active::strikes_for(&mut self.faults.dice, &self.faults.late_jobs)
            }
            _ => None,
        };
        let id = task.id;
        self.place(Slot::new(task, site, Some(work), kernel.now()));
        if let Some(delay) = delay {
            self.ready.remove(|other| other == place);
            kernel.timers().set(kernel.now() + delay, Due::LateWake { slot: place, task: id });
        }
    }

    fn place(&mut self, slot: Slot) {
        let place = slot.task.slot;
        let index = place as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        self.slots[index] = Some(slot);
        self.ready.placed(place);
        self.ready.push(place);
    }

    /// A task was woken, unless it is gone or a fault is in the way.
    #[inline]
    fn make_ready(&mut self, kernel: &Kernel, place: u32) {
        // Its place is empty if it has ended.
        let Some(slot) = self.slots.get(place as usize).and_then(Option::as_ref) else { return };
        if self.faults_are_on {
            let id = slot.task.id;
            if self.faults.dice.strikes(self.faults.lost_wakes) {
                slot.task.begin_poll();
                self.trace.push(kernel.now(), id, What::LostWake);
                return;
            }
            if let Some(delay) = Active::strikes_for(&mut self.faults.dice, &self.faults.late_wakes) {
                self.trace.push(kernel.now(), id, What::LateWake);
                kernel.timers().set(kernel.now() + delay, Due::LateWake { slot: place, task: id });
                return;
            }
        }
        self.ready.push(place);
    }

    /// Gives a task its turn.
    #[inline]
    fn turn(&mut self, kernel: &Arc<Kernel>, place: u32, root: &mut Root<'_, '_>) -> Result<Poll<()>, Stuck> {
        // One that is not polled after all counts too, so that whatever goes round in circles ends.
        if self.polls >= self.limits.max_polls {
            return Err(Stuck::Polls);
        }
        self.polls += 1;
        self.polls_now += 1;
        if self.faults_are_on {
            self.strike(kernel, place)?;
        }
        let Some(slot) = &mut self.slots[place as usize] else { return Ok(Poll::Pending) };
        if self.paused.is_anybody() {
            if self.paused.has(slot.task.host) && place != ROOT {
                self.parked.push(place);
                return Ok(Poll::Pending);
            }
            self.paused.polled(slot.task.host);
        }
        if slot.task.is_aborted() {
            self.trace.push(kernel.now(), slot.task.id, What::Aborted);
            self.vacate(kernel, place);
            return Ok(Poll::Pending);
        }
        let poll = slot.poll(root, self.faults_are_on && self.faults.fresh_wakers, kernel.now());
        let id = slot.task.id;
        if poll.is_ready() {
            self.yields = 0;
            self.trace.push(kernel.now(), id, What::Ended);
            if place != ROOT {
                self.vacate(kernel, place);
            }
        } else {
            self.trace.push(kernel.now(), id, What::Polled);
            self.after_pending(place)?;
        }
        if kernel.is_networked() {
            self.note_network(kernel);
        }
        Ok(poll)
    }

    #[inline]
    fn after_pending(&mut self, place: u32) -> Result<(), Stuck> {
        let was_uninvited = !self.uninvited.is_empty() && self.was_uninvited(place);
        let Some(slot) = &self.slots[place as usize] else { return Ok(()) };
        if slot.task.is_scheduled() {
            self.yields += 1;
            self.ready.yielded(place);
        } else {
            if !was_uninvited {
                self.yields = 0;
            }
            if self.limits.strict_wakers && slot.is_forgotten() {
                return Err(Stuck::NoWaker(slot.task.id));
            }
        }
        Ok(())
    }

    /// Whether this poll was a fault's. It says nothing about who waits for what.
    #[inline]
    fn was_uninvited(&mut self, place: u32) -> bool {
        let index = self.uninvited.iter().position(|&uninvited| uninvited == place);
        index.is_some_and(|index| {
            self.uninvited.swap_remove(index);
            true
        })
    }

    /// Drops a task and frees its place.
    fn vacate(&mut self, kernel: &Kernel, place: u32) {
        if let Some(slot) = self.slots[place as usize].take() {
            slot.task.end();
            // Its destructors run here, and may wake, spawn and abort.
            drop(slot);
            kernel.free(place);
        }
    }

    /// Nothing can run: moves the clock to what comes next, and tells whether there is nothing more to do.
    fn idle(&mut self, kernel: &Arc<Kernel>, until: Option<Instant>) -> Result<Poll<()>, Stuck> {
        self.yields = 0;
        let next = self.next_event(kernel);
        if let Some(idler) = kernel.next_idler(next) {
            idler.wake();
            return Ok(Poll::Pending);
        }
        match (next, until) {
            (Some(at), Some(until)) if at > until => Ok(Poll::Ready(())),
            (Some(at), _) => {
                let at = self.jump(kernel, at);
                self.move_on(kernel, at)?;
                Ok(Poll::Pending)
            }
            (None, Some(_)) => Ok(Poll::Ready(())),
            (None, None) => Err(Stuck::Deadlock),
        }
    }

    fn next_event(&self, kernel: &Kernel) -> Option<Instant> {
        let timer = kernel.timers().next();
        let packet = if kernel.is_networked() { kernel.network().next_event() } else { None };
        let next = [timer, packet].into_iter().flatten().min();
        match self.phase {
            Phase::Open => next,
            // The end of the faults may set free what they held back.
            Phase::Faulty { until: Instant::MAX, .. } => next,
            Phase::Faulty { until, .. } => Some(next.map_or(until, |next| next.min(until))),
            Phase::Settling { settled } => next.map(|next| next.min(settled)),
        }
    }

    /// Moves the clock and lets happen what is due then.
    fn move_on(&mut self, kernel: &Arc<Kernel>, at: Instant) -> Result<(), Stuck> {
        if at.since_origin() > self.limits.max_time {
            return Err(Stuck::Time);
        }
        if at > kernel.now() {
            kernel.move_clock(at);
            self.polls_now = 0;
            self.trace.push(at, at.as_nanos(), What::ClockMoved);
        }
        self.let_happen(kernel)
    }

    /// Lets happen what is due.
    fn let_happen(&mut self, kernel: &Arc<Kernel>) -> Result<(), Stuck> {
        self.end_phase(kernel);
        let now = kernel.now();
        if let Phase::Settling { settled } = self.phase
            && now >= settled
        {
            return Err(Stuck::NotSettled);
        }
        let mut due = mem::take(&mut self.due);
        kernel.timers().take_due(now, &mut due);
        for due in due.drain(..) {
            self.happen(kernel, due);
        }
        self.due = due;
        if kernel.is_networked() {
            kernel.network().advance(now, &mut self.net_wakers);
            let mut wakers = mem::take(&mut self.net_wakers);
            wakers.drain(..).for_each(Waker::wake);
            self.net_wakers = wakers;
            self.note_network(kernel);
        }
        Ok(())
    }

    /// Lets something happen whose time has come.
    fn happen(&mut self, kernel: &Kernel, due: Due) {
        match due {
            Due::Wake(waker) => waker.wake(),
            Due::LateWake { slot: place, task } => {
                if self.slots[place as usize].as_ref().is_some_and(|slot| slot.task.id == task) {
                    self.ready.push(place);
                }
            }
            Due::Resume(host) => self.fault_lets_go(kernel, host),
        }
    }

    /// Ends the faults, if it is time to; from then on counts what the root has to end.
    fn end_phase(&mut self, kernel: &Arc<Kernel>) {
        if let Phase::Faulty { until, settle } = self.phase
            && kernel.now() >= until
        {
            self.phase = Phase::Settling { settled: kernel.now() + settle };
            self.end_faults(kernel);
            self.heal(kernel);
        }
    }

    fn note_network(&mut self, kernel: &Kernel) {
        let trace = &mut self.trace;
        let now = kernel.now();
        kernel.network().drain_events(|event| trace.push_network(now, *event));
    }

    /// The tasks that live, by place.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flatten()
    }

    /// Drops every task, in an order that the schedule chooses, then all that was set or sent.
    pub(crate) fn end(&mut self, kernel: &Arc<Kernel>) {
        let mut news = kernel.end();
        for Spawned { task, site, work } in mem::take(&mut news.spawned) {
            self.place(Slot::new(task, site, Some(work), kernel.now()));
        }
        drop(news);
        let mut places: Vec<_> = self.tasks().map(|slot| slot.task.slot).collect();
        while !places.is_empty() {
            let next = self.choices.below(places.len() as u32);
            let slot = self.slots[places.swap_remove(next as usize) as usize].take();
            if let Some(slot) = slot {
                self.trace.push(kernel.now(), slot.task.id, What::Dropped);
                slot.task.end();
            }
        }
        let set = kernel.timers().clear();
        drop(set);
    }
}
