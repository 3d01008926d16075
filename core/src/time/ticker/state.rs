//! When the next tick is due: numbers only.

use super::{MissedTicks, Tick};
use crate::instant::Instant;
use std::time::Duration;

/// | policy | a tick taken late at `now` | the one after it |
/// |---|---|---|
/// | skip | the last one due; those before it are missed | the next on the grid |
/// | burst | the first one due | one period after it, due or not |
/// | delay | the first one due; those after it are missed | one period after `now` |
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    next: Instant,
    // Never zero: the builder sees to that.
    period: Duration,
    missed_ticks: MissedTicks,
}

impl Schedule {
    pub(super) const fn new(first: Instant, period: Duration, missed_ticks: MissedTicks) -> Self {
        Self { next: first, period, missed_ticks }
    }

    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    pub(super) const fn period(&self) -> Duration {
        self.period
    }

    pub(super) const fn restart(&mut self, next: Instant) {
        self.next = next;
    }

    /// The tick that is due at `now`, if one is.
    pub(super) fn take(&mut self, now: Instant) -> Option<Tick> {
        if now < self.next || self.next == Instant::MAX {
            return None;
        }
        let period = crate::instant::nanos(self.period);
        let late = now.as_nanos() - self.next.as_nanos();
        let overdue = late / period;
        let tick = match self.missed_ticks {
            MissedTicks::Skip => {
                let scheduled = Instant::from_nanos(self.next.as_nanos() + overdue * period);
                self.next = scheduled + self.period;
                Tick { scheduled, missed: overdue }
            }
            MissedTicks::Burst => {
                let scheduled = self.next;
                self.next = scheduled + self.period;
                Tick { scheduled, missed: 0 }
            }
            MissedTicks::Delay => {
                let scheduled = self.next;
                self.next = now + self.period;
                Tick { scheduled, missed: overdue }
            }
        };
        Some(tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn at(ms: u64) -> Instant {
        Instant::from_nanos(ms * MS)
    }

    /// `(now, (scheduled, missed), next)`, in milliseconds.
    type Row = (u64, Option<(u64, u64)>, u64);

    /// For a period of 10 ms that starts at 10 ms.
    fn table(policy: MissedTicks, rows: &[Row]) {
        let mut schedule = Schedule::new(at(10), Duration::from_millis(10), policy);
        for &(now, tick, next) in rows {
            let tick = tick.map(|(scheduled, missed)| Tick { scheduled: at(scheduled), missed });
            assert_eq!(schedule.take(at(now)), tick, "{policy:?} at {now} ms");
            assert_eq!(schedule.next(), at(next), "{policy:?} after {now} ms");
        }
    }

    #[test]
    fn s19_skip_takes_the_last_due_tick_and_keeps_the_grid() {
        table(
            MissedTicks::Skip,
            &[
                (9, None, 10),
                (10, Some((10, 0)), 20),
                (15, None, 20),
                (20, Some((20, 0)), 30),
                (67, Some((60, 3)), 70),
                (70, Some((70, 0)), 80),
            ],
        );
    }

    #[test]
    fn s19_burst_makes_up_for_every_tick() {
        table(
            MissedTicks::Burst,
            &[
                (10, Some((10, 0)), 20),
                (47, Some((20, 0)), 30),
                (47, Some((30, 0)), 40),
                (47, Some((40, 0)), 50),
                (47, None, 50),
            ],
        );
    }

    #[test]
    fn s19_delay_counts_from_the_tick_taken() {
        table(
            MissedTicks::Delay,
            &[(10, Some((10, 0)), 20), (47, Some((20, 2)), 57), (56, None, 57), (57, Some((57, 0)), 67)],
        );
    }

    #[test]
    fn s20_huge_periods_and_far_instants_never_overflow() {
        for policy in [MissedTicks::Skip, MissedTicks::Burst, MissedTicks::Delay] {
            let mut schedule = Schedule::new(Instant::ORIGIN, Duration::MAX, policy);
            assert!(schedule.take(at(1)).is_some());
            assert_eq!(schedule.next(), Instant::MAX);
            assert_eq!(schedule.take(Instant::MAX), None, "never stays never");

            let mut schedule = Schedule::new(Instant::ORIGIN, Duration::from_nanos(1), policy);
            assert!(schedule.take(Instant::from_nanos(u64::MAX - 1)).is_some());
        }
    }
}
