//! What reports say of the network.

use super::ids::{Route, SocketId};
use super::network::Network;
use super::socket::Holder;
use std::collections::BTreeMap;

/// What a task waits for at a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitsTo {
    Connect,
    Read,
    Write,
}

impl Network {
    /// What a task waits for at a connection: `read from 10.0.0.2:80 (partitioned)`.
    pub(crate) fn describe_wait(&self, id: SocketId, what: WaitsTo) -> String {
        let Some(socket) = self.sockets.get(&id) else { return "a connection that is gone".to_owned() };
        let peer = socket.route.to.addr;
        let trouble = self.describe_trouble(socket.route);
        match what {
            WaitsTo::Connect => format!("connect to {peer}{trouble}"),
            WaitsTo::Read => format!("read from {peer}{trouble}"),
            WaitsTo::Write => format!("write to {peer}: window full{trouble}"),
        }
    }

    /// What is in the way of a connection.
    fn describe_trouble(&self, route: Route) -> &'static str {
        let directions =
            || [route.path(), route.path().back()].into_iter().filter_map(|path| self.directions.get(&path));
        if !self.is_up(route.to.host) {
            " (host down)"
        } else if directions().any(|direction| !direction.carries()) {
            " (partitioned)"
        } else if directions().any(|direction| !direction.works()) {
            " (held)"
        } else if route.to.socket.is_some_and(|peer| !self.sockets.contains_key(&peer)) {
            " (half-open)"
        } else {
            ""
        }
    }

    /// The sockets that programs have, in the order in which they were opened:
    /// `tcp 10.0.0.1:49152 -> 10.0.0.2:80 of main`.
    pub(crate) fn open_sockets(&self) -> impl Iterator<Item = String> + use<> {
        let mut lines = BTreeMap::new();
        for (id, socket) in self.sockets.iter().filter(|(_, socket)| socket.holder == Holder::Program) {
            let Route { from, to } = socket.route;
            lines.insert(*id, format!("tcp {} -> {} of {}", from.addr, to.addr, self.name(from.host)));
        }
        for (id, listener) in &self.listeners {
            lines.insert(*id, format!("tcp listener {} of {}", listener.addr, self.name(listener.host)));
        }
        lines.into_values()
    }
}
