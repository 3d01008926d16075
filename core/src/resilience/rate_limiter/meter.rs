//! What has been granted: by a steady pace, or in strict windows.

mod kept;

use super::pace::{MAX_TICK, Pace};
use super::window::Window;
use std::collections::VecDeque;

/// What has been granted so far, and what that leaves.
///
/// What is given back is given back by this rule, which is that of Go's `x/time/rate` (`Reservation.Cancel`) made
/// exact: not what would have been refilled meanwhile, and not what later reservations were given their times by.
/// Of a permit whose TAT was `end` after it, that is at most `end` less the tick of now, and less that of the last
/// time that was promised to anybody else; and what was given back since of those before it counts against it.
///
/// Why: a limiter that had never granted it would have had more, but not more than the burst. The difference is lost
/// as far as that limiter would have been full, before another permit was used: and what this one had then was at
/// most the burst less the distance from there to `end`.
#[derive(Debug)]
pub(super) struct Meter {
    kind: Kind,
    // Ticks given back so far: what a stamp's `end` has to be corrected by. Jumps when the quota changes.
    given_back: u64,
    // What that was when the quota was last changed.
    begins_at: u64,
    // What was given back of whom, as long as it matters to others.
    returned: Vec<Returned>,
    // Ticks of the times that were promised and have not come, in order.
    promised: VecDeque<u64>,
    charged: Option<Charged>,
}

/// A debt moves the TAT, and says nothing of the clock: until somebody takes permits again, which shows that it is paid.
#[derive(Clone, Copy, Debug)]
struct Charged {
    /// The TAT after it, had nothing ever been given back.
    order: u64,
    /// The tick that a clock had shown before.
    seen: u64,
}

/// Ticks that were given back.
#[derive(Clone, Copy, Debug)]
struct Returned {
    ticks: u64,
    /// Whose they were: in the order in which permits are taken.
    of: u64,
    /// How many had been given back before.
    at: u64,
    /// No permit that had been taken by then reached further.
    until: u64,
}

/// As many are told apart.
const MAX_RETURNED: usize = 64;

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

/// So far a change of quota moves what has been given back: what was given back under one quota ends long before what was
/// under another begins, however often that was changed.
const JUMP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Meter {
    pub(super) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            given_back: 0,
            begins_at: 0,
            returned: Vec::new(),
            promised: VecDeque::new(),
            charged: None,
        }
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

    /// In how many nanoseconds all can be taken at once.
    pub(super) fn all_after(&self, now: u64) -> u64 {
        match &self.kind {
            Kind::Paced { pace, tat } => pace.all_after(*tat, now),
            Kind::Strict(window) => window.ends().next_back().unwrap_or(0).saturating_sub(now),
        }
    }

    /// When `n`, at most the capacity, could be taken after `ahead` permits for `callers` others. In a strict window it
    /// may be earlier, if those take several at a time.
    pub(super) fn when(&self, ahead: u64, callers: usize, n: u64, now: u64) -> u64 {
        match &self.kind {
            Kind::Paced { pace, tat } => {
                let tat = (*tat).max(pace.span(now).first);
                let next = tat.saturating_add(pace.interval.saturating_mul(ahead.saturating_add(n)));
                let due = next.saturating_sub(pace.tolerance);
                if due > MAX_TICK { u64::MAX } else { pace.when(due).max(now) }
            }
            Kind::Strict(window) if ahead > callers as u64 => window.when_at_most(ahead, n, now).max(now),
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
                forget_come(&mut self.promised, span.last);
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

    /// Takes `n` that were used already, whether they are there or not.
    pub(super) fn charge(&mut self, n: u64, now: u64) {
        let seen = self.seen();
        match &mut self.kind {
            Kind::Paced { pace, tat } => {
                *tat = pace.charge(*tat, n, pace.span(now));
                self.charged = Some(Charged { order: tat.wrapping_add(self.given_back), seen });
            }
            Kind::Strict(window) => window.charge(n, now),
        }
    }

    /// The tick that a clock has shown at least: who took permits that were there has seen it.
    fn seen(&self) -> u64 {
        let Kind::Paced { pace, tat } = &self.kind else { return 0 };
        match self.charged {
            Some(Charged { order, seen }) if order == tat.wrapping_add(self.given_back) => seen,
            _ => tat.saturating_sub(pace.tolerance),
        }
    }

    /// Takes back what was not used.
    pub(super) fn give_back(&mut self, stamp: Stamp, now: u64) {
        let since = self.given_back.wrapping_sub(stamp.given_back);
        let is_of_this_quota = since <= self.given_back.wrapping_sub(self.begins_at);
        let seen = self.seen();
        match &mut self.kind {
            Kind::Paced { pace, tat } if is_of_this_quota => {
                let span = pace.span(now);
                if stamp.promised > 0
                    && let Ok(at) = self.promised.binary_search(&stamp.promised)
                {
                    self.promised.remove(at);
                }
                forget_come(&mut self.promised, span.last);
                // A permit that was there at once has seen a clock that is not before this, whatever `now` says.
                let seen = if stamp.promised > 0 { 0 } else { seen };
                let latest = self.promised.back().copied().unwrap_or(0).max(span.first).max(seen);
                if self.returned.last().is_some_and(|last| last.until <= span.first) {
                    self.returned.clear();
                }
                let before = self.returned.iter().filter(|returned| returned.is_before(&stamp));
                let before = before.fold(0_u64, |all, returned| all.saturating_add(returned.ticks));
                let back = stamp.end.saturating_sub(before).saturating_sub(latest);
                let back = back.min(stamp.n * pace.interval).min(*tat);
                if back > 0 {
                    let until = self.returned.last().map_or(*tat, |last| last.until.max(*tat));
                    self.returned.push(Returned {
                        ticks: back,
                        of: stamp.order(),
                        at: self.given_back,
                        until,
                    });
                    *tat -= back;
                    self.given_back = self.given_back.wrapping_add(back);
                }
                if self.returned.len() > MAX_RETURNED {
                    // As if the two oldest had been one, before either and after both: it counts for more than it must.
                    let oldest = self.returned.remove(0);
                    let merged = &mut self.returned[0];
                    merged.ticks = merged.ticks.saturating_add(oldest.ticks);
                    if is_less(oldest.of, merged.of) {
                        merged.of = oldest.of;
                    }
                }
            }
            Kind::Strict(window) if is_of_this_quota => window.give_back(stamp.n, stamp.end),
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
        self.charged = None;
        self.forget_stamps();
    }

    /// What was granted before is not given back any more.
    fn forget_stamps(&mut self) {
        self.returned.clear();
        self.given_back = self.given_back.wrapping_add(JUMP);
        self.begins_at = self.given_back;
    }
}

impl Stamp {
    /// Its place in the order in which permits are taken: the TAT, had nothing ever been given back.
    const fn order(&self) -> u64 {
        self.end.wrapping_add(self.given_back)
    }
}

impl Returned {
    /// Whether they were of a permit that was taken before this one, and given back after this one was taken.
    const fn is_before(&self, stamp: &Stamp) -> bool {
        is_less(self.of, stamp.order()) && !is_less(self.at, stamp.given_back)
    }
}

/// Of two numbers that are near each other, and wrap.
const fn is_less(a: u64, b: u64) -> bool {
    (b.wrapping_sub(a) as i64) > 0
}

/// Times that have come are nobody's concern any more.
fn forget_come(promised: &mut VecDeque<u64>, last: u64) {
    while promised.front().is_some_and(|promised| *promised <= last) {
        promised.pop_front();
    }
}

#[cfg(test)]
mod tests;
