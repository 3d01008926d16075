//! When the next hedge begins: no clock, no waiting.

use crate::instant::Instant;
use std::time::Duration;

/// How far a call has come with its hedges.
#[derive(Debug)]
pub(super) struct Plan {
    hedges: u32,
    next: Next,
}

/// When the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// When the last one has been under way for the delay: from when, is not known yet.
    AfterDelay,
    At(Instant),
    AtOnce,
    Never,
}

impl Plan {
    pub(super) const fn new() -> Self {
        Self { hedges: 0, next: Next::AfterDelay }
    }

    /// How many there are.
    pub(super) const fn hedges(&self) -> u32 {
        self.hedges
    }

    pub(super) const fn next(&self) -> Next {
        self.next
    }

    /// The last one is under way: the next begins after that delay.
    pub(super) fn wait(&mut self, now: Instant, delay: Duration) {
        self.next = if delay.is_zero() { Next::AtOnce } else { Next::At(now + delay) };
    }

    /// One has failed, and the service asks for that much time, if for any. There is no delay to wait for any more.
    pub(super) fn failed(&mut self, retry_after: Option<Duration>, now: impl FnOnce() -> Instant) {
        match (self.next, retry_after) {
            (Next::Never, _) => {}
            (_, None) => self.next = Next::AtOnce,
            (_, Some(Duration::MAX)) => self.next = Next::Never,
            (_, Some(time)) => self.wait(now(), time),
        }
    }

    /// No other begins in this call.
    pub(super) const fn close(&mut self) {
        self.next = Next::Never;
    }

    /// Another begins; which.
    pub(super) const fn begin(&mut self) -> u32 {
        self.hedges += 1;
        self.next = Next::AfterDelay;
        self.hedges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_nanos(1_000);
    const TIME: Duration = Duration::from_nanos(10);

    #[test]
    fn each_step_says_when_the_next_begins() {
        let mut plan = Plan::new();
        assert_eq!((plan.hedges(), plan.next()), (0, Next::AfterDelay));
        plan.wait(NOW, TIME);
        assert_eq!(plan.next(), Next::At(NOW + TIME));
        assert_eq!((plan.begin(), plan.next()), (1, Next::AfterDelay));
        plan.wait(NOW, Duration::ZERO);
        assert_eq!(plan.next(), Next::AtOnce);
        assert_eq!(plan.begin(), 2);
        plan.failed(None, || unreachable!("nobody asks for the time"));
        assert_eq!(plan.next(), Next::AtOnce);
        plan.failed(Some(TIME), || NOW);
        assert_eq!(plan.next(), Next::At(NOW + TIME));
        plan.failed(Some(Duration::MAX), || unreachable!("nobody asks for the time"));
        assert_eq!(plan.next(), Next::Never);
    }

    #[test]
    fn what_is_closed_stays_so() {
        let mut plan = Plan::new();
        plan.close();
        plan.failed(None, || NOW);
        plan.failed(Some(TIME), || NOW);
        assert_eq!(plan.next(), Next::Never);
    }

    #[test]
    fn a_delay_without_end_never_comes() {
        let mut plan = Plan::new();
        plan.wait(NOW, Duration::MAX);
        assert_eq!(plan.next(), Next::At(Instant::MAX));
    }
}
