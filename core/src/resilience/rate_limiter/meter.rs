//! What has been granted: by a steady pace, or in strict windows.

use super::pace::{MAX_TICK, Pace};
use super::window::Window;
use std::collections::VecDeque;

/// What has been granted so far, and what that leaves.
///
/// What is given back is given back by this rule, which is that of Go's `x/time/rate` (`Reservation.Cancel`) made
/// exact: not what would have been refilled meanwhile, and not what later reservations were given their times by.
/// Of a permit whose TAT was `end` after it, that is at most `end` less the tick of now, and less that of the last
/// time that was promised to anybody else; and all that was given back since it was taken counts against it.
///
/// Why: a limiter that had never granted it would have had more, but not more than the burst. The difference is lost
/// as far as that limiter would have been full, before another permit was used: and what this one had then was at
/// most the burst less the distance from there to `end`.
#[derive(Debug)]
pub(super) struct Meter {
    kind: Kind,
    // Ticks given back so far: what a stamp's `end` has to be corrected by. Jumps when the quota changes.
    given_back: u64,
    // Ticks of the times that were promised and have not come, in order.
    promised: VecDeque<u64>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Paced { pace: Pace, tat: u64 },
    Strict(Window),
}

/// What a permit knows of its making, to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) n: u64,
    /// The TAT after it, or when its window has passed.
    pub(super) end: u64,
    /// What had been given back before it.
    pub(super) given_back: u64,
    /// The tick that was promised, if its time was to come.
    pub(super) promised: u64,
}

/// Permits, and the time from which on they may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) stamp: Stamp,
    pub(super) ready: u64,
}

/// So far a change of quota moves what has been given back: no stamp is that old, and no two changes meet again.
const JUMP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Meter {
    pub(super) const fn new(kind: Kind) -> Self {
        Self { kind, given_back: 0, promised: VecDeque::new() }
    }

    pub(super) const fn kind(&self) -> &Kind {
        &self.kind
    }

    pub(super) const fn given_back(&self) -> u64 {
        self.given_back
    }

    /// The TAT, where there is one.
    pub(super) const fn tat_mut(&mut self) -> Option<&mut u64> {
        match &mut self.kind {
            Kind::Paced { tat, .. } => Some(tat),
            Kind::Strict(_) => None,
        }
    }

    /// How many can be taken at once, at most.
    pub(super) fn capacity(&self) -> u64 {
        match &self.kind {
            Kind::Paced { pace, .. } => pace.burst,
            Kind::Strict(window) => window.len(),
        }
    }

    /// How many can be taken now.
    pub(super) fn available(&self, now: u64) -> u64 {
        match &self.kind {
            Kind::Paced { pace, tat } => pace.available(*tat, pace.span(now)),
            Kind::Strict(window) => window.available(now),
        }
    }

    /// When `n`, at most the capacity, could be taken after `ahead` others. In a strict window it may be later, if
    /// those are taken several at a time.
    pub(super) fn when(&self, ahead: u64, n: u64, now: u64) -> u64 {
        match &self.kind {
            Kind::Paced { pace, tat } => {
                let tat = (*tat).max(pace.span(now).first);
                let next = tat.saturating_add(pace.interval.saturating_mul(ahead.saturating_add(n)));
                let due = next.saturating_sub(pace.tolerance);
                if due > MAX_TICK { u64::MAX } else { pace.when(due).max(now) }
            }
            Kind::Strict(window) => window.when(ahead, n).max(now),
        }
    }

    /// Takes `n`, at most the capacity, if they can be taken now.
    pub(super) fn take(&mut self, n: u64, now: u64) -> Option<Stamp> {
        let end = match &mut self.kind {
            Kind::Paced { pace, tat } => {
                *tat = pace.take(*tat, n, pace.span(now)).ok()?;
                *tat
            }
            Kind::Strict(window) => window.take(n, now)?,
        };
        Some(Stamp { n, end, given_back: self.given_back, promised: 0 })
    }

    /// Takes `n`, at most the capacity, for a time that may be to come; `None` if that is too far away.
    pub(super) fn promise(&mut self, n: u64, now: u64) -> Option<Grant> {
        let mut stamp = Stamp { n, end: 0, given_back: self.given_back, promised: 0 };
        let ready = match &mut self.kind {
            Kind::Paced { pace, tat } => {
                let span = pace.span(now);
                let (next, due) = match pace.take(*tat, n, span) {
                    Ok(next) => (next, 0),
                    Err(due) => (due.saturating_add(pace.tolerance), due),
                };
                if next > MAX_TICK {
                    return None;
                }
                (*tat, stamp.end, stamp.promised) = (next, next, due);
                if due == 0 {
                    now
                } else {
                    let at = self.promised.partition_point(|promised| *promised <= due);
                    self.promised.insert(at, due);
                    pace.when(due)
                }
            }
            Kind::Strict(window) => {
                let (ready, end) = window.promise(n, now);
                stamp.end = end;
                ready
            }
        };
        Some(Grant { stamp, ready })
    }

    /// Takes back what was not used.
    pub(super) fn give_back(&mut self, stamp: Stamp, now: u64) {
        let since = self.given_back.wrapping_sub(stamp.given_back);
        match &mut self.kind {
            Kind::Paced { pace, tat } if since <= MAX_TICK => {
                let span = pace.span(now);
                if stamp.promised > 0
                    && let Ok(at) = self.promised.binary_search(&stamp.promised)
                {
                    self.promised.remove(at);
                }
                while self.promised.front().is_some_and(|promised| *promised <= span.last) {
                    self.promised.pop_front();
                }
                let latest = self.promised.back().copied().unwrap_or(0).max(span.first);
                let back = stamp.end.saturating_sub(since).saturating_sub(latest);
                let back = back.min(stamp.n * pace.interval).min(*tat);
                *tat -= back;
                self.given_back = self.given_back.wrapping_add(back);
            }
            Kind::Strict(window) if since == 0 => window.give_back(stamp.n, stamp.end),
            // Of another quota.
            Kind::Paced { .. } | Kind::Strict(_) => {}
        }
    }

    /// Goes on at another pace or in another window, with what there is now. `kind` is fresh.
    pub(super) fn change(&mut self, mut kind: Kind, now: u64) {
        let available = self.available(now);
        match (&mut self.kind, &mut kind) {
            (Kind::Paced { pace, tat }, Kind::Paced { pace: to, tat: next }) => {
                *next = pace.convert(*tat, now, to);
                // The times stay.
                for promised in &mut self.promised {
                    *promised = to.span(pace.when(*promised)).last;
                }
            }
            (Kind::Paced { pace, .. }, Kind::Strict(window)) => {
                // What was promised counts as taken when the last of it is.
                let last = self.promised.back().map_or(now, |tick| pace.when(*tick).max(now));
                window.fill(window.len().saturating_sub(available), last);
                self.promised.clear();
            }
            (Kind::Strict(window), Kind::Paced { pace, tat }) => {
                let (last, later) = window.later_than(now);
                let span = pace.span(now);
                let taken = (pace.burst.saturating_sub(available)).saturating_add(later);
                *tat = span.last.saturating_add(taken.saturating_mul(pace.interval)).min(MAX_TICK);
                if later > 0 {
                    self.promised.push_back(pace.span(last).last);
                }
            }
            (Kind::Strict(window), Kind::Strict(to)) => {
                window.resize(to.len() as usize, to.length());
                std::mem::swap(window, to);
            }
        }
        self.kind = kind;
        self.given_back = self.given_back.wrapping_add(JUMP);
    }
}

#[cfg(test)]
mod tests;
