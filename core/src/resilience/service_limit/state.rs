//! Which calls a service wants: no clock, no runtime.

use super::calls::Calls;
use super::known::Known;
use super::rules::Rules;
use super::told::{Told, ToldQuota};
use super::wait::{Wait, later};
use crate::instant::Instant;

#[derive(Debug)]
pub(super) struct Machine {
    rules: Rules,
    calls: Calls,
    // At most `MAX_KNOWN`.
    known: Vec<Known>,
    pause: Option<Pause>,
    has_answered: bool,
}

/// Nobody calls until then; from then on one, whose answer the others wait for, unless a quota says how many.
#[derive(Clone, Copy, Debug)]
struct Pause {
    until: Instant,
    asked_by: Option<u64>,
}

/// So many quotas are told apart. For one more, the one is forgotten of which nothing was said for longest.
const MAX_KNOWN: usize = 16;

impl Machine {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, calls: Calls::default(), known: Vec::new(), pause: None, has_answered: false }
    }

    pub(super) const fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) const fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Whether so much may be sent, behind what others wait to send; or when, at the earliest. Changes nothing.
    pub(super) fn check(&self, cost: u64, ahead: u128, now: Instant) -> Result<(), Wait> {
        let under_way = self.calls.cost();
        let mut wait = self.pause.map_or(Ok(()), |pause| self.check_pause(pause, ahead, now));
        for known in &self.known {
            wait = later(wait, known.check(cost, ahead, now, under_way, &self.rules));
        }
        if !self.has_answered && !self.calls.is_empty() {
            let all = under_way.saturating_add(ahead).saturating_add(cost.into());
            if all > self.rules.initial_quota.into() {
                wait = later(wait, Err(Wait::ForAnswer));
            }
        }
        wait
    }

    /// Sends so much, if it may be. The call's number.
    pub(super) fn take(&mut self, cost: u64, now: Instant) -> Result<u64, Wait> {
        self.check(cost, 0, now)?;
        let (number, under_way) = (self.calls.next(), self.calls.cost());
        let is_counted = self.is_counted(now);
        for known in &mut self.known {
            known.take(cost, number, now, under_way, &self.rules);
        }
        if let Some(pause) = &mut self.pause {
            if is_counted {
                self.pause = None;
            } else {
                pause.asked_by = Some(number);
            }
        }
        Ok(self.calls.begin(cost))
    }

    /// A call was not sent.
    pub(super) fn give_back(&mut self, number: u64) {
        let Some(cost) = self.calls.give_back(number) else { return };
        for known in &mut self.known {
            known.give_back(cost, number);
        }
        self.nobody_asks(number);
    }

    /// A call was sent, and has ended without an answer.
    pub(super) fn lost(&mut self, number: u64) {
        if self.calls.end(number).is_none() {
            return;
        }
        for known in &mut self.known {
            known.not_told(number, false);
        }
        self.nobody_asks(number);
    }

    /// A call was answered. What was said of quotas in another unit than `unit` counts for nothing.
    pub(super) fn told(&mut self, number: u64, told: &Told, unit: &str, now: Instant, random: u64) {
        let Some(ended) = self.calls.end(number) else { return };
        self.has_answered = true;
        if self.pause.is_some_and(|pause| pause.asked_by == Some(number)) {
            self.pause = None;
        }
        let retry_after = told.retry_after.filter(|pause| !pause.is_zero());
        if let Some(pause) = retry_after {
            let until = now + self.rules.stretched(pause, random).0;
            let until = self.pause.map_or(until, |before| before.until.max(until));
            self.pause = Some(Pause { until, asked_by: None });
        }
        for known in &mut self.known {
            if !told.quotas.iter().any(|told| told.unit == unit && known.is_of(told)) {
                known.not_told(number, true);
            }
        }
        for told in told.quotas.iter().filter(|told| told.unit == unit) {
            // `Retry-After` takes precedence over the end of a window in which nothing is left.
            let reset = if told.remaining == Some(0) { retry_after.or(told.reset) } else { told.reset };
            let reset = reset.map(|reset| self.rules.stretched(reset, random));
            let rules = self.rules;
            self.known_mut(told).told(told, reset, ended, now, &rules);
        }
    }

    /// How much may be sent now, as far as the service has said anything.
    pub(super) fn remaining(&self, now: Instant) -> Option<u64> {
        if self.is_paused(now) {
            return Some(0);
        }
        // After a pause one asks, unless a quota says how many may go.
        let asks =
            self.pause.filter(|_| !self.is_counted(now)).map(|pause| u64::from(pause.asked_by.is_none()));
        let left = |known: &Known| known.left(now, self.calls.cost(), &self.rules);
        self.known.iter().filter_map(left).chain(asks).min()
    }

    pub(super) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.pause.map(|pause| pause.until).filter(|until| *until > now)
    }

    fn is_paused(&self, now: Instant) -> bool {
        self.paused_until(now).is_some()
    }

    fn check_pause(&self, pause: Pause, ahead: u128, now: Instant) -> Result<(), Wait> {
        if now < pause.until {
            Err(Wait::Paused(pause.until))
        } else if self.is_counted(now) || (pause.asked_by.is_none() && ahead == 0) {
            Ok(())
        } else {
            Err(Wait::ForAnswer)
        }
    }

    fn is_counted(&self, now: Instant) -> bool {
        let under_way = self.calls.cost();
        self.known.iter().any(|known| known.is_counted(now, under_way, &self.rules))
    }

    fn nobody_asks(&mut self, number: u64) {
        if let Some(pause) = &mut self.pause
            && pause.asked_by == Some(number)
        {
            pause.asked_by = None;
        }
    }

    fn known_mut(&mut self, told: &ToldQuota) -> &mut Known {
        let at = match self.known.iter().position(|known| known.is_of(told)) {
            Some(at) => at,
            None => {
                if self.known.len() >= MAX_KNOWN {
                    let oldest =
                        (0..self.known.len()).min_by_key(|at| self.known[*at].told_by()).unwrap_or(0);
                    self.known.swap_remove(oldest);
                }
                self.known.push(Known::new(told));
                self.known.len() - 1
            }
        };
        &mut self.known[at]
    }
}

#[cfg(test)]
mod tests;
