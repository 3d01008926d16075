//! What is under way, in the order in which it is due.

use super::ids::{HostId, Key, Path, SocketId};
use super::segment::{Segment, Waiting};
use crate::choice::mix;
use backstay_core::time::Instant;
use std::collections::BTreeMap;

/// Something that will happen.
#[derive(Debug)]
pub(super) enum Event {
    /// A packet arrives, which has left its host at `departs`.
    Arrival { departs: Instant, segment: Segment },
    /// A call gives up waiting for an answer.
    GiveUp(SocketId),
    /// A direction of a link that a fault has cut mends itself.
    OutageEnds(Path),
    /// A direction of a link that a fault holds is released.
    HoldEnds(Path),
    /// A host that somebody has called exists now.
    Appears(HostId),
}

/// All that will happen. Each operation on one event takes the logarithm of their number.
///
/// Packets for different sockets that arrive at the same time do so in an order that the seed decides, each time
/// anew; packets for the same socket as they were entered, and everything else before them.
#[derive(Debug)]
pub(super) struct Agenda {
    events: BTreeMap<Key, Event>,
    // What decides ties.
    salt: u64,
    entered: u64,
}

impl Agenda {
    pub(super) const fn new(salt: u64) -> Self {
        Self { events: BTreeMap::new(), salt, entered: 0 }
    }

    pub(super) fn enter(&mut self, at: Instant, event: Event) -> Key {
        let key = Key::new(at, self.tie(at, &event), self.entered);
        self.entered += 1;
        self.events.insert(key, event);
        key
    }

    fn tie(&self, at: Instant, event: &Event) -> u64 {
        match event {
            Event::Arrival { segment, .. } => {
                // A call knows no socket at the other end: it stands for itself.
                let route = segment.route;
                let socket = route.to.socket.or(route.from.socket).map_or(0, |id| id.0);
                mix(mix(self.salt ^ at.as_nanos()) ^ socket).max(1)
            }
            _ => 0,
        }
    }

    pub(super) fn strike_off(&mut self, key: Key) {
        self.events.remove(&key);
    }

    /// When the next event is due; what is due never does not count.
    pub(super) fn next(&self) -> Option<Instant> {
        self.events.first_key_value().map(|(key, _)| key.at()).filter(|at| *at != Instant::MAX)
    }

    /// The next event that is due at or before `now`.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(Instant, Event)> {
        let due = self
            .events
            .first_entry()
            .filter(|entry| entry.key().at() <= now && entry.key().at() != Instant::MAX)?;
        let (key, event) = due.remove_entry();
        Some((key.at(), event))
    }

    /// The packets under way.
    pub(super) fn packets(&self) -> impl Iterator<Item = &Segment> {
        self.events.values().filter_map(|event| match event {
            Event::Arrival { segment, .. } => Some(segment),
            _ => None,
        })
    }

    /// When the last packet for a socket arrives that is under way; the origin if none is.
    pub(super) fn last_arrival(&self, at: SocketId) -> Instant {
        let is_for_it = |event: &Event| matches!(event, Event::Arrival { segment, .. } if segment.route.to.socket == Some(at));
        self.events.iter().rfind(|(_, event)| is_for_it(event)).map_or(Instant::ORIGIN, |(key, _)| key.at())
    }

    /// Takes the packets under way of which `which` says so, in the order in which they would arrive.
    pub(super) fn recall(&mut self, mut which: impl FnMut(Instant, &Segment) -> bool) -> Vec<Waiting> {
        let recalled = self.events.extract_if(.., |_, event| match event {
            Event::Arrival { departs, segment } => which(*departs, segment),
            _ => false,
        });
        recalled
            .filter_map(|(key, event)| match event {
                Event::Arrival { departs, segment } => Some(Waiting { departs, due: key.at(), segment }),
                _ => None,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn give_up(id: u64) -> Event {
        Event::GiveUp(SocketId(id))
    }

    #[test]
    fn events_come_in_order_and_those_of_one_time_as_they_were_entered() {
        let mut agenda = Agenda::new(1);
        agenda.enter(at(5), give_up(1));
        agenda.enter(at(3), give_up(2));
        agenda.enter(at(5), give_up(3));
        let struck_off = agenda.enter(at(1), give_up(4));
        agenda.strike_off(struck_off);
        agenda.strike_off(struck_off);
        assert_eq!(agenda.next(), Some(at(3)));
        assert!(agenda.take_due(at(2)).is_none());
        let order: Vec<_> = std::iter::from_fn(|| agenda.take_due(at(5)))
            .map(|(at, event)| match event {
                Event::GiveUp(id) => (at.as_nanos(), id.0),
                _ => unreachable!(),
            })
            .collect();
        assert_eq!(order, [(3, 2), (5, 1), (5, 3)]);
        assert_eq!(agenda.next(), None);
    }

    #[test]
    fn what_is_due_never_is_not_waited_for() {
        let mut agenda = Agenda::new(1);
        agenda.enter(Instant::MAX, give_up(1));
        assert_eq!(agenda.next(), None);
        assert!(agenda.take_due(Instant::MAX).is_none());
    }
}
