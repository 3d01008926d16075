//! What a child's end means for the others.

use super::{AutoShutdown, Command, Ending, Id, Machine, Restart, State, Strategy};
use crate::instant::Instant;

/// A group on its way down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep {
    pub(super) from: Id,
    pub(super) not_before: Instant,
}

impl Machine {
    /// A child has failed at `at`.
    pub(super) fn restart(&mut self, id: Id, at: Instant, now: Instant, random: u64) {
        if self.intensity.is_exceeded_by_one(at) {
            self.end(Ending::GaveUp(id), now);
            return;
        }
        let Some(child) = self.children.get_mut(&id) else { return };
        let delay = self.rules.delay.after(child.failures, random);
        child.failures = child.failures.saturating_add(1);
        self.commands.push_back(Command::Restarting(id, delay));
        let not_before = at + delay;
        match self.rules.strategy {
            Strategy::OneForOne | Strategy::Dynamic => self.wait(id, not_before, now),
            Strategy::OneForAll => self.sweep(Sweep { from: Id::MIN, not_before }, now),
            Strategy::RestForOne => self.sweep(Sweep { from: id, not_before }, now),
        }
    }

    fn sweep(&mut self, wanted: Sweep, now: Instant) {
        // Whoever waits for longer, by an earlier failure, goes on waiting for that.
        let from = self.sweep.map_or(wanted.from, |sweep| sweep.from.min(wanted.from));
        let sweep = Sweep { from, ..wanted };
        self.sweep = Some(sweep);
        self.commands.retain(|command| !matches!(command, Command::Start(id) if *id >= from));
        let rest: Vec<_> = self.children.range(sweep.from..).map(|(&id, child)| (id, child.state)).collect();
        for (id, state) in rest {
            match state {
                State::Due | State::Ended => self.wait(id, sweep.not_before, now),
                State::Waiting { not_before } => self.wait(id, sweep.not_before.max(not_before), now),
                State::Starting | State::Running | State::Stopping { .. } => {}
            }
        }
    }

    /// A child has ended by itself, and is not to be restarted for that.
    pub(super) fn has_ended(&mut self, id: Id, now: Instant) {
        let Some(child) = self.children.get(&id) else { return };
        let rules = child.rules;
        self.await_no_longer(id);
        self.pending.remove(&id);
        self.count_out(id);
        let is_enough = match self.rules.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            AutoShutdown::AllSignificant => self.significant == 0,
        };
        // A restart of its group starts it again, where it may be started again at all.
        let is_kept = rules.restart == Restart::Transient
            && matches!(self.rules.strategy, Strategy::OneForAll | Strategy::RestForOne);
        if rules.significant && is_enough {
            self.end(Ending::Significant(id), now);
        } else if !is_kept {
            self.forget(id);
        }
    }

    pub(super) fn go_on_sweeping(&mut self, now: Instant) {
        let Some(Sweep { from, .. }) = self.sweep else { return };
        match self.living.range(from..).next_back() {
            None => self.sweep = None,
            Some(&last) if !self.stopping.contains(&last) => self.stop_child(last, now),
            Some(_) => {}
        }
    }
}
