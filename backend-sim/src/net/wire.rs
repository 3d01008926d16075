//! What packets do: leave, arrive, and what they cause there.

use super::agenda::Event;
use super::event::{Fate, NetEvent};
use super::ids::{Route, SocketId};
use super::listener::Call;
use super::network::Network;
use super::segment::{Kind, Segment, Waiting};
use super::socket::{Holder, Socket, State};
use backstay_core::time::Instant;
use std::io::ErrorKind;
use std::time::Duration;

/// Leaving.
impl Network {
    /// Sends a packet, if no fault is in its way.
    pub(super) fn send(&mut self, now: Instant, segment: Segment) {
        if segment.len() > 0 && self.fault_dice.strikes(self.faults.resets) {
            self.break_connection(now, segment.route);
            return;
        }
        self.maybe_fail(now, segment.route.path());
        self.launch(now, segment);
    }

    /// Puts a packet on its way, where it may have to wait for the link to work.
    pub(super) fn launch(&mut self, now: Instant, segment: Segment) {
        let path = segment.route.path();
        let link = self.link_of(path);
        let departs = self.direction(path).departure(now, link.transmission(segment.len()));
        let mut due = departs + link.latency_of().draw(&mut self.dice);
        let (chance, most) = self.faults.jitter;
        if self.fault_dice.strikes(chance) {
            due += self.fault_dice.duration(&(Duration::ZERO..=most));
        }
        if self.works(path) {
            self.schedule(departs, due, segment);
        } else {
            self.note_fate(Fate::Waits(segment.len() as u32), segment.route);
            self.direction(path).waiting.push_back(Waiting { departs, due, segment });
        }
    }

    /// Lets a packet arrive at `due`, or when the one before it does.
    pub(super) fn schedule(&mut self, departs: Instant, due: Instant, segment: Segment) {
        let mut due = due;
        if let Some(socket) = segment.route.to.socket.and_then(|id| self.sockets.get_mut(&id)) {
            due = due.max(socket.last_arrival);
            socket.last_arrival = due;
        }
        self.agenda.enter(due, Event::Arrival { departs, segment });
    }

    fn answer(&mut self, now: Instant, to: Route, kind: Kind) {
        self.send(now, Segment { route: to.back(), kind });
    }

    pub(super) fn note_fate(&mut self, what: Fate, route: Route) {
        self.note(NetEvent::Connection { what, from: route.from.addr, to: route.to.addr });
    }
}

/// Arriving.
impl Network {
    pub(super) fn arrive(&mut self, now: Instant, segment: Segment) {
        let bytes = segment.len() as u32;
        let Segment { route, kind } = segment;
        if let Kind::Syn { window } = kind {
            return self.call_arrives(now, Call { route, window });
        }
        let known = route.to.socket.and_then(|id| Some((id, self.sockets.get_mut(&id)?)));
        let Some((id, socket)) = known else {
            return self.arrive_at_nobody(now, route, &kind);
        };
        let orphaned = socket.holder == Holder::Nobody;
        match (kind, socket.state) {
            (Kind::SynAck, State::Calling { gives_up }) => {
                socket.route.to.socket = route.from.socket;
                socket.open(&mut self.wakes);
                self.agenda.strike_off(gives_up);
                self.answer(now, route, Kind::Ack);
            }
            (Kind::Ack, State::Answering { listener }) => {
                socket.open(&mut self.wakes);
                self.connected(listener, id, route);
            }
            (Kind::Data(_), State::Open) if orphaned => {
                // Whoever drops a socket wants nothing more from it, and says so.
                self.sockets.remove(&id);
                self.note_fate(Fate::Dropped(bytes), route);
                self.answer(now, route, Kind::Rst);
            }
            (Kind::Data(data), State::Open) => {
                socket.receive(data, &mut self.wakes);
                self.note_fate(Fate::Delivered(bytes), route);
            }
            (Kind::Room(count), State::Open) => socket.has_room(count, &mut self.wakes),
            (Kind::Fin, State::Open) => {
                socket.peer_ends(&mut self.wakes);
                if orphaned {
                    // Both ends have said all they had to say.
                    self.sockets.remove(&id);
                }
                self.note_fate(Fate::Ended, route);
            }
            (Kind::Rst, state) => {
                if state == State::Open {
                    self.note_fate(Fate::Reset, route);
                }
                self.reset_socket(now, id);
            }
            // A connection that is over is like none.
            (kind, _) => self.arrive_at_nobody(now, route, &kind),
        }
    }

    fn arrive_at_nobody(&mut self, now: Instant, mut route: Route, kind: &Kind) {
        if let Kind::Data(data) = kind {
            self.note_fate(Fate::Dropped(data.len() as u32), route);
        }
        let sender = route.from.socket.and_then(|id| self.sockets.get(&id));
        let wants_to_know = sender.is_some_and(|socket| match kind {
            // It reads what is left, and has nothing to send: it does not matter to it that nobody is there.
            Kind::Room(_) if socket.has_ended => false,
            _ => socket.state != State::Over,
        });
        if *kind != Kind::Rst && wants_to_know {
            // It is the host that answers: if its socket was lost with its power, the answer is not.
            route.to.socket = None;
            self.answer(now, route, Kind::Rst);
        }
    }

    fn call_arrives(&mut self, now: Instant, call: Call) {
        let route = call.route;
        if !self.is_calling(route) {
            return;
        }
        let host = self.get_host(route.to.host);
        let heard = host.filter(|host| !host.refuses).and_then(|host| {
            let addr = route.to.addr;
            host.listener(addr.ip(), addr.port())
        });
        let is_refused = self.fault_dice.strikes(self.faults.refusals);
        match heard.filter(|_| !is_refused) {
            Some(id) => match self.listeners.get_mut(&id) {
                Some(listener) if listener.has_room() => self.take_call(now, id, call),
                Some(listener) => listener.overflow.push_back(call),
                None => {}
            },
            None => {
                self.note_fate(Fate::Refused, route);
                self.answer(now, route, Kind::Rst);
            }
        }
    }

    /// Answers a call: the backlog has room for it.
    fn take_call(&mut self, now: Instant, listener: SocketId, call: Call) {
        let id = self.new_socket();
        let mut route = call.route.back();
        route.from.socket = Some(id);
        let socket = Socket::new(route, State::Answering { listener }, Holder::Listener, call.window);
        self.sockets.insert(id, socket);
        if let (Some(listener), Some(caller)) = (self.listeners.get_mut(&listener), route.to.socket) {
            listener.answering.insert(caller, id);
        }
        self.send(now, Segment { route, kind: Kind::SynAck });
    }

    /// The caller has heard the answer.
    fn connected(&mut self, listener: SocketId, id: SocketId, route: Route) {
        if let Some(listener) = self.listeners.get_mut(&listener) {
            listener.hang_up(route.from.socket);
            listener.ready.push_back(id);
            listener.waiters.wake_all(&mut self.wakes);
        }
        self.note_fate(Fate::Connected, route);
    }

    /// Takes in a call that waits for room in the backlog, if there is room now.
    pub(super) fn take_waiting_call(&mut self, now: Instant, id: SocketId) {
        while let Some(listener) = self.listeners.get_mut(&id).filter(|listener| listener.has_room())
            && let Some(call) = listener.overflow.pop_front()
        {
            // Its caller may have given up, and then does not call again.
            if self.is_calling(call.route) {
                self.take_call(now, id, call);
            }
        }
    }

    /// A call was not answered in time.
    pub(super) fn give_up(&mut self, now: Instant, caller: SocketId) {
        if let Some(socket) = self.sockets.get_mut(&caller) {
            let route = socket.route;
            socket.fail(ErrorKind::TimedOut, &mut self.wakes);
            self.stop_calling(now, route);
            self.note_fate(Fate::TimedOut, route);
        }
    }

    /// A caller does not call again: what waits to be sent again is not.
    pub(super) fn stop_calling(&mut self, now: Instant, route: Route) {
        // It has one packet at most, and those who give up in the order of their calls find it in front.
        let waiting = &mut self.direction(route.path()).waiting;
        let is_its = |waiting: &Waiting| waiting.segment.route.from.socket == route.from.socket;
        if let Some(place) = waiting.iter().position(is_its) {
            waiting.remove(place);
        }
        self.hang_up(now, route);
    }

    /// A caller is gone: if it was answered, its place in the backlog is free. On Linux the one who answers finds
    /// out for itself, after as many attempts; here it knows at once.
    pub(super) fn hang_up(&mut self, now: Instant, call: Route) {
        let callee = call.to;
        let listener =
            self.get_host(callee.host).and_then(|host| host.listener(callee.addr.ip(), callee.addr.port()));
        let Some(id) = listener else { return };
        let answering = self.listeners.get_mut(&id).and_then(|listener| listener.hang_up(call.from.socket));
        if let Some(answering) = answering {
            self.sockets.remove(&answering);
            self.take_waiting_call(now, id);
        }
    }

    /// Whether a caller still waits for its answer.
    fn is_calling(&self, call: Route) -> bool {
        let caller = call.from.socket.and_then(|caller| self.sockets.get(&caller));
        caller.is_some_and(|caller| matches!(caller.state, State::Calling { .. }))
    }

    /// A socket learns that there is no connection.
    fn reset_socket(&mut self, now: Instant, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        match socket.state {
            State::Calling { gives_up } => {
                socket.fail(ErrorKind::ConnectionRefused, &mut self.wakes);
                self.agenda.strike_off(gives_up);
            }
            State::Answering { listener } => {
                let caller = socket.route.to.socket;
                self.sockets.remove(&id);
                if let Some(listener) = self.listeners.get_mut(&listener) {
                    listener.hang_up(caller);
                }
                self.take_waiting_call(now, listener);
            }
            State::Open if socket.holder == Holder::Nobody => {
                self.sockets.remove(&id);
            }
            State::Open => socket.reset(&mut self.wakes),
            State::Over => {}
        }
    }

    /// Resets both ends of a connection at once.
    pub(super) fn break_connection(&mut self, now: Instant, route: Route) {
        self.note_fate(Fate::Reset, route);
        for id in [route.from.socket, route.to.socket].into_iter().flatten() {
            self.reset_socket(now, id);
        }
    }
}
