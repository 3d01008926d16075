//! A circuit breaker's state as plain data, and back.

use super::era::{Phase, Probes};
use super::{Changes, Closes, Machine};
use crate::instant::Instant;
use crate::resilience::circuit_breaker::snapshot::{CircuitCalls, CircuitSnapshot};
use crate::resilience::circuit_breaker::window::Counts;
use crate::resilience::circuit_breaker::{CircuitReason, CircuitState};
use std::time::Duration;

impl Machine {
    /// What it knows at that time.
    pub(in crate::resilience::circuit_breaker) fn snapshot(&self, now: Instant) -> CircuitSnapshot {
        let mut era = self.era;
        let opened = era.settle(&self.rules, now, &mut Changes::default());
        let left = |until| if until == Instant::MAX { Duration::MAX } else { until - now };
        let mut kept = CircuitSnapshot {
            state: era.phase.state(),
            openings_in_a_row: era.streak,
            consecutive_failures: self.consecutive,
            openings: self.openings.saturating_add(opened.into()),
            late: self.late,
            window: self.window.parts(now),
            ..CircuitSnapshot::new()
        };
        match era.phase {
            Phase::Open { until } => kept.left = Some(left(until)),
            Phase::HalfOpen(probes) => {
                kept.left = Some(left(probes.until)).filter(|left| *left != Duration::MAX);
                kept.probes = probes.done.into();
            }
            Phase::Closed | Phase::Isolated | Phase::Disabled | Phase::MetricsOnly => {}
        }
        kept
    }

    /// Goes on from there. It is one that can be.
    pub(in crate::resilience::circuit_breaker) fn restore(
        &mut self,
        kept: &CircuitSnapshot,
        now: Instant,
        changes: &mut Changes,
    ) {
        let most = match kept.state {
            CircuitState::Open => self.rules.max_open,
            _ => self.rules.half_open_timeout,
        };
        // What has no end has none later either.
        let (left, over_for) = match kept.left {
            None | Some(Duration::MAX) => (Duration::MAX, Duration::ZERO),
            Some(left) => (left.saturating_sub(kept.age), kept.age.saturating_sub(left)),
        };
        let until = now + left.min(most);
        let phase = match kept.state {
            CircuitState::Closed => Phase::Closed,
            CircuitState::Open => Phase::Open { until },
            CircuitState::HalfOpen => {
                Phase::HalfOpen(Probes { until, in_flight: 0, done: self.undecided(kept.probes.into()) })
            }
            CircuitState::Isolated => Phase::Isolated,
            CircuitState::Disabled => Phase::Disabled,
            CircuitState::MetricsOnly => Phase::MetricsOnly,
        };
        self.era.streak = kept.openings_in_a_row;
        self.era.turn(phase, CircuitReason::Restored, changes);
        (self.consecutive, self.openings, self.late) = (kept.consecutive_failures, kept.openings, kept.late);
        self.window.clear();
        self.window.fill(&kept.window, kept.age, now);
        // Its time in half-open was over meanwhile: it has been open since then.
        if self.era.settle(&self.rules, now, changes) {
            self.count_openings(true);
            if let Phase::Open { until } = &mut self.era.phase {
                *until = until.saturating_sub(over_for).max(now);
            }
        }
    }

    /// Probes that have ended, unless they would have decided by these rules: then it begins anew, as there might not be
    /// another to decide.
    fn undecided(&self, done: Counts) -> Counts {
        let enough = match self.rules.closes {
            Closes::Successes(_) => u64::MAX,
            Closes::BelowRate(_) => self.rules.min_calls.min(self.rules.probes).into(),
        };
        if done.calls < enough { done } else { Counts::default() }
    }
}

impl From<Counts> for CircuitCalls {
    fn from(Counts { calls, failures, slow }: Counts) -> Self {
        Self { calls, failures, slow_calls: slow, ..Self::default() }
    }
}

impl From<CircuitCalls> for Counts {
    fn from(CircuitCalls { calls, failures, slow_calls: slow, .. }: CircuitCalls) -> Self {
        Self { calls, failures, slow }
    }
}
