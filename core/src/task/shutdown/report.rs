//! What a shutdown tells.

use super::state::{Machine, Phase};
use crate::instant::Instant;
use crate::runtime::Panic;
use crate::task::cancel_token::CancelReason;
use crate::task::roster::{End, Tally, TaskLabel};
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
    /// Those that had to be aborted.
    pub aborted: Vec<TaskLabel>,
    /// Those that panicked.
    pub panicked: Vec<(TaskLabel, Panic)>,
    /// Those that still run: blocking functions, and tasks that block in a poll.
    pub still_blocking: Vec<TaskLabel>,
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
        mut running: Vec<TaskLabel>,
        refused: u64,
    ) -> ShutdownReport {
        let lists = std::mem::take(self);
        // Those that have been noted and are about to leave.
        let ended: BTreeSet<_> = if running.is_empty() { BTreeSet::new() } else { lists.numbers().collect() };
        running.retain(|label| !ended.contains(&label.number()));
        ShutdownReport {
            reason,
            forced: machine.is_forced(),
            elapsed: machine.elapsed(now),
            finished: lists.finished,
            cancelled: lists.cancelled,
            aborted: lists.aborted,
            panicked: lists.panicked,
            still_blocking: running,
            refused,
        }
    }
}

impl ShutdownReport {
    /// Whether all have ended by themselves.
    pub fn is_clean(&self) -> bool {
        self.aborted.is_empty() && self.panicked.is_empty() && self.still_blocking.is_empty()
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
