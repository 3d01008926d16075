//! Permits that were taken ahead, in one round trip for many calls.

use crate::instant::Instant;
use std::time::Duration;

/// What is left of the permits that were taken ahead. Pure: its methods take `now`.
///
/// | | |
/// |---|---|
/// | `left` | unused permits, never more than `size` |
/// | `until` | when they end: `keep` after the last of those who asked for more began to ask |
/// | `asking` | somebody asks for more: one at a time, so that there are never more than `size` |
#[derive(Debug)]
pub(super) struct Lease {
    size: u32,
    keep: Duration,
    left: u32,
    until: Instant,
    asking: bool,
}

impl Lease {
    /// Of no permits where there are to be none ahead.
    pub(super) const fn new(size: u32, keep: Duration) -> Self {
        Self { size, keep, left: 0, until: Instant::ORIGIN, asking: false }
    }

    pub(super) const fn is_used(&self) -> bool {
        self.size > 0
    }

    /// Takes so many, if there are.
    pub(super) fn take(&mut self, n: u32, now: Instant) -> bool {
        self.expire(now);
        match self.left.checked_sub(n) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// How many more than it needs itself one who asks now should ask for; then it has to [end](Self::asked) it.
    pub(super) fn begin(&mut self, now: Instant) -> Option<u32> {
        self.expire(now);
        // Of its own it uses one or more; with those, it is a whole lease.
        let more = self.size.saturating_sub(self.left).saturating_sub(1);
        if self.asking || more == 0 {
            return None;
        }
        self.asking = true;
        Some(more)
    }

    /// Whoever asked has so many now that it does not need, as of when it began to ask.
    pub(super) fn asked(&mut self, more: u32, began: Instant, now: Instant) {
        self.asked_in_vain();
        if more > 0 {
            // What has ended meanwhile does not come back with them.
            self.expire(now);
            self.left = self.left.saturating_add(more).min(self.size);
            self.until = began + self.keep;
        }
    }

    /// Whoever asked has failed, or was dropped.
    pub(super) const fn asked_in_vain(&mut self) {
        self.asking = false;
    }

    /// Changes nothing.
    pub(super) fn left(&self, now: Instant) -> u32 {
        if now >= self.until { 0 } else { self.left }
    }

    fn expire(&mut self, now: Instant) {
        self.left = self.left(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn it_is_handed_out_and_ends() {
        let mut lease = Lease::new(5, Duration::from_millis(100));
        assert!(!lease.take(1, at(0)));
        assert_eq!(lease.begin(at(0)), Some(4));
        assert_eq!(lease.begin(at(0)), None, "one at a time");
        lease.asked(4, at(0), at(0));
        assert!(lease.take(3, at(99)) && !lease.take(2, at(99)) && lease.take(1, at(99)));
        assert_eq!(lease.begin(at(99)), Some(4));
        lease.asked(4, at(99), at(99));
        assert_eq!(lease.left(at(198)), 4);
        assert!(!lease.take(1, at(199)), "kept for so long, and no longer");
        let mut none = Lease::new(0, Duration::MAX);
        assert!(!none.is_used() && none.begin(at(0)).is_none());
    }

    proptest! {
        #[test]
        fn it_never_has_more_than_its_size(
            size in 0..20_u32, steps in prop::collection::vec((0..4_u8, 0..25_u32, 0..50_u64), 1..200),
        ) {
            let mut lease = Lease::new(size, Duration::from_millis(100));
            let (mut now, mut asked) = (0, None);
            for (what, n, later) in steps {
                now += later;
                match what {
                    0 => drop(lease.take(n, at(now))),
                    1 => asked = asked.or(lease.begin(at(now)).map(|more| (more, now))),
                    _ => if let Some((more, began)) = asked.take() {
                        lease.asked(more.min(n), at(began), at(now));
                    },
                }
                prop_assert!(lease.left(at(now)) <= size);
            }
        }
    }
}
