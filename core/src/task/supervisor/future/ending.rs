//! How a supervisor ends: with a report, or halfway.

use super::{Phase, RunSupervisor};
use crate::primitives::lock;
use crate::runtime::backend::{Contained, quietly};
use crate::runtime::{JoinError, Runtime};
use crate::task::supervisor::error::GaveUp;
use crate::task::supervisor::events::{ChildExit, SupervisorEvent};
use crate::task::supervisor::inbox::Message;
use crate::task::supervisor::report::{SupervisorEnd, SupervisorReport};
use crate::task::supervisor::state::Ending;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many names of children that were overdue are kept: a supervisor may live for long.
const OVERDUE_NAMES: usize = 64;

/// What goes into the report.
pub(super) struct Tally<E> {
    pub(super) end: Option<SupervisorEnd>,
    pub(super) starts: u64,
    pub(super) restarts: u64,
    finished: u64,
    failed: u64,
    panicked: u64,
    aborted: u64,
    lost: u64,
    overdue: VecDeque<Arc<str>>,
    overdue_total: u64,
    pub(super) given_up_on: Option<(Arc<str>, Arc<ChildExit<E>>)>,
}

impl<E> Default for Tally<E> {
    fn default() -> Self {
        Self {
            end: None,
            starts: 0,
            restarts: 0,
            finished: 0,
            failed: 0,
            panicked: 0,
            aborted: 0,
            lost: 0,
            overdue: VecDeque::new(),
            overdue_total: 0,
            given_up_on: None,
        }
    }
}

impl<E> Tally<E> {
    pub(super) fn count(&mut self, exit: &ChildExit<E>) {
        let count = match exit {
            ChildExit::Finished => &mut self.finished,
            ChildExit::Failed(_) => &mut self.failed,
            ChildExit::Panicked(_) => &mut self.panicked,
            ChildExit::Aborted => &mut self.aborted,
            ChildExit::RuntimeEnded => &mut self.lost,
        };
        *count += 1;
    }

    /// A child has not stopped within its limit.
    pub(super) fn is_overdue(&mut self, name: &Arc<str>) {
        self.overdue_total += 1;
        if self.overdue.len() == OVERDUE_NAMES {
            self.overdue.pop_front();
        }
        self.overdue.push_back(Arc::clone(name));
    }
}

impl<R: Runtime, E: Send + Sync + 'static> RunSupervisor<R, E> {
    /// From now on nothing is started, nor added.
    pub(super) fn begin_end(&mut self, ending: Ending) {
        lock(&self.open.shared.registry).close();
        // What was added before that, and not told yet, was never started.
        self.take_added();
        match ending {
            Ending::Requested => {}
            Ending::Significant(id) => {
                let child = self.children.get(&id);
                self.tally.end = child.map(|child| SupervisorEnd::Significant(Arc::clone(&child.name)));
            }
            Ending::GaveUp(id) => {
                self.tally.end = Some(SupervisorEnd::GaveUp);
                let child = self.children.get(&id);
                self.tally.given_up_on =
                    child.and_then(|child| Some((Arc::clone(&child.name), child.exit.clone()?)));
                self.tell(id, |child| SupervisorEvent::GaveUp { child });
            }
        }
    }

    /// All children have ended.
    pub(super) fn finish(&mut self) -> Result<SupervisorReport, GaveUp<E>> {
        self.phase = Phase::Ended;
        self.timer = None;
        if let Some(events) = self.events.take() {
            quietly(|| drop(events.send(SupervisorEvent::Stopped)));
            quietly(|| drop(events));
        }
        let never_started = self.machine.never_started();
        let never_started = never_started
            .filter_map(|id| self.children.get(&id).map(|child| Arc::clone(&child.name)))
            .collect();
        let tally = &mut self.tally;
        let report = SupervisorReport {
            end: tally.end.take().unwrap_or(SupervisorEnd::Stopped),
            starts: tally.starts,
            restarts: tally.restarts,
            finished: tally.finished,
            failed: tally.failed,
            panicked: tally.panicked,
            aborted: tally.aborted,
            lost: tally.lost,
            overdue: std::mem::take(&mut tally.overdue).into(),
            overdue_total: tally.overdue_total,
            never_started,
        };
        let given_up_on = tally.given_up_on.take();
        // Now, and not with the future: who waits for a removal waits for no more, and what factories hold is gone.
        let children = std::mem::take(&mut self.children);
        for message in self.open.shared.close() {
            match message {
                // It has come in this very moment.
                Message::Left(_, tasks, rest) => self.parent.pass_on(tasks, rest),
                other => quietly(|| drop(other)),
            }
        }
        drop(children);
        match given_up_on {
            None => Ok(report),
            Some((child, exit)) => Err(GaveUp {
                supervisor: Arc::clone(&self.open.shared.name),
                child,
                exit,
                intensity: self.intensity.0,
                period: self.intensity.1,
                report: Box::new(report),
            }),
        }
    }

    /// What it waits for, in a few words.
    pub(super) fn describe(&self) -> String {
        let (name, running) = (&self.open.shared.name, self.running.len());
        let awaited = self.machine.awaited().and_then(|id| self.children.get(&id));
        match awaited {
            Some(child) => format!("supervisor \"{name}\": {running} children, awaits \"{}\"", child.name),
            None => format!("supervisor \"{name}\": {running} children"),
        }
    }
}

impl<R: Runtime, E: Send + Sync + 'static> Drop for RunSupervisor<R, E> {
    /// Dropped early, what runs is aborted and handed to the parent: the tasks of children by their set, and here what
    /// children have left behind. What they leave from now on goes there by itself.
    fn drop(&mut self) {
        let mut count: usize = self.left_of.values().map(|left| left.tasks).sum();
        let mut left = self.left.take_futures();
        let mut rests = Vec::new();
        for message in self.open.shared.close() {
            match message {
                Message::Left(_, tasks, rest) => {
                    count += tasks;
                    rests.push(Contained::new(rest));
                }
                other => quietly(|| drop(other)),
            }
        }
        if left.is_empty() && rests.is_empty() {
            return;
        }
        self.parent.take_over(count, async move {
            let mut panic = None;
            let mut note = |outcome: Result<(), JoinError>| match outcome {
                Err(JoinError::Panicked(first)) if panic.is_none() => panic = Some(first),
                other => quietly(|| drop(other)),
            };
            while let Some((_, outcome)) = std::future::poll_fn(|cx| left.poll_next(cx)).await {
                note(outcome.into_result());
            }
            for rest in rests {
                note(rest.await.into_result());
            }
            // When all have ended: it is the parent's.
            if let Some(panic) = panic {
                panic.resume();
            }
        });
    }
}
