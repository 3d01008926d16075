//! The exact arithmetic of a rate: GCRA in ticks.
//!
//! The generic cell rate algorithm (ATM Forum, Traffic Management 4.0, its virtual scheduling form) keeps one time:
//! when the next permit would be due if all were evenly spaced (the TAT). A permit moves it on by the interval
//! between two, and is granted as long as the TAT is not further ahead of the clock than the burst.
//!
//! Seven permits in a second are 142 857 142.857… ns apart: counted in nanoseconds, each would lose a part of one,
//! or gain it. So time is counted in *ticks*: an interval is a whole number of them, as many as there are
//! nanoseconds in it, rounded up. A tick is never longer than a nanosecond and more than half as long, the reading of
//! a clock is converted, and what is added up is whole. Nothing drifts, ever.
//!
//! An instant of a whole nanosecond stands for that nanosecond: what comes at 5 ns may have come at 4.3. So who comes
//! when its permit is due, to the nanosecond that a clock can tell, loses nothing of the rate either.

/// Times are below this many nanoseconds.
pub(super) const MAX_NANOS: u64 = (1 << 60) - 1;

/// A rate and a burst, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::resilience) struct Pace {
    /// Ticks in a nanosecond, from 1 to less than 2, in units of 2^-127, rounded up.
    pub(super) ticks: u128,
    /// Nanoseconds in a tick, in units of 2^-127, rounded up.
    pub(super) nanos: u128,
    /// Ticks between two permits.
    pub(super) interval: u64,
    /// How many permits can be saved.
    pub(in crate::resilience) burst: u64,
    /// The same in ticks.
    pub(super) tolerance: u64,
}

/// A nanosecond in ticks: those after the nanosecond before and up to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::resilience) struct Span {
    pub(in crate::resilience) first: u64,
    pub(in crate::resilience) last: u64,
}

/// One, in units of 2^-127.
const ONE: u128 = 1 << 127;

/// No TAT is beyond this tick.
pub(super) const MAX_TICK: u64 = (1 << 62) - 1;

impl Pace {
    /// Nothing, for whoever counts otherwise.
    pub(super) const NONE: Self = Self { ticks: ONE, nanos: ONE, interval: 1, burst: 0, tolerance: 0 };

    /// `None` if the burst is not saved up within 2^60 ticks. There are at most as many permits as nanoseconds, and
    /// these are less than 2^60.
    pub(super) fn new(permits: u32, per: u64, burst: u32) -> Option<Self> {
        let permits = u64::from(permits);
        let interval = per.div_ceil(permits);
        let tolerance = interval.checked_mul(u64::from(burst)).filter(|ticks| *ticks <= MAX_NANOS)?;
        // `permits × interval` ticks are `per` nanoseconds: the ratio is less than 2, as there are not more permits than
        // nanoseconds.
        let all = permits * interval;
        let ticks = ONE + fraction(all - per, per);
        let nanos = if all == per { ONE } else { fraction(per, all) };
        Some(Self { ticks, nanos, interval, burst: u64::from(burst), tolerance })
    }

    /// The ticks of a nanosecond.
    ///
    /// Exact: a product with a ratio that is rounded up by less than 2^-127, of a number below 2^60, is rounded down
    /// to the same whole number as with the ratio itself, whose denominator is below 2^60 too.
    #[inline]
    pub(in crate::resilience) fn span(&self, now: u64) -> Span {
        let now = now.min(MAX_NANOS);
        let (product, rest) = mul(now, self.ticks);
        let last = (product >> 63) as u64;
        // The nanosecond before.
        let borrow = rest < self.ticks as u64;
        let before = product.wrapping_sub(self.ticks >> 64).wrapping_sub(u128::from(borrow));
        let first = if now == 0 { 0 } else { ((before >> 63) as u64).wrapping_add(1) };
        Span { first, last }
    }

    /// Takes `n` permits, at most [`burst`](Self::burst): the TAT after it; or the tick from which on that will do.
    #[inline]
    pub(in crate::resilience) fn take(&self, tat: u64, n: u64, span: Span) -> Result<u64, u64> {
        let next = tat.max(span.first).saturating_add(n.wrapping_mul(self.interval));
        let due = next.saturating_sub(self.tolerance);
        if due <= span.last { Ok(next) } else { Err(due) }
    }

    /// Takes `n` permits, whether they are there or not: the TAT after it, which may be further away than the burst.
    pub(in crate::resilience) fn charge(&self, tat: u64, n: u64, span: Span) -> u64 {
        tat.max(span.first).saturating_add(n.saturating_mul(self.interval)).min(MAX_TICK)
    }

    /// The ticks in which so many permits, at most [`burst`](Self::burst), come back.
    pub(in crate::resilience) const fn ticks_of(&self, permits: u64) -> u64 {
        permits.saturating_mul(self.interval)
    }

    /// The first nanosecond that has this tick, or one after it.
    pub(in crate::resilience) fn when(&self, tick: u64) -> u64 {
        let nanos = (mul(tick, self.nanos).0 >> 63) as u64;
        if nanos >= MAX_NANOS {
            return u64::MAX;
        }
        nanos + u64::from(self.span(nanos).last < tick)
    }

    /// In how many nanoseconds all of the burst can be taken.
    pub(in crate::resilience) fn all_after(&self, tat: u64, now: u64) -> u64 {
        self.when(tat).saturating_sub(now)
    }

    /// How many could be taken at once.
    pub(in crate::resilience) fn available(&self, tat: u64, span: Span) -> u64 {
        (span.last + self.tolerance).saturating_sub(tat.max(span.first)) / self.interval
    }

    /// The TAT of another pace at the same moment: what could be taken, whole permits and the part of one, can be
    /// taken, as long as it is not more than that other's burst; and what was taken in advance stays owed.
    pub(in crate::resilience) fn convert(&self, tat: u64, now: u64, to: &Self) -> u64 {
        let (before, after) = (self.span(now), to.span(now));
        let (interval, next) = (u128::from(self.interval), u128::from(to.interval));
        let (full, tat) = (before.last + self.tolerance, tat.max(before.first));
        let tat = match full.checked_sub(tat) {
            Some(left) => {
                let left = u128::from(left) * next / interval;
                u128::from(after.last + to.tolerance) - left.min(u128::from(to.tolerance))
            }
            None => {
                let owed = (u128::from(tat - full) * next).div_ceil(interval);
                u128::from(after.last + to.tolerance).saturating_add(owed)
            }
        };
        u64::try_from(tat).unwrap_or(MAX_TICK).min(MAX_TICK)
    }
}

/// A product in units of 2^64, and the rest.
#[inline]
fn mul(n: u64, by: u128) -> (u128, u64) {
    let low = u128::from(n) * u128::from(by as u64);
    let high = u128::from(n) * (by >> 64);
    (high.wrapping_add(low >> 64), low as u64)
}

/// A ratio below one, in units of 2^-127, rounded up.
fn fraction(above: u64, below: u64) -> u128 {
    let below = u128::from(below);
    let above = u128::from(above) << 64;
    let (high, rest) = (above / below, (above % below) << 63);
    ((high << 63) | (rest / below)) + u128::from(!rest.is_multiple_of(below))
}

#[cfg(test)]
mod tests;
