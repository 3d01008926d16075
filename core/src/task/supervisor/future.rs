//! A supervisor that runs: does what its machine says, and tells it what happens.

mod child;
mod ending;

use super::child::ChildContext;
use super::error::GaveUp;
use super::events::{ChildExit, SupervisorEvent};
use super::inbox::Message;
use super::policy::StopLimit;
use super::report::{SupervisorEnd, SupervisorReport};
use super::state::{Command, ExitKind, Id, Machine};
use super::{Open, Supervisor};
use crate::channel::broadcast;
use crate::future::KeyedSet;
use crate::instant::Instant;
use crate::limit::Limit;
use crate::primitives::lock;
use crate::probe;
use crate::runtime::backend::{Contained, quietly};
use crate::runtime::{JoinError, Runtime, Sleep, SpawnSite};
use crate::task::cancel_token::{CancelToken, CancelledOwned};
use crate::task::join_set::JoinSet;
use crate::task::parent::{Guardian, Parent, Rest};
use child::Child;
use ending::Tally;
use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// How many commands are done, and outcomes taken, in one poll.
const TURN: usize = 128;

type Outcome<E> = Result<Result<(), E>, JoinError>;

/// The future of [`Supervisor::run`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct RunSupervisor<R: Runtime, E: Send + Sync + 'static> {
    rt: R,
    open: Open<R, E>,
    machine: Machine,
    intensity: (u32, std::time::Duration),
    children: BTreeMap<Id, Child<R, E>>,
    running: JoinSet<R, Id, Result<(), E>>,
    // What children that have ended, or not, have left behind of what they owned.
    left: KeyedSet<(Id, u64), Contained<Rest>>,
    left_of: BTreeMap<Id, Left>,
    next_left: u64,
    // Those that have ended, but for what they have left behind; and when.
    held: BTreeMap<Id, (Outcome<E>, Instant)>,
    parent: Arc<Guardian>,
    parent_cancelled: CancelledOwned,
    timer: Option<Timer<R>>,
    on_started: Option<Box<dyn FnOnce() + Send>>,
    events: Option<broadcast::Sender<SupervisorEvent<E>>>,
    tally: Tally<E>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Begun,
    Finished,
    Ended,
}

/// What a child has left behind: in how many pieces, of how many tasks.
#[derive(Default)]
struct Left {
    pieces: usize,
    tasks: usize,
}

struct Timer<R: Runtime> {
    sleep: Pin<Box<R::Sleep>>,
    at: Instant,
}

impl<R: Runtime, E: Send + Sync + 'static> RunSupervisor<R, E> {
    pub(super) fn new(supervisor: Supervisor<R, E>, parent: &impl Parent<Runtime = R>) -> Self {
        let Supervisor { open, machine, intensity, on_started } = supervisor;
        let guardian = Arc::new(parent.guardian());
        open.shared.inbox.set_parent(Arc::clone(&guardian));
        Self {
            rt: parent.runtime().clone(),
            machine,
            intensity,
            children: BTreeMap::new(),
            running: JoinSet::keyed(parent),
            left: KeyedSet::new(Limit::MAX),
            left_of: BTreeMap::new(),
            next_left: 0,
            held: BTreeMap::new(),
            parent_cancelled: guardian.token().clone().cancelled_owned(),
            parent: guardian,
            timer: None,
            on_started,
            events: open.shared.event_sender(),
            tally: Tally::default(),
            phase: Phase::New,
            open,
        }
    }

    /// What has been asked for. Before anything else is done: a stop signal comes first.
    fn hear(&mut self) {
        if self.parent.token().is_cancelled() {
            if let Some(reason) = self.parent.token().reason() {
                self.tally.end.get_or_insert(SupervisorEnd::Cancelled(reason));
            }
            self.machine.stop(self.rt.now());
        }
        let messages = self.open.shared.inbox.take();
        // Who is to be removed has been added before, though that may not have been told yet.
        let is_about_added = |message: &_| matches!(message, Message::Added | Message::Remove(..));
        if self.phase == Phase::New || messages.iter().any(is_about_added) {
            self.take_added();
        }
        messages.into_iter().for_each(|message| self.take_in(message));
    }

    fn take_added(&mut self) {
        let added = lock(&self.open.shared.registry).take_added();
        for (id, spec) in added {
            let rules = spec.rules;
            let child = Child {
                name: Arc::clone(&spec.name),
                stop: rules.stop,
                handshake: rules.handshake,
                location: spec.location,
                runs: 0,
                token: None,
                late_panic: None,
                exit: None,
                removals: Vec::new(),
                factory: Some(spec.into_factory()),
            };
            self.children.insert(id, child);
            self.machine.add(id, rules, self.rt.now());
        }
    }

    fn take_in(&mut self, message: Message) {
        match message {
            Message::Added => {}
            Message::Ready(id, run) => self.machine.ready(id, run, self.rt.now()),
            Message::Left(id, tasks, rest) => {
                let key = (id, self.next_left);
                self.next_left += 1;
                if self.left.try_insert(key, Contained::new(rest)).is_err() {
                    unreachable!("each has a key of its own, and there is a place for any number");
                }
                let left = self.left_of.entry(id).or_default();
                left.pieces += 1;
                left.tasks += tasks;
            }
            Message::Remove(id, done) => {
                if let Some(child) = self.children.get_mut(&id) {
                    child.removals.push(done);
                    self.machine.remove(id, self.rt.now());
                } else {
                    quietly(|| drop(done));
                }
            }
            Message::Stop => {
                self.tally.end.get_or_insert(SupervisorEnd::Stopped);
                self.machine.stop(self.rt.now());
            }
        }
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Start(id) => self.start(id),
            Command::Cancel(id) => {
                if let Some(guard) = self.children.get(&id).and_then(|child| child.token.as_ref()) {
                    // Wakers are foreign code.
                    quietly(|| guard.token().cancel_with("its supervisor stops it"));
                }
            }
            Command::Abort(id) => {
                // It may have ended in time, and not have been seen yet, or be held for what it has left behind.
                if self.running.abort_running(&id)
                    && let Some(child) = self.children.get(&id)
                    && child.stop != StopLimit::Brutal
                {
                    self.tally.is_overdue(&child.name);
                }
            }
            Command::Restarting(id, after) => {
                self.tally.restarts += 1;
                self.tell(id, |child| SupervisorEvent::Restarting { child, after });
            }
            Command::Forget(id) => {
                if let Some(child) = self.children.remove(&id) {
                    lock(&self.open.shared.registry).forget(&child.name);
                    // Only now: who waits for its removal may take its name.
                    drop(child);
                }
            }
            Command::Up => {
                if let Some(hook) = self.on_started.take() {
                    hook();
                }
            }
            Command::Ending(ending) => self.begin_end(ending),
            Command::Finish => self.phase = Phase::Finished,
        }
    }

    fn start(&mut self, id: Id) {
        let Some(child) = self.children.get_mut(&id) else { return };
        child.runs += 1;
        let token = CancelToken::new();
        child.token = Some(token.clone().drop_guard());
        let context = ChildContext {
            rt: self.rt.clone(),
            name: Arc::clone(&child.name),
            token,
            id,
            run: child.runs,
            has_said: child.handshake.then(Arc::default),
            inbox: Arc::clone(&self.open.shared.inbox),
        };
        let (name, location, run, handshake) =
            (Arc::clone(&child.name), child.location, child.runs, child.handshake);
        let made = match &mut child.factory {
            Some(factory) => catch_unwind(AssertUnwindSafe(|| factory(context))),
            None => return,
        };
        self.tally.starts += 1;
        self.tell(id, |child| SupervisorEvent::Started { child, restarts: run - 1 });
        match made {
            Ok(future) => {
                self.running.start(id, future, SpawnSite::new(Some(&name), location));
                if !handshake {
                    self.machine.ready(id, run, self.rt.now());
                }
            }
            Err(payload) => self.ended(id, Err(JoinError::panicked(payload)), self.rt.now()),
        }
    }

    /// A child's task has ended.
    fn ended(&mut self, id: Id, outcome: Outcome<E>, at: Instant) {
        // It may have ended because the supervisor is to stop; and what it has left behind is there by now.
        self.hear();
        // What it has left behind may wait for that.
        let token = self.children.get_mut(&id).and_then(|child| child.token.take());
        quietly(|| drop(token));
        if self.left_of.contains_key(&id) {
            self.held.insert(id, (outcome, at));
        } else {
            self.conclude(id, outcome, at);
        }
    }

    /// Nothing is left of a run, which has ended at that time.
    fn conclude(&mut self, id: Id, mut outcome: Outcome<E>, at: Instant) {
        let late_panic = self.children.get_mut(&id).and_then(|child| child.late_panic.take());
        match (&outcome, late_panic) {
            (Ok(Ok(())), Some(panic)) => outcome = Err(JoinError::Panicked(panic)),
            (_, late_panic) => quietly(|| drop(late_panic)),
        }
        let exit = Arc::new(ChildExit::new(outcome));
        let kind = match &*exit {
            ChildExit::Finished => ExitKind::Finished,
            ChildExit::RuntimeEnded => ExitKind::RuntimeEnded,
            ChildExit::Failed(_) | ChildExit::Panicked(_) | ChildExit::Aborted => ExitKind::Failed,
        };
        self.tally.count(&exit);
        self.tell(id, |child| SupervisorEvent::Exited { child, exit: Arc::clone(&exit) });
        if let Some(child) = self.children.get_mut(&id) {
            let before = child.exit.replace(exit);
            quietly(|| drop(before));
        }
        let random = self.rt.random_u64();
        self.machine.exited(id, kind, at, self.rt.now(), random);
    }

    fn tell(&self, id: Id, event: impl FnOnce(Arc<str>) -> SupervisorEvent<E>) {
        if let Some(child) = self.children.get(&id)
            && let Some(events) = &self.events
            && events.receiver_count() > 0
        {
            // Nobody may be left to hear it.
            quietly(|| drop(events.send(event(Arc::clone(&child.name)))));
        }
    }

    /// What children leave behind; whether something of it has ended.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> bool {
        let Poll::Ready(Some(((id, _), outcome))) = self.left.poll_set(cx) else { return false };
        // It is the child's, in which that was.
        if let Err(JoinError::Panicked(panic)) = outcome.into_result()
            && let Some(child) = self.children.get_mut(&id)
        {
            let before = child.late_panic.replace(panic);
            quietly(|| drop(before));
        }
        let is_last = self.left_of.get_mut(&id).is_none_or(|left| {
            left.pieces -= 1;
            left.pieces == 0
        });
        if is_last {
            self.left_of.remove(&id);
            if let Some((outcome, at)) = self.held.remove(&id) {
                self.ended(id, outcome, at);
            }
        }
        true
    }

    /// Whether it is time for something.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at) = self.machine.next_timer() else {
            self.timer = None;
            return false;
        };
        let timer = match &mut self.timer {
            Some(timer) => {
                if mem::replace(&mut timer.at, at) != at {
                    timer.sleep.as_mut().reset(at);
                }
                timer
            }
            none => none.insert(Timer { sleep: Box::pin(self.rt.sleep_until(at)), at }),
        };
        if timer.sleep.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.timer = None;
        self.machine.timer(self.rt.now());
        true
    }

    /// A turn may be full of commands. What has ended, is left or is due gets on all the same.
    fn look_around(&mut self, cx: &mut Context<'_>) {
        self.hear();
        if let Poll::Ready(Some((id, outcome))) = self.running.poll_join_next(cx) {
            self.ended(id, outcome, self.rt.now());
        }
        self.poll_left(cx);
        self.poll_timer(cx);
    }

    /// Does all that can be done; whether it has to go on soon.
    fn advance(&mut self, cx: &mut Context<'_>) -> Turn {
        self.look_around(cx);
        for _ in 0..TURN {
            self.hear();
            if self.phase == Phase::New {
                self.phase = Phase::Begun;
                self.machine.begin(self.rt.now());
            }
            if let Some(command) = self.machine.next_command() {
                self.execute(command);
            } else if let Poll::Ready(Some((id, outcome))) = self.running.poll_join_next(cx) {
                self.ended(id, outcome, self.rt.now());
            } else if self.phase == Phase::Finished && self.left.is_empty() {
                return Turn::Finished;
            } else if !self.poll_left(cx) && !self.poll_timer(cx) {
                let is_stopping = self.tally.end.is_some();
                if is_stopping || Pin::new(&mut self.parent_cancelled).poll(cx).is_pending() {
                    return Turn::Rests;
                }
            }
        }
        Turn::GoesOn
    }
}

enum Turn {
    Rests,
    GoesOn,
    Finished,
}

impl<R: Runtime, E: Send + Sync + 'static> Future for RunSupervisor<R, E> {
    type Output = Result<SupervisorReport, GaveUp<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(self.phase != Phase::Ended, "a supervisor was polled after it had ended");
        match self.advance(cx) {
            Turn::Finished => return Poll::Ready(self.finish()),
            Turn::GoesOn => cx.waker().wake_by_ref(),
            Turn::Rests => {
                if !self.open.shared.inbox.rest(cx.waker()) {
                    cx.waker().wake_by_ref();
                }
            }
        }
        probe::waiting(|| self.describe());
        Poll::Pending
    }
}

impl<R: Runtime, E: Send + Sync + 'static> fmt::Debug for RunSupervisor<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunSupervisor")
            .field("name", &self.open.shared.name)
            .field("phase", &self.phase)
            .field("running", &self.running.len())
            .finish_non_exhaustive()
    }
}

// Futures of children are in tasks, and what they leave behind is boxed.
impl<R: Runtime, E: Send + Sync + 'static> Unpin for RunSupervisor<R, E> {}
