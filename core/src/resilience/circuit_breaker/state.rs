//! When a circuit breaker opens and closes: no clock, no lock, nobody told.

mod era;
mod kept;

use super::window::{Counts, Outcome, Window};
use super::{CircuitReason, CircuitState};
use crate::instant::Instant;
use crate::resilience::rate::Rate;
use crate::resilience::rejected::Reason;
use era::{Era, Phase, Probes};
use std::mem;
use std::time::Duration;

/// When it opens, for how long, and what closes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) consecutive_failures: Option<u32>,
    pub(super) failure_rate: Rate,
    pub(super) slow_call_rate: Option<Rate>,
    pub(super) min_calls: u32,
    pub(super) probes: u32,
    pub(super) closes: Closes,
    pub(super) half_open_timeout: Duration,
    pub(super) open_for: Duration,
    pub(super) open_multiplier: u32,
    pub(super) max_open: Duration,
    pub(super) jitter: Rate,
}

/// What closes it, once it is half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closes {
    /// So many successes, and no failure before.
    Successes(u32),
    /// Fewer failures than that, among all probes.
    BelowRate(Rate),
}

/// | phase | calls | left for | when |
/// |---|---|---|---|
/// | closed | pass | open | a failure makes the failures, or a slow call the slow ones, too many |
/// | open | refused | half-open | somebody asks and its time is over |
/// | half-open | so many at a time | closed | enough probes have succeeded |
/// | | | open | a probe, or too many of them, failed; its time is over |
/// | isolated | refused | closed | by hand |
/// | disabled | pass, uncounted | closed | by hand |
/// | metrics only | pass | closed | by hand |
///
/// By hand it goes from any to isolated, disabled, metrics only and closed. Each change begins a new generation; what
/// an older one started can't change anything in a newer.
#[derive(Debug)]
pub(super) struct Machine {
    rules: Rules,
    era: Era,
    window: Window,
    // Since the last success.
    consecutive: u32,
    openings: u64,
    late: u64,
}

/// One call's right to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Admitted {
    pub(super) generation: u32,
    /// It has taken one of the places for probes.
    pub(super) probe: bool,
}

/// Why a call may not pass, and when it is worth coming back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) reason: Reason,
    pub(super) retry_after: Option<Duration>,
}

/// From which state to which, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) from: CircuitState,
    pub(super) to: CircuitState,
    pub(super) reason: CircuitReason,
}

/// What has changed in one step: a half-open time that is over opens it, and that it has been open for long enough
/// makes it half-open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes([Option<Change>; 2]);

impl Changes {
    pub(super) const fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }

    fn push(&mut self, change: Change) {
        match &mut self.0 {
            [first @ None, _] => *first = Some(change),
            [_, second] => *second = Some(change),
        }
    }
}

impl IntoIterator for Changes {
    type Item = Change;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<Change>, 2>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}

/// What there is to see without changing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) state: CircuitState,
    pub(super) calls: Counts,
    pub(super) consecutive: u32,
    pub(super) probes_in_flight: u32,
    pub(super) openings: u64,
    pub(super) late: u64,
}

/// What would be lost if it were forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::resilience) enum Memory {
    /// Nothing: it is as good as new.
    Nothing,
    /// What calls of long ago found.
    Past,
    /// That calls are refused, or what somebody has said.
    Present,
}

impl Machine {
    pub(super) const fn rules(&self) -> Rules {
        self.rules
    }

    /// Whether calls are kept, for rates of them.
    pub(super) const fn has_window(&self) -> bool {
        !matches!(self.window, Window::Nothing)
    }

    /// Whether a success too has to have a time.
    pub(super) const fn needs_times(&self) -> bool {
        matches!(self.window, Window::Time(_))
    }

    pub(super) const fn new(rules: Rules, window: Window, seed: u64) -> Self {
        let era = Era { phase: Phase::Closed, generation: 0, streak: 0, random: seed };
        Self { rules, era, window, consecutive: 0, openings: 0, late: 0 }
    }

    /// Asks to make a call.
    pub(super) fn admit(&mut self, now: Instant, changes: &mut Changes) -> Result<Admitted, Refused> {
        let (admitted, opened) = self.era.admit(&self.rules, now, changes);
        self.count_openings(opened);
        admitted
    }

    /// Says how a call went; `retry_after` is the answer's own word of when to come back.
    ///
    /// Only a success in a state that keeps no time can do without one.
    pub(super) fn record(
        &mut self,
        admitted: Admitted,
        outcome: Outcome,
        retry_after: Option<Duration>,
        now: Option<Instant>,
        changes: &mut Changes,
    ) {
        if let Some(now) = now {
            let opened = self.era.settle(&self.rules, now, changes);
            self.count_openings(opened);
        }
        if admitted.generation != self.era.generation {
            self.late = self.late.saturating_add(1);
            return;
        }
        let opens = match &mut self.era.phase {
            Phase::Closed => self.count(outcome, now),
            Phase::MetricsOnly => {
                self.count(outcome, now);
                None
            }
            Phase::HalfOpen(probes) => match probes.decide(outcome, &self.rules) {
                None => None,
                Some(Ok(())) => return self.close(CircuitReason::ProbesSucceeded, changes),
                Some(Err(reason)) => Some(reason),
            },
            // Nobody is admitted into these, and of this nothing is counted.
            Phase::Open { .. } | Phase::Isolated | Phase::Disabled => None,
        };
        if let (Some(reason), Some(now)) = (opens, now) {
            self.count_openings(true);
            self.era.open(&self.rules, now, retry_after, reason, changes);
        }
    }

    /// As [`record`](Self::record) of a success that was not slow, where all it can do is to be counted: then, whether
    /// it has left the machine [clean](Self::is_clean).
    #[inline]
    pub(super) fn count_success(&mut self, admitted: Admitted, now: Option<Instant>) -> Option<bool> {
        let counts = matches!(self.era.phase, Phase::Closed | Phase::MetricsOnly);
        (counts && admitted.generation == self.era.generation).then(|| {
            self.consecutive = 0;
            self.window.push(Outcome { failed: false, slow: false }, now);
            self.window.is_clean()
        })
    }

    /// A call came to nothing: its place is free again, if the state that gave it still is.
    pub(super) fn release(&mut self, admitted: Admitted) {
        if let Phase::HalfOpen(probes) = &mut self.era.phase
            && admitted.generation == self.era.generation
        {
            probes.in_flight = probes.in_flight.saturating_sub(1);
        }
    }

    /// By hand. To be closed is to begin anew, from closed too.
    pub(super) fn switch(&mut self, to: Switch, changes: &mut Changes) {
        let phase = match to {
            Switch::Close => return self.close(CircuitReason::ByHand, changes),
            Switch::Isolate => Phase::Isolated,
            Switch::Disable => Phase::Disabled,
            Switch::MetricsOnly => Phase::MetricsOnly,
        };
        if phase.state() != self.era.phase.state() {
            self.era.turn(phase, CircuitReason::ByHand, changes);
        }
    }

    /// Goes by other rules from `now` on, and by the old ones until then. The state stays, and so does who is under way;
    /// what is half-open begins anew if the rules differ, or it might wait for more probes than there will be.
    ///
    /// The window before is handed out, to be dropped at leisure.
    pub(super) fn reconfigure(
        &mut self,
        rules: Rules,
        mut window: Window,
        now: Instant,
        changes: &mut Changes,
    ) -> Window {
        let opened = self.era.settle(&self.rules, now, changes);
        self.count_openings(opened);
        if let Phase::HalfOpen(probes) = &mut self.era.phase
            && rules != self.rules
        {
            (probes.done, probes.until) = (Counts::default(), now + rules.half_open_timeout);
        }
        self.rules = rules;
        window.inherit(&self.window, now);
        mem::replace(&mut self.window, window)
    }

    /// The state that a call would find at that time.
    pub(super) fn view(&self, now: Instant) -> View {
        let mut era = self.era;
        let opened = era.come_to(&self.rules, now, &mut Changes::default());
        let (calls, probes_in_flight) = match era.phase {
            Phase::HalfOpen(probes) => (probes.done, probes.in_flight),
            _ => (self.window.counts_at(now), 0),
        };
        let openings = self.openings.saturating_add(opened.into());
        let (consecutive, late) = (self.consecutive, self.late);
        View { state: era.phase.state(), calls, consecutive, probes_in_flight, openings, late }
    }

    /// Whether a call would pass at that time. Takes no place.
    pub(super) fn would_admit(&self, now: Instant) -> bool {
        let mut era = self.era;
        era.admit(&self.rules, now, &mut Changes::default()).0.is_ok()
    }

    /// What would be lost if it were forgotten at that time, with no calls under way.
    pub(super) fn memory(&self, now: Instant) -> Memory {
        let mut era = self.era;
        era.come_to(&self.rules, now, &mut Changes::default());
        match era.phase {
            Phase::Closed => {
                let Counts { failures, slow, .. } = self.window.counts_at(now);
                let is_new = self.consecutive == 0 && failures == 0 && slow == 0;
                if is_new { Memory::Nothing } else { Memory::Past }
            }
            Phase::HalfOpen(_) => Memory::Past,
            Phase::Open { .. } | Phase::Isolated | Phase::Disabled | Phase::MetricsOnly => Memory::Present,
        }
    }

    pub(super) const fn generation(&self) -> u32 {
        self.era.generation
    }

    pub(super) const fn state(&self) -> CircuitState {
        self.era.phase.state()
    }

    /// Whether it would refuse whoever asked before [`next`](Self::next).
    pub(super) const fn is_full(&self) -> bool {
        match self.era.phase {
            Phase::Open { .. } | Phase::Isolated => true,
            Phase::HalfOpen(probes) => !probes.has_room(&self.rules),
            Phase::Closed | Phase::Disabled | Phase::MetricsOnly => false,
        }
    }

    /// Whether a success, not slow, leaves all as it is.
    #[inline]
    pub(super) fn is_clean(&self) -> bool {
        match self.era.phase {
            Phase::Closed | Phase::MetricsOnly => self.consecutive == 0 && self.window.is_clean(),
            Phase::Disabled => true,
            Phase::Open { .. } | Phase::HalfOpen(_) | Phase::Isolated => false,
        }
    }

    /// When it changes by itself.
    pub(super) const fn next(&self) -> Instant {
        match self.era.phase {
            Phase::Open { until } | Phase::HalfOpen(Probes { until, .. }) => until,
            _ => Instant::MAX,
        }
    }

    /// Counts a call, and says whether that was one too many. Only what is bad can be: of a rate that was too high
    /// before there were enough calls, the next failure makes it open, and no success.
    fn count(&mut self, outcome: Outcome, now: Option<Instant>) -> Option<CircuitReason> {
        self.consecutive = if outcome.failed { self.consecutive.saturating_add(1) } else { 0 };
        self.window.push(outcome, now);
        let Rules { consecutive_failures, failure_rate, slow_call_rate, min_calls, .. } = self.rules;
        let consecutive = outcome.failed && consecutive_failures.is_some_and(|max| self.consecutive >= max);
        if consecutive {
            return Some(CircuitReason::ConsecutiveFailures);
        }
        let Counts { calls, failures, slow } = self.window.counts();
        if calls == 0 || calls < u64::from(min_calls) {
            return None;
        }
        if outcome.failed && failure_rate.is_reached_by(failures, calls) {
            return Some(CircuitReason::FailureRate);
        }
        let too_slow = |rate: Rate| outcome.slow && rate.is_reached_by(slow, calls);
        slow_call_rate.is_some_and(too_slow).then_some(CircuitReason::SlowCallRate)
    }

    fn count_openings(&mut self, opened: bool) {
        self.openings = self.openings.saturating_add(opened.into());
    }

    fn close(&mut self, reason: CircuitReason, changes: &mut Changes) {
        self.window.clear();
        self.consecutive = 0;
        self.era.streak = 0;
        self.era.turn(Phase::Closed, reason, changes);
    }
}

/// What can be set by hand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Switch {
    Close,
    Isolate,
    Disable,
    MetricsOnly,
}

#[cfg(test)]
mod tests;
