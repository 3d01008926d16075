//! What disturbs a run: faults, and hosts that pause and crash.

use super::{Executor, Stuck};
use crate::clock::Due;
use crate::faults::Active;
use crate::kernel::{Command, Kernel};
use crate::net::NetFaults;
use crate::task::ROOT;
use crate::trace::What;
use backstay_core::time::Instant;
use std::mem;
use std::sync::Arc;

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
            && !self.paused.contains(&host)
        {
            self.pause(kernel, host);
            kernel.timers().set(kernel.now() + pause, Due::Resume(host));
        }
        if let Some(delay) = Active::strikes_for(&mut self.faults.dice, &self.faults.slow_polls) {
            self.trace.push(kernel.now(), task, What::SlowPoll);
            self.move_on(kernel, kernel.now() + delay)?;
        }
        Ok(())
    }

    /// Schedules a task that nobody has woken: any of those that wait.
    pub(super) fn schedule_anyone(&mut self, kernel: &Kernel) {
        let place = self.faults.dice.below(self.slots.len() as u32);
        if let Some(slot) = &self.slots[place as usize]
            && slot.task.schedule()
        {
            self.trace.push(kernel.now(), slot.task.id, What::SpuriousPoll);
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

    pub(super) fn end_faults(&mut self, kernel: &Arc<Kernel>) {
        self.faults_are_on = false;
        for host in mem::take(&mut self.paused) {
            self.resume(kernel, host);
        }
        if kernel.is_networked() {
            kernel.change_network(|network, now| {
                network.set_faults(NetFaults::default());
                network.heal_all(now);
            });
        }
    }

    pub(super) fn obey(&mut self, kernel: &Arc<Kernel>, command: Command) {
        match command {
            Command::Crash(host) => self.crash(kernel, host),
            Command::Pause(host) => self.pause(kernel, host),
            Command::Resume(host) => self.resume(kernel, host),
        }
    }

    pub(super) fn pause(&mut self, kernel: &Kernel, host: u32) {
        if !self.paused.contains(&host) {
            self.trace.push(kernel.now(), u64::from(host), What::HostPaused);
            self.paused.push(host);
        }
    }

    pub(super) fn resume(&mut self, kernel: &Kernel, host: u32) {
        self.trace.push(kernel.now(), u64::from(host), What::HostResumed);
        self.paused.retain(|&paused| paused != host);
        // Those of other hosts that are paused come back here by themselves.
        for place in mem::take(&mut self.parked) {
            self.ready.push(place);
        }
    }

    /// Drops the tasks of a host, in an order that the schedule chooses.
    pub(super) fn crash(&mut self, kernel: &Kernel, host: u32) {
        self.trace.push(kernel.now(), u64::from(host), What::HostCrashed);
        self.paused.retain(|&paused| paused != host);
        let mut places: Vec<_> = self
            .tasks()
            .filter(|slot| slot.task.host == host && slot.task.slot != ROOT)
            .map(|slot| slot.task.slot)
            .collect();
        while !places.is_empty() {
            let next = self.choices.below(places.len() as u32);
            let place = places.swap_remove(next as usize);
            self.ready.remove(|other| other == place);
            self.parked.retain(|&other| other != place);
            self.vacate(kernel, place);
        }
    }
}
