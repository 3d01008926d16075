//! The state that a circuit breaker is in, and what time and probes make of it.

use super::{Admitted, Change, Changes, Closes, Refused, Rules};
use crate::instant::Instant;
use crate::resilience::circuit_breaker::window::{Counts, Outcome};
use crate::resilience::circuit_breaker::{CircuitReason, CircuitState};
use crate::resilience::rate::Rate;
use crate::resilience::rejected::Reason;
use crate::resilience::split_mix::split_mix;
use std::time::Duration;

/// Where it is: small enough to be copied, so that a question is answered by going on with a copy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Era {
    pub(super) phase: Phase,
    pub(super) generation: u32,
    // How often it has opened since it was closed last.
    pub(super) streak: u32,
    pub(super) random: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Closed,
    Open { until: Instant },
    HalfOpen(Probes),
    Isolated,
    Disabled,
    MetricsOnly,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Probes {
    // When it is open again if nothing is decided.
    pub(super) until: Instant,
    pub(super) in_flight: u32,
    pub(super) done: Counts,
}

impl Era {
    /// The answer to who asks, and whether it opened meanwhile.
    pub(super) fn admit(
        &mut self,
        rules: &Rules,
        now: Instant,
        changes: &mut Changes,
    ) -> (Result<Admitted, Refused>, bool) {
        let opened = self.come_to(rules, now, changes);
        let generation = self.generation;
        let refused = |reason, retry_after| Err(Refused { reason, retry_after });
        let admitted = match &mut self.phase {
            Phase::Closed | Phase::Disabled | Phase::MetricsOnly => Ok(Admitted { generation, probe: false }),
            Phase::HalfOpen(probes) if probes.has_room(rules) => {
                probes.in_flight += 1;
                Ok(Admitted { generation, probe: true })
            }
            Phase::HalfOpen(_) => refused(Reason::ProbesBusy, None),
            Phase::Open { until } => refused(Reason::Open, Some(*until - now)),
            Phase::Isolated => refused(Reason::Isolated, None),
        };
        (admitted, opened)
    }

    /// Goes through what has become due for who asks now. Whether it opened.
    pub(super) fn come_to(&mut self, rules: &Rules, now: Instant, changes: &mut Changes) -> bool {
        let opened = self.settle(rules, now, changes);
        if let Phase::Open { until } = self.phase
            && now >= until
        {
            let until = now + rules.half_open_timeout;
            let probes = Probes { until, in_flight: 0, done: Counts::default() };
            self.turn(Phase::HalfOpen(probes), CircuitReason::OpenTimeOver, changes);
        }
        opened
    }

    /// Opens it if its time in half-open is over: as of then, not as of when somebody sees it.
    pub(super) fn settle(&mut self, rules: &Rules, now: Instant, changes: &mut Changes) -> bool {
        match self.phase {
            Phase::HalfOpen(Probes { until, .. }) if now >= until && until != Instant::MAX => {
                self.open(rules, until, None, CircuitReason::HalfOpenTimeOver, changes);
                true
            }
            _ => false,
        }
    }

    pub(super) fn open(
        &mut self,
        rules: &Rules,
        at: Instant,
        retry_after: Option<Duration>,
        reason: CircuitReason,
        changes: &mut Changes,
    ) {
        let times = rules.open_multiplier.saturating_pow(self.streak);
        let own = self.jittered(rules.open_for.saturating_mul(times).min(rules.max_open), rules.jitter);
        let asked = retry_after.unwrap_or_default().min(rules.max_open);
        self.streak = self.streak.saturating_add(1);
        self.turn(Phase::Open { until: at + own.max(asked) }, reason, changes);
    }

    /// Up to that part shorter, never longer.
    pub(super) fn jittered(&mut self, delay: Duration, jitter: Rate) -> Duration {
        if jitter == Rate::NONE {
            return delay;
        }
        delay.saturating_sub(jitter.random_of(delay, split_mix(&mut self.random)))
    }

    pub(super) fn turn(&mut self, to: Phase, reason: CircuitReason, changes: &mut Changes) {
        let (from, phase) = (self.phase.state(), to);
        (self.phase, self.generation) = (to, self.generation.wrapping_add(1));
        if from != phase.state() {
            changes.push(Change { from, to: phase.state(), reason });
        }
    }
}

impl Probes {
    pub(super) const fn has_room(&self, rules: &Rules) -> bool {
        match rules.closes {
            Closes::Successes(_) => self.in_flight < rules.probes,
            // As many as are to be made in all.
            Closes::BelowRate(_) => {
                self.done.calls.saturating_add(self.in_flight as u64) < rules.probes as u64
            }
        }
    }

    /// One of them has ended: whether that decides, and how.
    pub(super) fn decide(&mut self, outcome: Outcome, rules: &Rules) -> Option<Result<(), CircuitReason>> {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.done.add(outcome);
        let Counts { calls, failures, slow } = self.done;
        match rules.closes {
            Closes::Successes(_) if outcome.failed || outcome.slow => Some(Err(CircuitReason::ProbeFailed)),
            Closes::Successes(enough) => (calls >= u64::from(enough)).then_some(Ok(())),
            Closes::BelowRate(_) if calls < u64::from(rules.min_calls.min(rules.probes)) => None,
            Closes::BelowRate(rate) => {
                let too_slow = rules.slow_call_rate.is_some_and(|rate| rate.is_reached_by(slow, calls));
                let opens = rate.is_reached_by(failures, calls) || too_slow;
                Some(if opens { Err(CircuitReason::ProbeFailed) } else { Ok(()) })
            }
        }
    }
}

impl Phase {
    pub(super) const fn state(&self) -> CircuitState {
        match self {
            Self::Closed => CircuitState::Closed,
            Self::Open { .. } => CircuitState::Open,
            Self::HalfOpen(_) => CircuitState::HalfOpen,
            Self::Isolated => CircuitState::Isolated,
            Self::Disabled => CircuitState::Disabled,
            Self::MetricsOnly => CircuitState::MetricsOnly,
        }
    }
}
