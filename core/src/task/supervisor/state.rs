//! What a supervisor does, and when: no task, no clock, no randomness of its own.
//!
//! # A child
//!
//! | state | event | becomes | and |
//! |---|---|---|---|
//! | waiting | its turn and its time have come | due | `Start` |
//! | due | its `Start` is taken from the commands | starting | |
//! | due | its group is swept; it is removed; the supervisor stops | waiting; forgotten; – | no `Start` |
//! | starting | it is ready: without a handshake, as soon as it was made | running | the next one's turn |
//! | starting, running | it ends, and is to be restarted | waiting, for its delay | `Restarting`; the group is swept |
//! | starting, running | it ends, and is not | ended, or forgotten | maybe `Ending` |
//! | starting, running | it has to stop | stopping | `Cancel`, or `Abort` where it gets no time |
//! | stopping | its time is over | stopping | `Abort` |
//! | stopping | it ends: for the sweep of its group | waiting; a temporary one is forgotten | |
//! | stopping | it ends: it was removed | forgotten | |
//! | any but stopping | it is removed | stopping, or forgotten where it doesn't run | `Forget` |
//!
//! Which children are restarted, and what with them (their group):
//!
//! | strategy | group of a child that failed | whose turn it is |
//! |---|---|---|
//! | one for one | itself | first starts in order, each when those before have been up; restarts at any time |
//! | one for all | all | in order, each when those before are up |
//! | rest for one | itself, and those after it | in order, each when those before are up |
//! | dynamic | itself | everybody's |
//!
//! A group is swept: those of it that run are stopped, the last one first, each when the one after it has ended. Then
//! it is started again. What ends by itself meanwhile would have been stopped, and doesn't count as a failure.
//!
//! # The supervisor
//!
//! | phase | event | becomes | and |
//! |---|---|---|---|
//! | new | it begins | running | starts |
//! | new, running | it is told to stop | stopping | `Ending` |
//! | running | more failures within the period than the intensity, or the runtime has ended | stopping | `Ending` |
//! | running | a significant child has ended by itself | stopping, as its `AutoShutdown` says | `Ending` |
//! | stopping | no child runs | done | `Finish` |
//!
//! Stopping stops the last child first, each when the one after it has ended; a dynamic supervisor's all at once.
//!
//! # Cost
//!
//! An event costs the logarithm of the number of children, and of those that it starts or stops.

mod command;
mod group;
mod intensity;
#[cfg(test)]
mod model;
mod stop;
#[cfg(test)]
mod tests;

pub(super) use command::{ChildRules, Command, Ending, ExitKind, Id, Rules};

use super::policy::{AutoShutdown, Restart, StopLimit, Strategy};
use crate::instant::Instant;
use group::Sweep;
use intensity::Intensity;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;

#[derive(Debug)]
pub(super) struct Machine {
    rules: Rules,
    phase: Phase,
    children: BTreeMap<Id, Child>,
    // Those with a task.
    living: BTreeSet<Id>,
    // Those of them that were told to stop.
    stopping: BTreeSet<Id>,
    // Those that are started in order and are not up: the first of them may start.
    pending: BTreeSet<Id>,
    // When those that wait, and need not wait for others, are due; and when those that stop are to be aborted.
    timers: BTreeSet<(Instant, Id)>,
    sweep: Option<Sweep>,
    intensity: Intensity,
    // How many of those that were there at the beginning are awaited.
    not_up: Option<usize>,
    significant: usize,
    commands: VecDeque<Command>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Running,
    Stopping,
    Done,
}

#[derive(Debug)]
struct Child {
    rules: ChildRules,
    state: State,
    runs: u64,
    // Failures in a row.
    failures: u32,
    up_since: Option<Instant>,
    was_up: bool,
    is_removed: bool,
    // Whether it is one of `not_up`.
    is_awaited: bool,
    // Whether it is one of `significant`: those that have not ended.
    is_counted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting { not_before: Instant },
    // Its `Start` is among the commands.
    Due,
    Starting,
    Running,
    Stopping { abort_at: Instant },
    Ended,
}

impl Machine {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            phase: Phase::New,
            children: BTreeMap::new(),
            living: BTreeSet::new(),
            stopping: BTreeSet::new(),
            pending: BTreeSet::new(),
            timers: BTreeSet::new(),
            sweep: None,
            intensity: Intensity::new(rules.intensity, rules.period),
            not_up: None,
            significant: 0,
            commands: VecDeque::new(),
        }
    }

    /// What is to be done next. A start that was not taken from here can still be withdrawn.
    pub(super) fn next_command(&mut self) -> Option<Command> {
        loop {
            let command = self.commands.pop_front()?;
            let Command::Start(id) = command else { return Some(command) };
            // Else it was removed.
            if let Some(child) = self.children.get_mut(&id) {
                child.runs += 1;
                child.state = State::Starting;
                child.up_since = None;
                self.living.insert(id);
                return Some(command);
            }
        }
    }

    /// When it wants to be told the time.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|&(at, _)| at);
        let first = match self.first_pending() {
            Some((_, State::Waiting { not_before })) if self.sweep.is_none() => Some(not_before),
            _ => None,
        };
        timer.into_iter().chain(first).min().filter(|&at| at != Instant::MAX)
    }

    /// Those that were never started.
    pub(super) fn never_started(&self) -> impl Iterator<Item = Id> {
        self.children.iter().filter(|(_, child)| child.runs == 0).map(|(&id, _)| id)
    }

    /// The child that holds up a start or a stop, for reports.
    pub(super) fn awaited(&self) -> Option<Id> {
        self.stopping.last().or(self.pending.first()).copied()
    }

    /// Adds a child, the last in order. It is not heard of any more where the supervisor stops.
    pub(super) fn add(&mut self, id: Id, rules: ChildRules, now: Instant) {
        let child = Child {
            rules,
            state: State::Ended,
            runs: 0,
            failures: 0,
            up_since: None,
            was_up: false,
            is_removed: false,
            is_awaited: self.phase == Phase::New,
            is_counted: rules.significant,
        };
        self.children.insert(id, child);
        self.significant += usize::from(rules.significant);
        if self.phase == Phase::Running {
            self.wait(id, Instant::ORIGIN, now);
            self.settle(now);
        }
    }

    pub(super) fn begin(&mut self, now: Instant) {
        if self.phase != Phase::New {
            return;
        }
        self.phase = Phase::Running;
        self.not_up = Some(self.children.len());
        let all: Vec<_> = self.children.keys().copied().collect();
        all.into_iter().for_each(|id| self.wait(id, Instant::ORIGIN, now));
        self.settle(now);
    }

    /// A child is up, in its `run`th run: it says so, or was made where it has no handshake.
    pub(super) fn ready(&mut self, id: Id, run: u64, now: Instant) {
        let is_meant =
            self.children.get(&id).is_some_and(|child| child.runs == run && child.state == State::Starting);
        if is_meant {
            self.is_up(id, now);
            self.settle(now);
        }
    }

    /// A child has ended at `at`, and by `now` nothing is left of it.
    pub(super) fn exited(&mut self, id: Id, exit: ExitKind, at: Instant, now: Instant, random: u64) {
        if !self.living.remove(&id) {
            return;
        }
        self.stopping.remove(&id);
        let Some(child) = self.children.get_mut(&id) else { return };
        if let State::Stopping { abort_at } = child.state {
            self.timers.remove(&(abort_at, id));
        }
        child.state = State::Ended;
        if child.up_since.is_some_and(|since| self.rules.delay.is_stable(at - since)) {
            child.failures = 0;
        }
        let (rules, is_removed) = (child.rules, child.is_removed);
        if self.phase != Phase::Running {
            // It is not to run again.
        } else if is_removed {
            self.forget(id);
        } else if exit == ExitKind::RuntimeEnded {
            self.end(Ending::GaveUp(id), now);
        } else if let Some(sweep) = self.sweep.filter(|sweep| id >= sweep.from) {
            match rules.restart {
                Restart::Temporary => self.forget(id),
                Restart::Permanent | Restart::Transient => self.wait(id, sweep.not_before, now),
            }
        } else if rules.restart.applies_to(exit) {
            self.restart(id, at, now, random);
        } else {
            self.has_ended(id, now);
        }
        self.settle(now);
    }

    /// Stops a child, and forgets it.
    pub(super) fn remove(&mut self, id: Id, now: Instant) {
        let Some(child) = self.children.get_mut(&id) else { return };
        if matches!(self.phase, Phase::Stopping | Phase::Done) {
            return;
        }
        child.is_removed = true;
        match child.state {
            State::Waiting { .. } | State::Due | State::Ended => self.forget(id),
            State::Starting | State::Running => self.stop_child(id, now),
            State::Stopping { .. } => {}
        }
        self.settle(now);
    }

    pub(super) fn stop(&mut self, now: Instant) {
        if matches!(self.phase, Phase::New | Phase::Running) {
            self.end(Ending::Requested, now);
            self.settle(now);
        }
    }

    /// What is due is done.
    pub(super) fn timer(&mut self, now: Instant) {
        while let Some(&(at, id)) = self.timers.first()
            && at <= now
        {
            self.timers.pop_first();
            match self.children.get(&id).map(|child| child.state) {
                Some(State::Waiting { .. }) => self.start(id),
                Some(State::Stopping { .. }) => self.commands.push_back(Command::Abort(id)),
                _ => {}
            }
        }
        self.settle(now);
    }

    /// Does what an event has made possible.
    fn settle(&mut self, now: Instant) {
        match self.phase {
            Phase::New | Phase::Done => {}
            Phase::Running => {
                self.go_on_sweeping(now);
                self.start_pending(now);
                if self.not_up == Some(0) {
                    self.not_up = None;
                    self.commands.push_back(Command::Up);
                }
            }
            Phase::Stopping => match self.living.last() {
                None => {
                    self.phase = Phase::Done;
                    self.commands.push_back(Command::Finish);
                }
                Some(&last) if !self.stopping.contains(&last) => self.stop_child(last, now),
                Some(_) => {}
            },
        }
    }

    fn start_pending(&mut self, now: Instant) {
        if self.sweep.is_some() {
            return;
        }
        while let Some((id, State::Waiting { not_before })) = self.first_pending()
            && not_before <= now
        {
            self.start(id);
        }
    }

    fn first_pending(&self) -> Option<(Id, State)> {
        let id = *self.pending.first()?;
        self.children.get(&id).map(|child| (id, child.state))
    }

    /// To be started when its turn has come and `not_before` has.
    fn wait(&mut self, id: Id, not_before: Instant, now: Instant) {
        let Some(child) = self.children.get_mut(&id) else { return };
        child.state = State::Waiting { not_before };
        if child.rules.significant && !mem::replace(&mut child.is_counted, true) {
            self.significant += 1;
        }
        let in_order = match self.rules.strategy {
            Strategy::OneForOne => !child.was_up,
            Strategy::OneForAll | Strategy::RestForOne => true,
            Strategy::Dynamic => false,
        };
        if in_order {
            self.pending.insert(id);
        } else if not_before <= now {
            self.start(id);
        } else {
            self.timers.insert((not_before, id));
        }
    }

    fn start(&mut self, id: Id) {
        if let Some(child) = self.children.get_mut(&id) {
            child.state = State::Due;
            self.commands.push_back(Command::Start(id));
        }
    }

    fn is_up(&mut self, id: Id, now: Instant) {
        let Some(child) = self.children.get_mut(&id) else { return };
        child.state = State::Running;
        child.up_since = Some(now);
        child.was_up = true;
        self.pending.remove(&id);
        self.await_no_longer(id);
    }

    fn await_no_longer(&mut self, id: Id) {
        if let Some(child) = self.children.get_mut(&id)
            && mem::take(&mut child.is_awaited)
            && let Some(not_up) = &mut self.not_up
        {
            *not_up -= 1;
        }
    }

    fn forget(&mut self, id: Id) {
        self.await_no_longer(id);
        self.count_out(id);
        let Some(child) = self.children.remove(&id) else { return };
        if let State::Waiting { not_before } = child.state {
            self.timers.remove(&(not_before, id));
        }
        self.pending.remove(&id);
        self.commands.push_back(Command::Forget(id));
    }

    fn count_out(&mut self, id: Id) {
        if let Some(child) = self.children.get_mut(&id)
            && mem::take(&mut child.is_counted)
        {
            self.significant -= 1;
        }
    }
}
