//! What disturbs a run: faults, and hosts that pause and crash.

use super::{Executor, Slot, Stuck};
use crate::clock::Due;
use crate::faults::Active;
use crate::kernel::{Command, Kernel};
use crate::net::NetFaults;
use crate::task::ROOT;
use crate::trace::What;
use backstay_core::time::Instant;
use std::mem;
use std::sync::Arc;

/// The hosts that stand still.
#[derive(Debug, Default)]
pub(super) struct Paused {
    by_user: Vec<u32>,
    by_faults: Vec<u32>,
    // The host that a fault has let go last: it gets a poll before it is paused again, or a fault that always
    // strikes would stop everything.
    spared: Option<u32>,
}

impl Paused {
    /// Whether there is anything to be asked.
    #[inline]
    pub(super) const fn is_anybody(&self) -> bool {
        !(self.by_user.is_empty() && self.by_faults.is_empty() && self.spared.is_none())
    }

    pub(super) fn has(&self, host: u32) -> bool {
        self.by_user.contains(&host) || self.by_faults.contains(&host)
    }

    /// A task of this host is polled.
    pub(super) fn polled(&mut self, host: u32) {
        if self.spared == Some(host) {
            self.spared = None;
        }
    }
}

impl Executor {
    /// Lets the faults of a turn strike.
    pub(super) fn strike(&mut self, kernel: &Arc<Kernel>, place: u32) -> Result<(), Stuck> {
        let Some(slot) = &self.slots[place as usize] else { return Ok(()) };
        let (task, host) = (slot.task.id, slot.task.host);
        if self.faults.dice.strikes(self.faults.spurious_polls) {
            self.schedule_anyone(kernel);
        }
        if let Some(pause) = Active::strikes_for(&mut self.faults.dice, &self.faults.host_pauses)
            && place != ROOT
            && !self.paused.has(host)
            && self.paused.spared != Some(host)
        {
            self.trace.push(kernel.now(), u64::from(host), What::HostPaused);
            self.paused.by_faults.push(host);
            kernel.timers().set(kernel.now() + pause, Due::Resume(host));
        }
        if let Some(delay) = Active::strikes_for(&mut self.faults.dice, &self.faults.slow_polls) {
            self.trace.push(kernel.now(), task, What::SlowPoll);
            self.move_on(kernel, kernel.now() + delay)?;
        }
        Ok(())
    }

    /// Schedules a task that nobody has woken: any of those that wait.
    fn schedule_anyone(&mut self, kernel: &Kernel) {
        let place = self.faults.dice.below(self.slots.len() as u32);
        if let Some(slot) = &self.slots[place as usize]
            && slot.task.schedule()
        {
            self.trace.push(kernel.now(), slot.task.id, What::SpuriousPoll);
            self.uninvited.push(place);
            self.ready.push(place);
        }
    }

    /// Where the clock moves to instead of to `at`: there, or somewhere after it.
    pub(super) fn jump(&mut self, kernel: &Kernel, at: Instant) -> Instant {
        if !self.faults_are_on {
            return at;
        }
        match Active::strikes_for(&mut self.faults.dice, &self.faults.clock_jumps) {
            Some(by) => {
                self.trace.push(kernel.now(), 0, What::ClockJumped);
                at + by
            }
            None => at,
        }
    }

    /// From here on nothing goes wrong any more: what faults hold back comes at once.
    pub(super) fn end_faults(&mut self, kernel: &Arc<Kernel>) {
        self.faults_are_on = false;
        let delayed = kernel.timers().take_delayed();
        for due in delayed {
            self.happen(kernel, due);
        }
        if kernel.is_networked() {
            kernel.change_network(|network, now| {
                network.set_faults(NetFaults::default());
                network.end_outages(now);
            });
        }
    }

    /// The world is whole: what the test itself has paused and parted goes on too.
    pub(super) fn heal(&mut self, kernel: &Arc<Kernel>) {
        for host in mem::take(&mut self.paused.by_user) {
            self.resumed(kernel, host);
        }
        if kernel.is_networked() {
            kernel.change_network(|network, now| network.heal_all(now));
        }
    }

    pub(super) fn obey(&mut self, kernel: &Arc<Kernel>, command: Command) {
        match command {
            Command::Crash { host, up_to } => self.crash(kernel, host, up_to),
            Command::Pause(host) => {
                if !self.paused.by_user.contains(&host) {
                    self.trace.push(kernel.now(), u64::from(host), What::HostPaused);
                    self.paused.by_user.push(host);
                }
            }
            Command::Resume(host) => {
                self.paused.by_user.retain(|&paused| paused != host);
                self.resumed(kernel, host);
            }
        }
    }

    /// The pause of a fault is over.
    pub(super) fn fault_lets_go(&mut self, kernel: &Kernel, host: u32) {
        self.paused.by_faults.retain(|&paused| paused != host);
        self.paused.spared = Some(host);
        self.resumed(kernel, host);
    }

    fn resumed(&mut self, kernel: &Kernel, host: u32) {
        self.trace.push(kernel.now(), u64::from(host), What::HostResumed);
        // Those of hosts that are still paused come back here by themselves.
        for place in mem::take(&mut self.parked) {
            self.ready.push(place);
        }
    }

    /// Drops the tasks of a host with numbers up to this, in an order that the schedule chooses.
    fn crash(&mut self, kernel: &Kernel, host: u32, up_to: u64) {
        self.trace.push(kernel.now(), u64::from(host), What::HostCrashed);
        self.paused.by_user.retain(|&paused| paused != host);
        let is_gone =
            |slot: &&Slot| slot.task.host == host && slot.task.slot != ROOT && slot.task.id <= up_to;
        let mut places: Vec<_> = self.tasks().filter(is_gone).map(|slot| slot.task.slot).collect();
        while !places.is_empty() {
            let next = self.choices.below(places.len() as u32);
            let place = places.swap_remove(next as usize);
            self.ready.remove(|other| other == place);
            self.parked.retain(|&other| other != place);
            self.vacate(kernel, place);
        }
    }
}
