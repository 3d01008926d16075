//! How children are told to stop, and that the supervisor stops.

use super::{Command, Ending, Id, Machine, Phase, State, StopLimit, Strategy};
use crate::instant::Instant;

impl Machine {
    pub(super) fn stop_child(&mut self, id: Id, now: Instant) {
        let Some(child) = self.children.get_mut(&id) else { return };
        let abort_at = match child.rules.stop {
            StopLimit::Within(limit) => now + limit,
            StopLimit::Brutal => now,
            StopLimit::Unlimited => Instant::MAX,
        };
        child.state = State::Stopping { abort_at };
        let is_told = child.rules.stop != StopLimit::Brutal;
        self.stopping.insert(id);
        if is_told {
            self.commands.push_back(Command::Cancel(id));
        }
        if abort_at <= now {
            self.commands.push_back(Command::Abort(id));
        } else if abort_at != Instant::MAX {
            self.timers.insert((abort_at, id));
        }
    }

    pub(super) fn end(&mut self, ending: Ending, now: Instant) {
        self.phase = Phase::Stopping;
        self.sweep = None;
        self.pending.clear();
        let stopping = &self.stopping;
        self.timers.retain(|(_, id)| stopping.contains(id));
        // Nobody is started any more, nor is anything up.
        self.commands.retain(|command| !matches!(command, Command::Start(_) | Command::Up));
        self.commands.push_back(Command::Ending(ending));
        if self.rules.strategy == Strategy::Dynamic {
            let rest: Vec<_> = self.living.difference(&self.stopping).copied().collect();
            rest.into_iter().rev().for_each(|id| self.stop_child(id, now));
        }
    }
}
