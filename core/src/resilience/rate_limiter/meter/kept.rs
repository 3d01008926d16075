//! What has been granted as plain data, and back.

use super::{Kind, Meter};
use crate::instant::nanos;
use crate::resilience::rate_limiter::pace::Pace;
use crate::resilience::rate_limiter::quota::Quota;
use crate::resilience::rate_limiter::snapshot::{RateSnapshot, TakenPermits};
use crate::resilience::rate_limiter::window::Window;
use std::time::Duration;

impl Meter {
    /// What it has granted, at that time.
    pub(in crate::resilience::rate_limiter) fn snapshot(&self, quota: Quota, now: u64) -> RateSnapshot {
        let mut kept = RateSnapshot::full(quota);
        match &self.kind {
            Kind::Paced { pace, tat } => kept.full_after = Duration::from_nanos(full_after(pace, *tat, now)),
            Kind::Strict(window) => {
                let taken =
                    |(back_after, permits)| TakenPermits::new(Duration::from_nanos(back_after), permits);
                kept.taken = window.taken(now).into_iter().map(taken).collect();
            }
        }
        kept
    }

    /// Of what was granted here and there, the more. `before` is of the quota that the snapshot has, and `fresh` of this
    /// one's own.
    pub(in crate::resilience::rate_limiter) fn restore(
        &mut self,
        kept: &RateSnapshot,
        before: Kind,
        fresh: Kind,
        now: u64,
    ) {
        let kind = match (before, fresh) {
            (Kind::Strict(before), Kind::Strict(mut window)) => {
                // As if they had been taken in windows of this length.
                window.take_over(kept, before.length(), now);
                Kind::Strict(window)
            }
            (mut before, fresh) => {
                let mut promised = None;
                match &mut before {
                    Kind::Paced { pace, tat } => {
                        let left = nanos(kept.full_after.saturating_sub(kept.age));
                        if left > 0 {
                            *tat = pace.span(now.saturating_add(left)).first;
                        }
                        // More than the burst was taken for times to come.
                        let last = tat.saturating_sub(pace.tolerance);
                        promised = Some(last).filter(|last| *last > pace.span(now).last);
                    }
                    Kind::Strict(window) => window.take_over(kept, window.length(), now),
                }
                let mut meter = Self::new(before);
                meter.promised.extend(promised);
                meter.change(fresh, now);
                meter.kind
            }
        };
        match (&mut self.kind, kind) {
            (Kind::Paced { tat, .. }, Kind::Paced { tat: kept, .. }) => *tat = kept.max(*tat),
            (Kind::Strict(window), Kind::Strict(kept)) => window.merge(&kept),
            (Kind::Paced { .. }, _) | (Kind::Strict(_), _) => unreachable!("they are of one quota"),
        }
        self.forget_stamps();
    }
}

/// In how many nanoseconds nothing is left of what was taken.
fn full_after(pace: &Pace, tat: u64, now: u64) -> u64 {
    if tat <= pace.span(now).first {
        return 0;
    }
    let at = pace.when(tat);
    let at = if pace.span(at).first < tat { at.saturating_add(1) } else { at };
    at.saturating_sub(now)
}

impl Window {
    /// In how many nanoseconds how many come back, in that order.
    fn taken(&self, now: u64) -> Vec<(u64, u32)> {
        let mut taken: Vec<(u64, u32)> = Vec::new();
        for back_after in self.ends().filter_map(|at| at.checked_sub(now)).filter(|left| *left > 0) {
            match taken.last_mut().filter(|(last, _)| *last == back_after) {
                Some((_, permits)) => *permits += 1,
                None => taken.push((back_after, 1)),
            }
        }
        taken
    }

    /// Has these taken, in windows of that length, as if they had been in windows of this one's. There are none yet.
    fn take_over(&mut self, kept: &RateSnapshot, length: u64, now: u64) {
        let mut taken = kept.taken.clone();
        taken.sort_unstable_by_key(|taken| taken.back_after);
        // What there is no room for is not gone through: there may be any number of it.
        let all = taken.iter().fold(0_u64, |all, taken| all.saturating_add(taken.permits.into()));
        let mut skipped = all.saturating_sub(self.len());
        for TakenPermits { back_after, permits } in taken {
            let permits = u64::from(permits);
            let at = u128::from(now) + back_after.as_nanos() + u128::from(self.length());
            let at = at.saturating_sub(u128::from(length) + kept.age.as_nanos());
            let at = u64::try_from(at).unwrap_or(u64::MAX);
            // What has come back already was never taken.
            if at > now {
                if skipped > 0 {
                    self.forget(at);
                }
                (skipped..permits).for_each(|_| self.replace_oldest(at));
            }
            skipped = skipped.saturating_sub(permits);
        }
    }
}
