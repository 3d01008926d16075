//! What happens to links and hosts: cuts, holds, outages, crashes.

use super::agenda::Event;
use super::event::{Change, Fate, NetEvent};
use super::ids::{HostId, Key, Path};
use super::link::{Direction, Link};
use super::network::Network;
use super::socket::{Socket, State};
use backstay_core::time::Instant;
use std::collections::BTreeSet;
use std::time::Duration;

/// What becomes of packets that could not go on and now can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// They were lost and are sent again.
    Resent,
    /// They were on the way all the time, and arrive at once if they would have arrived by now.
    Resumed,
}

/// Links.
impl Network {
    /// Cuts one direction between two hosts.
    pub(super) fn cut(&mut self, path: Path) {
        if !self.direction(path).is_cut {
            self.note_change(Change::Cut, path);
            self.stop(path, |direction| direction.is_cut = true);
        }
    }

    /// Mends one direction between two hosts, and ends its outage.
    pub(super) fn mend(&mut self, now: Instant, path: Path) {
        let Some(direction) = self.directions.get(&path) else { return };
        let outage = direction.outage;
        if direction.is_cut || outage.is_some() {
            self.note_change(Change::Mended, path);
            self.restart(now, path, Again::Resent, |direction| {
                direction.is_cut = false;
                direction.outage = None;
            });
            self.strike_off(outage);
        }
    }

    /// Holds one direction between two hosts.
    pub(super) fn hold(&mut self, path: Path) {
        if !self.direction(path).is_held {
            self.note_change(Change::Held, path);
            self.stop(path, |direction| direction.is_held = true);
        }
    }

    /// Releases one direction between two hosts.
    pub(super) fn release(&mut self, now: Instant, path: Path) {
        if self.directions.get(&path).is_some_and(|direction| direction.is_held) {
            self.note_change(Change::Released, path);
            self.restart(now, path, Again::Resumed, |direction| direction.is_held = false);
        }
    }

    /// Mends and releases every link.
    pub(crate) fn heal_all(&mut self, now: Instant) {
        for path in self.paths(|_| true) {
            self.mend(now, path);
            self.release(now, path);
        }
    }

    /// Resets every connection between two hosts.
    pub(super) fn reset(&mut self, now: Instant, path: Path) {
        let open = self.sockets.values().filter(|socket| socket.is_open()).map(|socket| socket.route);
        let routes: Vec<_> =
            open.filter(|route| route.path() == path || route.path() == path.back()).collect();
        for route in routes {
            // A connection is listed from both of its ends: the first resets both.
            if route.from.socket.and_then(|id| self.sockets.get(&id)).is_some_and(Socket::is_open) {
                self.break_connection(now, route);
            }
        }
    }

    /// Whether a host refuses connections from now on, whoever listens.
    pub(super) fn set_refuses(&mut self, host: HostId, refuses: bool) {
        if let Some(host) = self.get_host_mut(host) {
            host.refuses = refuses;
        }
    }

    /// What a link is like from now on.
    pub(super) fn set_link(&mut self, path: Path, link: Link) {
        for path in [path, path.back()] {
            self.direction(path).link = Some(link);
        }
    }

    /// What links between hosts are like for which nobody has said it.
    pub(super) const fn set_default_link(&mut self, link: Link) {
        self.default_link = link;
    }

    /// Lets the link fail for a while, if a fault strikes.
    pub(super) fn maybe_fail(&mut self, now: Instant, path: Path) {
        let (chance, most) = self.faults.partitions;
        if !path.is_loopback() && self.dice.strikes(chance) {
            let until = now + self.dice.duration(&(Duration::ZERO..=most));
            self.fail_until(path, until);
            if self.dice.below(2) == 0 {
                self.fail_until(path.back(), until);
            }
        }
        let (chance, most) = self.faults.holds;
        if self.dice.strikes(chance) {
            let until = now + self.dice.duration(&(Duration::ZERO..=most));
            self.fail_until(path, until);
        }
    }

    /// Of two outages the one that ends later counts.
    fn fail_until(&mut self, path: Path, until: Instant) {
        let before = self.direction(path).outage;
        if before.is_none_or(|end| end.at() < until) {
            self.note_change(Change::Fails, path);
            let end = self.agenda.enter(until, Event::OutageEnds(path));
            self.stop(path, |direction| direction.outage = Some(end));
            self.strike_off(before);
        }
    }

    pub(super) fn outage_ends(&mut self, now: Instant, path: Path) {
        self.note_change(Change::Mended, path);
        self.restart(now, path, Again::Resent, |direction| direction.outage = None);
    }

    fn strike_off(&mut self, outage: Option<Key>) {
        if let Some(end) = outage {
            self.agenda.strike_off(end);
        }
    }

    /// Changes a direction for the worse; what is under way on it waits if it does not work any more.
    fn stop(&mut self, path: Path, change: impl FnOnce(&mut Direction)) {
        change(self.direction(path));
        self.recall(path);
    }

    /// Lets what is under way on a direction that does not work wait.
    fn recall(&mut self, path: Path) {
        let recalled = self.agenda.recall(|_, segment| segment.route.path() == path);
        for (due, segment) in recalled {
            // It is not under way any more: what is sent instead need not wait for it.
            if let Some(socket) = segment.route.to.socket.and_then(|id| self.sockets.get_mut(&id)) {
                socket.last_arrival = Instant::ORIGIN;
            }
            self.note_fate(Fate::Waits(segment.len() as u32), segment.route);
            self.direction(path).waiting.push_back((due, segment));
        }
    }

    /// Changes a direction for the better; what waits goes on if it works now.
    fn restart(&mut self, now: Instant, path: Path, again: Again, change: impl FnOnce(&mut Direction)) {
        change(self.direction(path));
        if !self.works(path) {
            return;
        }
        let direction = self.direction(path);
        let waiting = std::mem::take(&mut direction.waiting);
        if again == Again::Resent {
            // Nothing is under way, and what was leaving has left in vain.
            direction.forget_departures();
        }
        for (due, segment) in waiting {
            match again {
                Again::Resent => self.launch(now, segment),
                Again::Resumed => self.schedule(now, due.max(now), segment),
            }
        }
    }

    fn note_change(&mut self, what: Change, path: Path) {
        self.note(NetEvent::Link { what, from: path.from.ip(), to: path.to.ip() });
    }

    /// The directions of links that somebody has used or changed.
    fn paths(&self, which: impl Fn(&Path) -> bool) -> Vec<Path> {
        self.directions.keys().copied().filter(which).collect()
    }
}

/// Hosts.
impl Network {
    /// A host loses power: its sockets are gone, and nobody is told.
    ///
    /// What has left it arrives. What is sent to it waits, to be sent again when it is back. Who waits on one of its
    /// sockets is woken: its own tasks will be gone, but others may have got hold of one.
    pub(crate) fn crash(&mut self, id: HostId, now: Instant) {
        let Some(host) = self.get_host_mut(id).filter(|host| host.is_up) else { return };
        host.crash();
        self.note(NetEvent::Host { is_up: false, host: id.ip() });

        for (_, mut socket) in self.sockets.extract_if(.., |_, socket| socket.route.from.host == id) {
            self.wakes.wake(socket.wakers());
            if let State::Calling { gives_up } = socket.state {
                self.agenda.strike_off(gives_up);
            }
        }
        for (_, mut listener) in self.listeners.extract_if(.., |_, listener| listener.host == id) {
            listener.waiters.wake_all(&mut self.wakes);
        }
        // What had not left, and what the host had sent to itself, is gone.
        let gone = |departs, path: Path| path.from == id && (departs > now || path.is_loopback());
        let lost = self.agenda.recall(|departs, segment| gone(departs, segment.route.path()));
        // What will not arrive keeps nothing waiting that comes after it.
        let receivers: BTreeSet<_> = lost.iter().filter_map(|(_, segment)| segment.route.to.socket).collect();
        for id in receivers {
            if let Some(socket) = self.sockets.get_mut(&id) {
                socket.last_arrival = self.agenda.last_arrival(id);
            }
        }
        for path in self.paths(|path| path.from == id) {
            let direction = self.direction(path);
            direction.waiting.clear();
            direction.forget_departures();
        }
        for path in self.paths(|path| path.to == id) {
            self.recall(path);
        }
    }

    /// A host has power again: what was sent to it meanwhile is sent again, and finds no socket.
    pub(crate) fn restore(&mut self, id: HostId, now: Instant) {
        let Some(host) = self.get_host_mut(id).filter(|host| !host.is_up) else { return };
        host.is_up = true;
        self.note(NetEvent::Host { is_up: true, host: id.ip() });
        for path in self.paths(|path| path.to == id) {
            self.restart(now, path, Again::Resent, |_| {});
        }
    }
}
