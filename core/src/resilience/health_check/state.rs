//! What so many probes in a row say: no clock, nobody told.

use super::Health;

/// | health | a probe passed | a probe failed |
/// |---|---|---|
/// | unknown | healthy | unhealthy |
/// | healthy | | so many in a row: unhealthy |
/// | unhealthy | so many in a row: healthy | |
///
/// From any it is unknown again when nobody probes any more.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    healthy_after: u32,
    unhealthy_after: u32,
    health: Health,
    // Probes in a row that speak against it.
    against: u32,
}

/// From which view to which, after so many probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) from: Health,
    pub(super) to: Health,
    pub(super) probes: u32,
}

impl Machine {
    pub(super) const fn new(healthy_after: u32, unhealthy_after: u32) -> Self {
        Self { healthy_after, unhealthy_after, health: Health::Unknown, against: 0 }
    }

    /// A probe has ended.
    pub(super) fn record(&mut self, passed: bool) -> Option<Change> {
        let (says, enough) = match passed {
            true => (Health::Healthy, self.healthy_after),
            false => (Health::Unhealthy, self.unhealthy_after),
        };
        if says == self.health {
            self.against = 0;
            return None;
        }
        self.against += 1;
        // Where nothing is known, the first is believed.
        if self.health != Health::Unknown && self.against < enough {
            return None;
        }
        self.turn(says)
    }

    /// Nobody probes any more.
    pub(super) fn forget(&mut self) -> Option<Change> {
        self.against = 0;
        if self.health == Health::Unknown { None } else { self.turn(Health::Unknown) }
    }

    pub(super) const fn health(&self) -> Health {
        self.health
    }

    fn turn(&mut self, to: Health) -> Option<Change> {
        let change = Change { from: self.health, to, probes: self.against };
        (self.health, self.against) = (to, 0);
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Health::{Healthy, Unhealthy, Unknown};
    use proptest::prelude::*;

    #[test]
    fn thresholds_up_and_down() {
        let mut machine = Machine::new(2, 3);
        let change = |from, to, probes| Some(Change { from, to, probes });
        let table = [
            (true, change(Unknown, Healthy, 1)),
            (false, None),
            (false, None),
            (true, None), // not in a row
            (false, None),
            (false, None),
            (false, change(Healthy, Unhealthy, 3)),
            (false, None),
            (true, None),
            (false, None),
            (true, None),
            (true, change(Unhealthy, Healthy, 2)),
        ];
        for (row, (passed, expected)) in table.into_iter().enumerate() {
            assert_eq!(machine.record(passed), expected, "row {row}");
        }
        assert_eq!(machine.forget(), change(Healthy, Unknown, 0));
        assert_eq!(machine.forget(), None);
        assert_eq!(machine.record(false), change(Unknown, Unhealthy, 1));
        assert_eq!(machine.record(true), None);
        assert_eq!(machine.forget(), change(Unhealthy, Unknown, 0));
        assert_eq!(machine.record(true), change(Unknown, Healthy, 1), "what was before is forgotten");
    }

    proptest! {
        #[test]
        fn it_is_what_the_last_probes_say(
            up in 1..5_u32,
            down in 1..5_u32,
            probes in prop::collection::vec(any::<bool>(), 1..60),
        ) {
            let mut machine = Machine::new(up, down);
            let mut health = Unknown;
            for end in 1..=probes.len() {
                let seen = &probes[..end];
                let last = seen[end - 1];
                let in_a_row = seen.iter().rev().take_while(|passed| **passed == last).count() as u32;
                if end == 1 || in_a_row >= if last { up } else { down } {
                    health = if last { Healthy } else { Unhealthy };
                }
                let before = machine.health();
                let change = machine.record(last);
                prop_assert_eq!(machine.health(), health);
                prop_assert_eq!(change.is_some(), before != health);
            }
        }
    }
}
