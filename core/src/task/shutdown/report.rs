//! What a shutdown tells.

use super::state::{Machine, Phase};
use crate::instant::Instant;
use crate::runtime::Panic;
use crate::task::cancel_token::CancelReason;
use crate::task::roster::{End, Running, Tally, TaskLabel};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// How a [`Shutdown`](super::Shutdown) went: each task that ran when it began, or was started since, is in one of the
/// lists.
#[derive(Debug)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Why it began.
    pub reason: CancelReason,
    /// Whether a second signal has cut it short.
    pub forced: bool,
    /// How long it took from the first signal on.
    pub elapsed: Duration,
    /// Those that ended by themselves while it drained, in this order.
    pub finished: Vec<TaskLabel>,
    /// Those that ended by themselves in the grace.
    pub cancelled: Vec<TaskLabel>,
    /// Those that had to be aborted. Nothing is left of them.
    pub aborted: Vec<TaskLabel>,
    /// Those that panicked.
    pub panicked: Vec<(TaskLabel, Panic)>,
    /// Those that still run, and can't be made to stop: blocking functions; tasks that were aborted and are inside a
    /// poll, or a destructor, that has not come back; and what dropped owners have left of that kind.
    pub still_blocking: Vec<TaskLabel>,
    /// Those that were aborted, run no more, and have not been dropped: the runtime has not come to them, as all its
    /// threads are in the hands of what is in [`still_blocking`](Self::still_blocking).
    pub still_aborting: Vec<TaskLabel>,
    /// How many were to be started, and were given back.
    pub refused: u64,
}

/// What has ended since the first signal.
#[derive(Default)]
pub(super) struct Lists {
    finished: Vec<TaskLabel>,
    cancelled: Vec<TaskLabel>,
    aborted: Vec<TaskLabel>,
    panicked: Vec<(TaskLabel, Panic)>,
}

impl Lists {
    /// Gives back what is not wanted any more: its destructor is foreign code.
    pub(super) fn note(
        &mut self,
        phase: Phase,
        has_begun: bool,
        label: TaskLabel,
        end: End<()>,
    ) -> (Tally, Option<Panic>) {
        let (tally, list) = match end {
            End::Panicked(panic) if !has_begun => return (Tally::Panicked, Some(panic)),
            End::Panicked(panic) => {
                self.panicked.push((label, panic));
                return (Tally::Panicked, None);
            }
            End::Value(()) if phase >= Phase::Cancelling => (Tally::Finished, &mut self.cancelled),
            End::Value(()) => (Tally::Finished, &mut self.finished),
            End::Aborted | End::Cancelled => (Tally::Cancelled, &mut self.aborted),
            End::NotStarted => return (Tally::NotStarted, None),
            End::Lost => (Tally::Lost, &mut self.aborted),
        };
        if has_begun {
            list.push(label);
        }
        (tally, None)
    }

    fn numbers(&self) -> impl Iterator<Item = u64> {
        let ended = [&self.finished, &self.cancelled, &self.aborted].into_iter().flatten();
        ended.chain(self.panicked.iter().map(|(label, _)| label)).map(TaskLabel::number)
    }

    /// The report, with what still runs.
    pub(super) fn report(
        &mut self,
        machine: &Machine,
        reason: CancelReason,
        now: Instant,
        running: Vec<(TaskLabel, Running)>,
        refused: u64,
    ) -> ShutdownReport {
        let lists = std::mem::take(self);
        // Those that have been noted and are about to leave.
        let ended: BTreeSet<_> = if running.is_empty() { BTreeSet::new() } else { lists.numbers().collect() };
        let mut still =
            running.into_iter().filter(|(label, _)| !ended.contains(&label.number())).collect::<Vec<_>>();
        let aborting = still.extract_if(.., |(_, running)| *running == Running::Waiting);
        let still_aborting = aborting.map(|(label, _)| label).collect();
        ShutdownReport {
            reason,
            forced: machine.is_forced(),
            elapsed: machine.elapsed(now),
            finished: lists.finished,
            cancelled: lists.cancelled,
            aborted: lists.aborted,
            panicked: lists.panicked,
            still_blocking: still.into_iter().map(|(label, _)| label).collect(),
            still_aborting,
            refused,
        }
    }
}

impl ShutdownReport {
    /// Whether all have ended by themselves.
    pub fn is_clean(&self) -> bool {
        let all = [&self.aborted, &self.still_blocking, &self.still_aborting];
        self.panicked.is_empty() && all.iter().all(|list| list.is_empty())
    }
}

/// The counts, and the names of those that did not end by themselves.
impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} finished, {} cancelled", self.reason, self.finished.len(), self.cancelled.len())?;
        write_list(f, "aborted", self.aborted.iter())?;
        write_list(f, "panicked", self.panicked.iter().map(|(label, _)| label))?;
        if !self.still_blocking.is_empty() {
            write_list(f, "still blocking", self.still_blocking.iter())?;
        }
        if !self.still_aborting.is_empty() {
            write_list(f, "still aborting", self.still_aborting.iter())?;
        }
        Ok(())
    }
}

/// How many names are written of a list that has more.
const NAMED: usize = 10;

fn write_list<'a>(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    mut labels: impl ExactSizeIterator<Item = &'a TaskLabel>,
) -> fmt::Result {
    let count = labels.len();
    write!(f, ", {count} {what}")?;
    for (number, label) in labels.by_ref().take(NAMED).enumerate() {
        write!(f, "{}{label}", if number == 0 { " (" } else { ", " })?;
    }
    match count {
        0 => Ok(()),
        1..=NAMED => f.write_str(")"),
        _ => write!(f, " and {} more)", count - NAMED),
    }
}
