//! Tasks that belong to somebody, whoever has spawned them: who they are, how many run, how to end them.

mod enlisted;
mod label;

pub use label::TaskLabel;

pub(super) use enlisted::{Done, End};

use super::owned_task::OwnedTask;
use crate::primitives::{Mutex, lock};
use crate::runtime::{Runtime, SpawnSite};
use enlisted::{Enlisted, Inside, Ticket};
use slab::Slab;
use std::mem;
use std::sync::Arc;
use std::task::Waker;

/// The tasks of a scope or of a shutdown.
///
/// | the roster is | a spawn | of a shielded task | of what a dropped owner left | left by |
/// |---|---|---|---|---|
/// | open | starts a task | starts it | starts it | `refuse`, `refuse_shielded`, `close` |
/// | refusing | is refused | starts it | starts it | `refuse_shielded`, `close` |
/// | ending | is refused | is refused | starts it | `close` |
/// | closed | is refused | is refused | is refused | – |
pub(super) struct Roster<R: Runtime> {
    state: Mutex<State<R>>,
    // Whether it knows which tasks are just being polled.
    watches: bool,
}

struct State<R: Runtime> {
    tasks: Slab<Entry<R>>,
    intake: Intake,
    counts: TaskCounts,
    // Tells apart those who have had the same place one after the other.
    next_number: u64,
    blocking: usize,
    // Of who waits for the last to end, or the last that isn't blocking.
    owner: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Intake {
    Open,
    Refusing,
    Ending,
    Closed,
}

struct Entry<R: Runtime> {
    kind: Kind,
    label: TaskLabel,
    // `None` until its spawn has returned, and when it was told to end.
    task: Option<OwnedTask<R, ()>>,
    told: Option<Told>,
    // Where the roster watches.
    inside: Option<Inside>,
}

/// What a task that was told to end is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Running {
    /// It is being polled or dropped; or can't be told.
    Busy,
    /// It waits to be dropped.
    Waiting,
}

/// Why a task was told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// By who has its handle.
    Abort,
    /// With all others.
    Cancel,
}

/// How a task ends when its owner is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// At once.
    Plain,
    /// By itself: it has a token. It has a grace.
    Graceful,
    /// Not at all.
    Shielded,
    /// Not at all once it runs: it is a blocking function.
    Blocking,
    /// Not at all: it waits for tasks that were told to end.
    Rest,
}

/// How many tasks of a scope run, and how those have ended that don't.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskCounts {
    /// Those that run, are about to, or wait for a place.
    pub running: usize,
    /// Those that ran to their end.
    pub finished: u64,
    /// Those that gave an error.
    pub failed: u64,
    /// Those that panicked.
    pub panicked: u64,
    /// Those that were aborted through their handles.
    pub aborted: u64,
    /// Those that were cut off because all were cancelled.
    pub cancelled: u64,
    /// Those that were to be spawned when all had been cancelled: they never ran.
    pub not_started: u64,
    /// Those whose runtime ended first.
    pub lost: u64,
}

/// A task's place, and who it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    slot: usize,
    number: u64,
}

impl<R: Runtime> Roster<R> {
    pub(super) fn new() -> Arc<Self> {
        Self::make(false)
    }

    /// One that knows of each task whether it is just being polled, for an allocation each.
    pub(super) fn watching() -> Arc<Self> {
        Self::make(true)
    }

    fn make(watches: bool) -> Arc<Self> {
        let state = State {
            tasks: Slab::new(),
            intake: Intake::Open,
            counts: TaskCounts::default(),
            next_number: 0,
            blocking: 0,
            owner: None,
        };
        Arc::new(Self { state: Mutex::new(state), watches })
    }

    /// Starts a task, and gives its place; or gives back what was not started.
    pub(super) fn spawn<F, D>(
        self: &Arc<Self>,
        rt: &R,
        kind: Kind,
        label: TaskLabel,
        future: F,
        done: D,
    ) -> Result<Place, (F, D)>
    where
        F: Future<Output: Send> + Send + 'static,
        D: Done<F::Output>,
    {
        let inside = self.watches.then(Inside::default);
        let Some((place, label)) = self.enlist(kind, label, inside.clone()) else {
            return Err((future, done));
        };
        let ticket = Ticket::new(Arc::clone(self), place, label.clone(), done);
        let task = rt.spawn_from(label.site(), Enlisted::new(future, ticket, inside));
        self.started(place, OwnedTask::Async(task));
        Ok(place)
    }

    /// [`spawn`](Self::spawn) of a blocking function.
    pub(super) fn spawn_blocking<F, T, D>(
        self: &Arc<Self>,
        rt: &R,
        label: TaskLabel,
        function: F,
        done: D,
    ) -> Result<Place, (F, D)>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
        D: Done<T>,
    {
        let Some((place, label)) = self.enlist(Kind::Blocking, label, None) else {
            return Err((function, done));
        };
        let ticket = Ticket::new(Arc::clone(self), place, label.clone(), done);
        let task = rt.spawn_blocking_from(label.site(), enlisted::job(function, ticket));
        self.started(place, OwnedTask::Blocking(task));
        Ok(place)
    }

    fn enlist(&self, kind: Kind, label: TaskLabel, inside: Option<Inside>) -> Option<(Place, TaskLabel)> {
        let mut state = lock(&self.state);
        if state.intake > kind.last_intake() {
            state.counts.not_started += 1;
            return None;
        }
        let number = state.next_number;
        state.next_number += 1;
        state.blocking += usize::from(kind == Kind::Blocking);
        let label = label.numbered(number);
        let slot = state.tasks.insert(Entry { kind, label: label.clone(), task: None, told: None, inside });
        Some((Place { slot, number }, label))
    }

    /// Leaves the handle of a task that has been spawned. It may have ended since, or been told to.
    fn started(&self, place: Place, task: OwnedTask<R, ()>) {
        let mut state = lock(&self.state);
        match state.entry(place) {
            Some(entry) if entry.told.is_none() => entry.task = Some(task),
            Some(_) => {
                drop(state);
                task.abort();
            }
            // It has ended.
            None => drop(state),
        }
    }

    /// Tells a task to end, and tells whether it is there.
    pub(super) fn abort(&self, place: Place) -> bool {
        let mut state = lock(&self.state);
        let Some(entry) = state.entry(place) else { return false };
        let task = entry.tell(Told::Abort);
        drop(state);
        // Here, and wherever tasks are told: it may run destructors.
        if let Some(task) = task {
            task.abort();
        }
        true
    }

    /// Whether a task of this kind runs.
    pub(super) fn has(&self, kind: Kind) -> bool {
        lock(&self.state).tasks.iter().any(|(_, entry)| entry.kind == kind)
    }

    /// Whether nothing runs.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.state).tasks.is_empty()
    }

    /// From now on nothing is started, if nothing runs: what has become of all.
    pub(super) fn try_close(&self) -> Option<TaskCounts> {
        let mut state = lock(&self.state);
        if !state.tasks.is_empty() {
            return None;
        }
        state.intake = Intake::Closed;
        Some(state.counts)
    }

    /// Whether nothing runs but blocking functions.
    pub(super) fn has_only_blocking(&self) -> bool {
        let state = lock(&self.state);
        state.tasks.len() == state.blocking
    }

    /// Tells all tasks of the kinds that `ends` names to end. Those that are spawned meanwhile are not told: they have
    /// to be refused first.
    pub(super) fn tell_all(&self, ends: impl Fn(Kind) -> bool) {
        let mut state = lock(&self.state);
        let those = state.tasks.iter_mut().map(|(_, entry)| entry).filter(|entry| ends(entry.kind));
        let told: Vec<_> = those.filter_map(|entry| entry.tell(Told::Cancel)).collect();
        drop(state);
        for task in told {
            task.abort();
        }
    }

    /// From now on only shielded tasks are started, and what dropped owners leave.
    pub(super) fn refuse(&self) {
        self.restrict(Intake::Refusing);
    }

    /// From now on only what dropped owners leave is started.
    pub(super) fn refuse_shielded(&self) {
        self.restrict(Intake::Ending);
    }

    /// From now on nothing is started.
    pub(super) fn close(&self) {
        self.restrict(Intake::Closed);
    }

    fn restrict(&self, intake: Intake) {
        let mut state = lock(&self.state);
        state.intake = state.intake.max(intake);
    }

    /// From now on nothing is started, if nothing runs; else the owner is woken when the last has ended, and when the
    /// last that isn't blocking has.
    pub(super) fn close_if_idle(&self, waker: &Waker) -> bool {
        let own = waker.clone();
        let mut state = lock(&self.state);
        if state.tasks.is_empty() {
            state.intake = Intake::Closed;
            return true;
        }
        let before = state.owner.replace(own);
        drop(state);
        drop(before);
        false
    }

    /// Whether nothing runs; else the owner is woken when the last has ended, and when the last
    /// that isn't blocking has.
    pub(super) fn is_idle(&self, waker: &Waker) -> bool {
        let own = waker.clone();
        let mut state = lock(&self.state);
        let is_idle = state.tasks.is_empty();
        let before = if is_idle { None } else { state.owner.replace(own) };
        drop(state);
        drop(before);
        is_idle
    }

    /// The names of those that run, in the order in which they were spawned, and what they are at.
    pub(super) fn running(&self) -> Vec<(TaskLabel, Running)> {
        let state = lock(&self.state);
        let entries = state.tasks.iter().map(|(_, entry)| entry);
        let mut running: Vec<_> = entries.map(|entry| (entry.label.clone(), entry.running())).collect();
        drop(state);
        running.sort_unstable_by_key(|(label, _)| label.number());
        running
    }

    pub(super) fn counts(&self) -> TaskCounts {
        let state = lock(&self.state);
        TaskCounts { running: state.tasks.len(), ..state.counts }
    }

    /// Why a task was told to end, if it was.
    fn told(&self, place: Place) -> Option<Told> {
        lock(&self.state).entry(place)?.told
    }

    /// A task has ended, and nothing of it is left.
    fn leave(&self, place: Place, tally: Tally) {
        let mut state = lock(&self.state);
        let entry = state.entry(place).is_some().then(|| state.tasks.remove(place.slot));
        // What a dropped owner left is no task: its tasks are counted there.
        if tally == Tally::Panicked || entry.as_ref().is_some_and(|entry| entry.kind != Kind::Rest) {
            state.counts.note(tally);
        }
        state.blocking -= usize::from(entry.as_ref().is_some_and(|entry| entry.kind == Kind::Blocking));
        let owner = if state.tasks.len() == state.blocking { state.owner.take() } else { None };
        drop(state);
        drop(entry);
        if let Some(owner) = owner {
            owner.wake();
        }
    }
}

impl Kind {
    const fn last_intake(self) -> Intake {
        match self {
            Self::Plain | Self::Graceful | Self::Blocking => Intake::Open,
            Self::Shielded => Intake::Refusing,
            Self::Rest => Intake::Ending,
        }
    }
}

impl<R: Runtime> State<R> {
    fn entry(&mut self, place: Place) -> Option<&mut Entry<R>> {
        self.tasks.get_mut(place.slot).filter(|entry| entry.label.number() == place.number)
    }
}

impl<R: Runtime> Entry<R> {
    fn running(&self) -> Running {
        match &self.inside {
            // What it waits for are tasks of others, and functions.
            _ if self.kind == Kind::Rest => Running::Busy,
            Some(inside) if !inside.get() => Running::Waiting,
            _ => Running::Busy,
        }
    }

    /// Notes that it was told to end, and gives the handle through which to tell it.
    fn tell(&mut self, told: Told) -> Option<OwnedTask<R, ()>> {
        self.told.get_or_insert(told);
        mem::take(&mut self.task)
    }
}

/// How a task that has left is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tally {
    Finished,
    Failed,
    Panicked,
    Aborted,
    Cancelled,
    NotStarted,
    Lost,
}

impl TaskCounts {
    const fn note(&mut self, tally: Tally) {
        match tally {
            Tally::Finished => self.finished += 1,
            Tally::Failed => self.failed += 1,
            Tally::Panicked => self.panicked += 1,
            Tally::Aborted => self.aborted += 1,
            Tally::Cancelled => self.cancelled += 1,
            Tally::NotStarted => self.not_started += 1,
            Tally::Lost => self.lost += 1,
        }
    }

    /// Whether something was cut off, or never ran.
    pub(super) const fn is_cut(&self) -> bool {
        self.cancelled > 0 || self.not_started > 0
    }
}

impl TaskLabel {
    fn site(&self) -> SpawnSite<'_> {
        SpawnSite::new(self.name(), self.location())
    }
}
