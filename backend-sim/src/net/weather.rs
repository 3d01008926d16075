//! What happens to links and hosts: cuts, holds, outages, crashes.

use super::agenda::Event;
use super::event::{Change, Fate, NetEvent};
use super::ids::{HostId, Key, Path, Route, SocketId};
use super::link::{Direction, Link};
use super::network::Network;
use super::segment::{Kind, Segment, Waiting};
use super::socket::{Socket, State};
use backstay_core::time::Instant;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

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
        let Some(direction) = self.directions.get_mut(&path) else { return };
        if !direction.carries() {
            direction.is_cut = false;
            let outage = direction.outage.take();
            self.strike_off(outage);
            self.note_change(Change::Mended, path);
            self.send_again(now, path);
        }
    }

    /// Holds one direction between two hosts.
    pub(super) fn hold(&mut self, path: Path) {
        if !self.direction(path).is_held {
            self.note_change(Change::Held, path);
            self.stop(path, |direction| direction.is_held = true);
        }
    }

    /// Releases one direction between two hosts, and ends a fault's hold of it.
    pub(super) fn release(&mut self, now: Instant, path: Path) {
        let Some(direction) = self.directions.get_mut(&path) else { return };
        let faulty_hold = direction.faulty_hold.take();
        if std::mem::take(&mut direction.is_held) || faulty_hold.is_some() {
            self.strike_off(faulty_hold);
            self.note_change(Change::Released, path);
            self.resume(now, path);
        }
    }

    /// Mends and releases every link.
    pub(crate) fn heal_all(&mut self, now: Instant) {
        self.end_outages(now);
        for path in self.paths(|_| true) {
            self.mend(now, path);
            self.release(now, path);
        }
    }

    /// Ends what faults have done to links; what somebody has asked for stays.
    pub(crate) fn end_outages(&mut self, now: Instant) {
        for path in self.paths(|_| true) {
            let Some(direction) = self.directions.get(&path) else { continue };
            let (outage, hold) = (direction.outage, direction.faulty_hold);
            if outage.is_some() {
                self.outage_ends(now, path);
            }
            if hold.is_some() {
                self.hold_ends(now, path);
            }
            self.strike_off(outage);
            self.strike_off(hold);
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
        if !path.is_loopback() && self.fault_dice.strikes(chance) {
            let until = now + self.fault_dice.duration(&(Duration::ZERO..=most));
            self.fail_until(path, until);
            if self.fault_dice.below(2) == 0 {
                self.fail_until(path.back(), until);
            }
        }
        let (chance, most) = self.faults.holds;
        if self.fault_dice.strikes(chance) {
            let until = now + self.fault_dice.duration(&(Duration::ZERO..=most));
            self.hang_until(path, until);
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

    /// Of two holds the one that ends later counts.
    fn hang_until(&mut self, path: Path, until: Instant) {
        let before = self.direction(path).faulty_hold;
        if before.is_none_or(|end| end.at() < until) {
            self.note_change(Change::Hangs, path);
            let end = self.agenda.enter(until, Event::HoldEnds(path));
            self.stop(path, |direction| direction.faulty_hold = Some(end));
            self.strike_off(before);
        }
    }

    /// What a fault has cut is mended.
    pub(super) fn outage_ends(&mut self, now: Instant, path: Path) {
        self.note_change(Change::Mended, path);
        self.direction(path).outage = None;
        self.send_again(now, path);
    }

    /// What a fault has held is released.
    pub(super) fn hold_ends(&mut self, now: Instant, path: Path) {
        self.note_change(Change::Released, path);
        self.direction(path).faulty_hold = None;
        self.resume(now, path);
    }

    fn strike_off(&mut self, event: Option<Key>) {
        if let Some(event) = event {
            self.agenda.strike_off(event);
        }
    }

    /// Changes a direction for the worse: what is under way on it waits.
    fn stop(&mut self, path: Path, change: impl FnOnce(&mut Direction)) {
        change(self.direction(path));
        self.recall(path);
    }

    /// Lets what is under way on a direction that does not work wait.
    fn recall(&mut self, path: Path) {
        let recalled = self.agenda.recall(|_, segment| segment.route.path() == path);
        for waiting in recalled {
            let route = waiting.segment.route;
            // It is not under way any more: what is sent instead need not wait for it.
            if let Some(socket) = route.to.socket.and_then(|id| self.sockets.get_mut(&id)) {
                socket.last_arrival = Instant::ORIGIN;
            }
            self.note_fate(Fate::Waits(waiting.segment.len() as u32), route);
            self.direction(path).waiting.push_back(waiting);
        }
    }

    /// What was lost on a direction is sent again, if it is not lost again. It may have to wait for a release.
    fn send_again(&mut self, now: Instant, path: Path) {
        if !self.carries(path) {
            return;
        }
        let sender = self.get_host(path.from).map_or(SocketId(0), |host| host.lost);
        let direction = self.direction(path);
        let waiting = std::mem::take(&mut direction.waiting);
        // Nothing is under way, and what was leaving has left in vain.
        direction.forget_departures();
        for Waiting { segment, .. } in waiting {
            let Route { from, to } = segment.route;
            if from.socket.is_some_and(|id| id <= sender) {
                // Its sender has crashed since, and does not know of it. Who waits for it as an answer asks again.
                to.socket.into_iter().for_each(|caller| self.call_again(now, caller));
                if segment.kind == Kind::Ack {
                    // Its listener would wait for it for ever.
                    self.hang_up(now, segment.route);
                }
            } else {
                self.launch(now, segment);
            }
        }
    }

    /// What was held on a direction goes on, if nothing else is in its way.
    fn resume(&mut self, now: Instant, path: Path) {
        if self.works(path) {
            for Waiting { departs, due, segment } in std::mem::take(&mut self.direction(path).waiting) {
                self.schedule(departs, due.max(now), segment);
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
    /// What has left it arrives. What is sent to it waits, to be sent again when it is back, and who calls it goes
    /// on to do so. Who waits on one of its sockets is woken: its own tasks will be gone, but others may have got
    /// hold of one.
    pub(crate) fn crash(&mut self, id: HostId, now: Instant) {
        let last_socket = self.last_socket();
        let Some(host) = self.get_host_mut(id).filter(|host| host.is_up) else { return };
        host.crash(last_socket);
        self.note(NetEvent::Host { is_up: false, host: id.ip() });

        for (_, mut listener) in self.listeners.extract_if(.., |_, listener| listener.host == id) {
            listener.waiters.wake_all(&mut self.wakes);
        }
        let gone: Vec<_> = self.sockets.extract_if(.., |_, socket| socket.route.from.host == id).collect();
        for (_, mut socket) in gone {
            self.wakes.wake(socket.wakers());
            if let State::Calling { gives_up } = socket.state {
                self.agenda.strike_off(gives_up);
                self.hang_up(now, socket.route);
            }
        }
        for segment in self.lose_unsent(id, now) {
            if segment.kind == Kind::Ack {
                // Its listener would wait for it for ever.
                self.hang_up(now, segment.route);
            }
        }
        for path in self.paths(|path| path.to == id) {
            self.recall(path);
        }
        self.all_call_again(id, now);
    }

    /// Takes away what a host has sent that had not left when it crashed, and what it had sent to itself.
    fn lose_unsent(&mut self, id: HostId, now: Instant) -> Vec<Segment> {
        let is_lost = |departs, path: Path| path.from == id && (departs > now || path.is_loopback());
        let lost = self.agenda.recall(|departs, segment| is_lost(departs, segment.route.path()));
        let mut lost: Vec<_> = lost.into_iter().map(|waiting| waiting.segment).collect();
        // What will not arrive keeps nothing waiting that comes after it.
        let receivers: BTreeSet<_> = lost.iter().filter_map(|segment| segment.route.to.socket).collect();
        for id in receivers {
            if let Some(socket) = self.sockets.get_mut(&id) {
                socket.last_arrival = self.agenda.last_arrival(id);
            }
        }
        for path in self.paths(|path| path.from == id) {
            // What was lost on the way would be sent again by nobody; what is held is on the way.
            let carries = self.carries(path);
            let direction = self.direction(path);
            direction.forget_departures();
            let (gone, held): (VecDeque<_>, _) = std::mem::take(&mut direction.waiting)
                .into_iter()
                .partition(|waiting| !carries || is_lost(waiting.departs, path));
            direction.waiting = held;
            lost.extend(gone.into_iter().map(|waiting| waiting.segment));
        }
        lost
    }

    /// Whoever calls a host that has forgotten it, and has no answer on its way, calls again.
    fn all_call_again(&mut self, id: HostId, now: Instant) {
        let calls =
            |socket: &Socket| matches!(socket.state, State::Calling { .. }) && socket.route.to.host == id;
        let callers = self.sockets.iter().filter(|(_, socket)| calls(socket)).map(|(id, _)| *id);
        let mut callers: BTreeSet<_> = callers.collect();
        let waiting = self.directions.values().flat_map(|direction| &direction.waiting);
        for segment in self.agenda.packets().chain(waiting.map(|waiting| &waiting.segment)) {
            for end in [segment.route.from, segment.route.to] {
                end.socket.map(|id| callers.remove(&id));
            }
        }
        callers.into_iter().for_each(|caller| self.call_again(now, caller));
    }

    /// Calls again, if it still wants to.
    fn call_again(&mut self, now: Instant, caller: SocketId) {
        if let Some(socket) = self.sockets.get(&caller)
            && matches!(socket.state, State::Calling { .. })
        {
            let kind = Kind::Syn { window: socket.window() };
            self.launch(now, Segment { route: socket.route, kind });
        }
    }

    /// A host has power again: what was sent to it meanwhile is sent again, and finds no socket.
    pub(crate) fn restore(&mut self, id: HostId, now: Instant) {
        let Some(host) = self.get_host_mut(id).filter(|host| !host.is_up) else { return };
        host.is_up = true;
        self.note(NetEvent::Host { is_up: true, host: id.ip() });
        self.put_through(id, now);
    }

    /// A host can be reached: what was sent to it before is sent again.
    pub(super) fn put_through(&mut self, id: HostId, now: Instant) {
        for path in self.paths(|path| path.to == id) {
            self.send_again(now, path);
        }
    }
}
