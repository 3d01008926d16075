//! What is known of one quota of a service.

use super::calls::Ended;
use super::rules::Rules;
use super::told::ToldQuota;
use super::wait::Wait;
use crate::instant::{Instant, nanos};
use std::borrow::Cow;
use std::time::Duration;

/// One quota: what the service said last, and what was sent since.
#[derive(Debug)]
pub(super) struct Known {
    policy: Cow<'static, str>,
    partition: Option<Box<[u8]>>,
    size: Size,
    // The call whose answer was the last word. An answer to an earlier one is old.
    told_by: u64,
    // The last call that had been sent when that came. Of an answer to one up to it nobody knows whether it is newer.
    sent_by_then: u64,
    stands: Stands,
}

/// How much there is in which time, as far as the service has said.
#[derive(Clone, Copy, Debug)]
struct Size {
    quota: Option<u64>,
    window: Option<Duration>,
}

/// | stands | calls pass | left by |
/// |---|---|---|
/// | silent | all | a word of what is left |
/// | counted | as many as are left | the reset: to a full quota if its size is known, else to asking; another word |
/// | asking | one, and the others wait for its answer | its answer |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    Silent,
    Counted(Counted),
    /// By which call, once there is one.
    Asking(Option<u64>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    /// What the service said, less all calls that it may not have seen by then: less than nothing if it said too little.
    left: i128,
    /// What it said.
    told: u64,
    reset_at: Instant,
    /// Whether the service has said a later time than is believed: nobody knows then that the quota is full.
    is_cut: bool,
    pace: Pace,
}

/// Where calls are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pace {
    /// When the next may go.
    next_at: Instant,
    /// By which call, and when it might before that.
    by: u64,
    before: Instant,
}

impl Pace {
    const START: Self = Self { next_at: Instant::ORIGIN, by: 0, before: Instant::ORIGIN };
}

impl Known {
    pub(super) fn new(told: &ToldQuota) -> Self {
        Self {
            policy: told.policy.clone(),
            partition: told.partition.clone(),
            size: Size { quota: None, window: None },
            told_by: 0,
            sent_by_then: 0,
            stands: Stands::Silent,
        }
    }

    pub(super) fn is_of(&self, told: &ToldQuota) -> bool {
        told.is_of(&self.policy, self.partition.as_deref())
    }

    pub(super) const fn told_by(&self) -> u64 {
        self.told_by
    }

    /// Whether it says how many calls may be sent now.
    pub(super) fn is_counted(&self, now: Instant, under_way: u128, rules: &Rules) -> bool {
        matches!(self.at(now, under_way, rules), Stands::Counted(_))
    }

    /// How much may be sent now, if it says.
    pub(super) fn left(&self, now: Instant, under_way: u128, rules: &Rules) -> Option<u64> {
        match self.at(now, under_way, rules) {
            Stands::Silent => None,
            Stands::Counted(counted) => Some(u64::try_from(counted.left.max(0)).unwrap_or(u64::MAX)),
            Stands::Asking(by) => Some(u64::from(by.is_none())),
        }
    }

    /// How it stands at that time, after a reset if that has come by then.
    fn at(&self, now: Instant, under_way: u128, rules: &Rules) -> Stands {
        match self.stands {
            Stands::Counted(counted) if counted.reset_at <= now => match self.size.quota {
                // What is under way may be looked at after the reset.
                Some(quota) if !counted.is_cut => {
                    let (reset_at, is_cut) = self.reset_after(counted.reset_at, now, rules);
                    Stands::Counted(Counted {
                        left: i128::from(quota) - signed(under_way),
                        told: quota,
                        reset_at,
                        is_cut,
                        pace: counted.pace,
                    })
                }
                _ => Stands::Asking(None),
            },
            stands => stands,
        }
    }

    /// The first end of a window after `now`, where one has ended at `reset_at`; and whether it is a later one that is not
    /// believed.
    fn reset_after(&self, reset_at: Instant, now: Instant, rules: &Rules) -> (Instant, bool) {
        let Some(window) = self.size.window.map(nanos) else { return (now + rules.assumed_window, false) };
        let windows = (now - reset_at).as_nanos() / u128::from(window) + 1;
        let all = u128::from(window).saturating_mul(windows);
        let ends_at = reset_at + Duration::from_nanos(u64::try_from(all).unwrap_or(u64::MAX));
        let latest = now + rules.max_pause;
        (ends_at.min(latest), ends_at > latest)
    }

    /// Whether so much may be sent, behind what others wait to send; or when.
    pub(super) fn check(
        &self,
        cost: u64,
        ahead: u128,
        now: Instant,
        under_way: u128,
        rules: &Rules,
    ) -> Result<(), Wait> {
        let counted = match self.at(now, under_way, rules) {
            Stands::Silent => return Ok(()),
            Stands::Asking(None) if ahead == 0 => return Ok(()),
            Stands::Asking(_) => return Err(Wait::ForAnswer),
            Stands::Counted(counted) => counted,
        };
        if let Some(quota) = self.size.quota
            && cost > quota
        {
            return Err(Wait::Never { capacity: quota });
        }
        let lacks = signed(ahead).saturating_add(cost.into()).saturating_sub(counted.left);
        if lacks <= 0 {
            return if rules.is_even && counted.pace.next_at > now {
                Err(Wait::Until(counted.pace.next_at))
            } else {
                Ok(())
            };
        }
        let more = self.size.quota.map_or(0, |quota| (lacks - 1) / i128::from(quota));
        let window = self.size.window.map_or(rules.assumed_window, |window| rules.believed(window).0);
        let window = u128::from(nanos(window));
        let more = u128::try_from(more).unwrap_or(0).saturating_mul(window);
        Err(Wait::Until(counted.reset_at + Duration::from_nanos(u64::try_from(more).unwrap_or(u64::MAX))))
    }

    /// So much is sent, by the call of that number.
    pub(super) fn take(&mut self, cost: u64, number: u64, now: Instant, under_way: u128, rules: &Rules) {
        self.stands = self.at(now, under_way, rules);
        match &mut self.stands {
            Stands::Silent => {}
            Stands::Asking(by) => *by = Some(number),
            Stands::Counted(counted) => {
                let left = u128::try_from(counted.left).unwrap_or(0).max(1);
                let share = (counted.reset_at - now).as_nanos().saturating_mul(cost.into()) / left;
                let next_at = now + Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX));
                counted.pace = Pace { next_at, by: number, before: counted.pace.next_at };
                counted.left -= i128::from(cost);
            }
        }
    }

    /// So much was not sent after all, by the call of that number.
    pub(super) fn give_back(&mut self, cost: u64, number: u64) {
        match &mut self.stands {
            Stands::Counted(counted) => {
                counted.left += i128::from(cost);
                if counted.pace.by == number {
                    counted.pace.next_at = counted.pace.before;
                }
            }
            stands if *stands == Stands::Asking(Some(number)) => *stands = Stands::Asking(None),
            _ => {}
        }
    }

    /// A call has ended without a word of this quota; `is_answered` if there was an answer.
    pub(super) fn not_told(&mut self, number: u64, is_answered: bool) {
        if self.stands == Stands::Asking(Some(number)) {
            // It speaks of it no more.
            self.stands = if is_answered { Stands::Silent } else { Stands::Asking(None) };
        }
    }

    /// A call was answered, with a word of this quota; `reset` is how long that holds, if it was said, and whether that is
    /// less than was said.
    pub(super) fn told(
        &mut self,
        told: &ToldQuota,
        reset: Option<(Duration, bool)>,
        ended: Ended,
        now: Instant,
        rules: &Rules,
    ) {
        let Ended { number, cost, beside, last } = ended;
        let is_old = number < self.told_by;
        if !is_old {
            self.size.quota = told.quota.filter(|quota| *quota > 0).or(self.size.quota);
            self.size.window = told.window.filter(|window| nanos(*window) > 0).or(self.size.window);
        }
        let Some(remaining) = told.remaining else {
            return self.not_told(number, true);
        };
        if is_old || number <= self.sent_by_then {
            if let Stands::Counted(counted) = &mut self.stands
                && remaining > counted.told
            {
                // What is left grows less: the service had looked at it before it gave the last word, in which it is taken
                // off already. A second word of the same answer says nothing of it.
                if number != self.told_by {
                    counted.left += i128::from(cost);
                }
                return;
            }
            if is_old {
                return;
            }
        }
        (self.told_by, self.sent_by_then) = (number, last);
        let before = match self.stands {
            Stands::Counted(counted) if counted.reset_at > now => Some(counted),
            _ => None,
        };
        let (reset_at, is_cut) = match (reset, before) {
            (Some((reset, is_cut)), _) => (now + reset, is_cut),
            (None, Some(before)) => (before.reset_at, before.is_cut),
            (None, None) => {
                let (window, is_cut) =
                    self.size.window.map_or((rules.assumed_window, false), |w| rules.believed(w));
                (now + window, is_cut)
            }
        };
        self.stands = Stands::Counted(Counted {
            left: i128::from(remaining) - signed(beside),
            told: remaining,
            reset_at,
            is_cut,
            pace: before.map_or(Pace::START, |before| before.pace),
        });
    }
}

fn signed(cost: u128) -> i128 {
    i128::try_from(cost).unwrap_or(i128::MAX)
}
