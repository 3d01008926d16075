//! How far a shutdown is: a machine without clock and tasks.

use crate::instant::Instant;
use std::time::Duration;

/// | phase | a signal | all have ended | its time is over |
/// |---|---|---|---|
/// | running | draining | – | – |
/// | draining | aborting | over | cancelling |
/// | cancelling | aborting | over | aborting |
/// | aborting | – | over | over |
/// | over | – | – | – |
#[derive(Debug)]
pub(super) struct Machine {
    phase: Phase,
    began: Instant,
    until: Instant,
    forced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Running,
    Draining,
    Cancelling,
    Aborting,
    Over,
}

impl Machine {
    pub(super) const fn new() -> Self {
        Self { phase: Phase::Running, began: Instant::MAX, until: Instant::MAX, forced: false }
    }

    pub(super) const fn phase(&self) -> Phase {
        self.phase
    }

    /// When the phase ends by itself.
    pub(super) const fn until(&self) -> Instant {
        self.until
    }

    pub(super) const fn is_forced(&self) -> bool {
        self.forced
    }

    /// How long it has taken by `now`.
    pub(super) fn elapsed(&self, now: Instant) -> Duration {
        now - self.began
    }

    /// The first signal; without effect later.
    pub(super) fn begin(&mut self, now: Instant, drain: Duration) {
        if self.phase == Phase::Running {
            self.began = now;
            self.enter(Phase::Draining, now + drain);
        }
    }

    /// Another one; without effect before the first and after the abort, for which there is so much time. Whether it had
    /// any.
    pub(super) fn force(&mut self, now: Instant, abort: Duration) -> bool {
        let has_effect = matches!(self.phase, Phase::Draining | Phase::Cancelling);
        if has_effect {
            self.forced = true;
            self.enter(Phase::Aborting, now + abort);
        }
        has_effect
    }

    /// Goes on to the next phase where the time of this one is over, and tells whether it did.
    pub(super) fn advance(&mut self, now: Instant, grace: Duration, abort: Duration) -> bool {
        if now < self.until {
            return false;
        }
        match self.phase {
            Phase::Draining => self.enter(Phase::Cancelling, now + grace),
            Phase::Cancelling => self.enter(Phase::Aborting, now + abort),
            Phase::Aborting => self.enter(Phase::Over, Instant::MAX),
            Phase::Running | Phase::Over => return false,
        }
        true
    }

    /// All have ended.
    pub(super) fn idle(&mut self) {
        if self.phase > Phase::Running {
            self.enter(Phase::Over, Instant::MAX);
        }
    }

    fn enter(&mut self, phase: Phase, until: Instant) {
        self.phase = phase;
        self.until = until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEC: Duration = Duration::from_secs(1);

    fn at(secs: u32) -> Instant {
        Instant::ORIGIN + SEC * secs
    }

    fn phases(machine: &mut Machine, inputs: &[fn(&mut Machine)]) -> Vec<Phase> {
        inputs
            .iter()
            .map(|input| {
                input(machine);
                machine.phase()
            })
            .collect()
    }

    #[test]
    fn the_table() {
        use Phase::*;
        let signal: fn(&mut Machine) = |machine| match machine.phase() {
            Running => machine.begin(at(0), SEC),
            _ => _ = machine.force(at(0), SEC),
        };
        let ended: fn(&mut Machine) = Machine::idle;
        let time: fn(&mut Machine) = |machine| {
            machine.advance(machine.until(), SEC, SEC);
        };
        for (inputs, expected) in [
            (vec![ended, time], vec![Running, Running]),
            (vec![signal, ended, signal, time], vec![Draining, Over, Over, Over]),
            (vec![signal, signal, signal, ended], vec![Draining, Aborting, Aborting, Over]),
            (vec![signal, time, signal, time], vec![Draining, Cancelling, Aborting, Over]),
            (vec![signal, time, ended], vec![Draining, Cancelling, Over]),
            (vec![signal, time, time, time], vec![Draining, Cancelling, Aborting, Over]),
        ] {
            assert_eq!(phases(&mut Machine::new(), &inputs), expected);
        }
    }

    #[test]
    fn times_add_up_and_saturate() {
        let mut machine = Machine::new();
        machine.begin(at(5), SEC * 3);
        assert!(!machine.advance(at(7), SEC, SEC));
        assert_eq!(machine.until(), at(8));
        assert!(machine.advance(at(9), SEC * 2, SEC));
        assert_eq!((machine.until(), machine.elapsed(at(11))), (at(11), SEC * 6));
        assert!(machine.advance(at(11), SEC, Duration::ZERO));
        assert_eq!((machine.phase(), machine.until()), (Phase::Aborting, at(11)));
        assert!(machine.advance(at(11), SEC, SEC));
        let mut machine = Machine::new();
        machine.begin(at(5), Duration::MAX);
        assert_eq!(machine.until(), Instant::MAX);
    }
}
