//! The simulated network: hosts, sockets, links, and what is under way between them.

use super::agenda::{Agenda, Event};
use super::event::NetEvent;
use super::faults::NetFaults;
use super::host::Host;
use super::ids::{HostId, Path, SocketId};
use super::link::{Direction, Link};
use super::listener::Listener;
use super::socket::Socket;
use super::wakes::Wakes;
use crate::choice::{Chance, Dice, mix};
use backstay_core::time::Instant;
use std::collections::BTreeMap;
use std::task::Waker;

/// The simulated network.
///
/// It is a state machine: it has no clock, waits for nothing and wakes nobody. Every operation is told the time;
/// whom to wake is handed out, to be woken when the network is unlocked.
///
/// Its operations are grouped by file: what sockets do is in `calls`, what packets do in `wire`, what happens to
/// links and hosts in `weather`, what reports say in `describe`.
#[derive(Debug)]
pub(crate) struct Network {
    pub(super) dice: Dice,
    // A stream of their own: what faults draw leaves latencies as they are.
    pub(super) fault_dice: Dice,
    pub(super) faults: NetFaults,
    pub(super) default_link: Link,
    // Most runs have only this one: it costs no allocation.
    main: Host,
    others: Vec<Host>,
    pub(super) directions: BTreeMap<Path, Direction>,
    pub(super) sockets: BTreeMap<SocketId, Socket>,
    pub(super) listeners: BTreeMap<SocketId, Listener>,
    sockets_so_far: u64,
    pub(super) agenda: Agenda,
    pub(super) wakes: Wakes,
    log: Vec<NetEvent>,
}

impl Network {
    /// A network of one host, called `main`. Allocates nothing.
    pub(crate) fn new(dice: Dice, fault_dice: Dice) -> Self {
        let agenda = Agenda::new(mix(dice.state()));
        Self {
            dice,
            fault_dice,
            faults: NetFaults::default(),
            default_link: Link::new(),
            main: Host::new("main".into()),
            others: Vec::new(),
            directions: BTreeMap::new(),
            sockets: BTreeMap::new(),
            listeners: BTreeMap::new(),
            sockets_so_far: 0,
            agenda,
            wakes: Wakes::new(),
            log: Vec::new(),
        }
    }

    /// When something under way is due. What waits for a link to work again is not under way.
    pub(crate) fn next_event(&self) -> Option<Instant> {
        self.agenda.next()
    }

    /// Lets happen what is due at or before `now`, and adds to `wakers` who is to be woken.
    pub(crate) fn advance(&mut self, now: Instant, wakers: &mut Vec<Waker>) {
        // Each event happens at its own time, even if the clock has moved past it.
        while let Some((at, event)) = self.agenda.take_due(now) {
            match event {
                Event::Arrival { segment, .. } => self.arrive(at, segment),
                Event::GiveUp(caller) => self.give_up(at, caller),
                Event::OutageEnds(path) => self.outage_ends(at, path),
                Event::HoldEnds(path) => self.hold_ends(at, path),
                Event::Appears(host) => self.put_through(host, now),
            }
        }
        self.wakes.give(wakers);
    }

    /// Who is to be woken, and what is to be dropped, once the network is unlocked.
    pub(crate) fn take_wakes(&mut self) -> Wakes {
        std::mem::take(&mut self.wakes)
    }

    /// Tells what has happened since the last time, in order.
    pub(crate) fn drain_events(&mut self, mut tell: impl FnMut(&NetEvent)) {
        self.log.drain(..).for_each(|event| tell(&event));
    }

    /// From here on, these faults happen.
    pub(crate) const fn set_faults(&mut self, faults: NetFaults) {
        self.faults = faults;
    }

    /// The host of this name, which is created if there is none.
    pub(crate) fn host(&mut self, name: &str) -> HostId {
        if let Some(host) = self.find_host(name) {
            return host;
        }
        self.others.push(Host::new(name.to_owned().into()));
        let host = HostId(self.others.len() as u32);
        if self.directions.iter().any(|(path, direction)| path.to == host && !direction.waiting.is_empty()) {
            // Somebody calls it already. Its time is the next one that anything happens at, which is now.
            self.agenda.enter(Instant::ORIGIN, Event::Appears(host));
        }
        host
    }

    /// The host of this name.
    pub(crate) fn find_host(&self, name: &str) -> Option<HostId> {
        (0..).zip(self.hosts()).find(|(_, host)| host.name == name).map(|(id, _)| HostId(id))
    }

    /// The names of all hosts, in the order of creation.
    pub(crate) fn host_names(&self) -> impl Iterator<Item = &str> {
        self.hosts().map(|host| &*host.name)
    }

    /// The name of a host.
    pub(crate) fn name(&self, host: HostId) -> &str {
        self.name_of(host.index())
    }

    /// The name of the host that was created as number `index`.
    pub(crate) fn name_of(&self, index: u32) -> &str {
        self.get_host(HostId(index)).map_or("nowhere", |host| &host.name)
    }

    fn hosts(&self) -> impl Iterator<Item = &Host> {
        std::iter::once(&self.main).chain(&self.others)
    }

    pub(super) fn get_host(&self, host: HostId) -> Option<&Host> {
        match host.0.checked_sub(1) {
            None => Some(&self.main),
            Some(index) => self.others.get(index as usize),
        }
    }

    pub(super) fn get_host_mut(&mut self, host: HostId) -> Option<&mut Host> {
        match host.0.checked_sub(1) {
            None => Some(&mut self.main),
            Some(index) => self.others.get_mut(index as usize),
        }
    }

    pub(super) fn is_up(&self, host: HostId) -> bool {
        self.get_host(host).is_some_and(|host| host.is_up)
    }

    pub(super) const fn new_socket(&mut self) -> SocketId {
        self.sockets_so_far += 1;
        SocketId(self.sockets_so_far)
    }

    pub(super) fn direction(&mut self, path: Path) -> &mut Direction {
        self.directions.entry(path).or_default()
    }

    /// What the link is like.
    pub(super) fn link_of(&self, path: Path) -> Link {
        match self.directions.get(&path).and_then(|direction| direction.link) {
            Some(link) => link,
            None if path.is_loopback() => Link::loopback(),
            None => self.default_link,
        }
    }

    /// The number of the last socket.
    pub(super) const fn last_socket(&self) -> SocketId {
        SocketId(self.sockets_so_far)
    }

    /// Whether what is sent is at least not lost.
    pub(super) fn carries(&self, path: Path) -> bool {
        self.directions.get(&path).is_none_or(Direction::carries) && self.is_up(path.to)
    }

    /// Whether what is sent arrives.
    pub(super) fn works(&self, path: Path) -> bool {
        self.directions.get(&path).is_none_or(Direction::works) && self.is_up(path.to)
    }

    pub(super) fn note(&mut self, event: NetEvent) {
        self.log.push(event);
    }

    /// A part of `count`, at least 1, if a fault strikes; else all of it.
    pub(super) fn shorten(&mut self, count: usize, chance: Chance) -> usize {
        if count > 1 && self.fault_dice.strikes(chance) {
            1 + self.fault_dice.below(u32::try_from(count).unwrap_or(u32::MAX)) as usize
        } else {
            count
        }
    }
}
