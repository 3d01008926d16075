//! What a server counts.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// What a [`Server`](super::Server) has done so far, to be looked at while it runs and afterwards.
///
/// A clone looks at the same server.
#[derive(Clone, Debug)]
pub struct ServeStats {
    pub(super) counters: Arc<Counters>,
}

impl ServeStats {
    /// As things stand.
    pub fn report(&self) -> ServeReport {
        self.counters.report()
    }
}

/// What a server has done.
///
/// It adds up, also while it runs: each connection that was accepted is in one of the counts below, and so is each
/// request that was begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServeReport {
    /// What has become of the connections.
    pub connections: ConnectionCounts,
    /// What has become of the requests.
    pub requests: RequestCounts,
    /// How often the listener had an error instead of a connection. It went on.
    pub accept_errors: u64,
}

/// `accepted` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionCounts {
    /// How many there were.
    pub accepted: u64,
    /// Are open.
    pub open: u64,
    /// Ended in order, before the shutdown: by the client, as idle, with the request it has cut, by an upgrade.
    pub closed: u64,
    /// Ended in order because of the shutdown, their last response written.
    pub drained: u64,
    /// Ended with an error: the client has vanished, or does not speak HTTP.
    pub failed: u64,
    /// Were cut because a header, or room for the response, did not come in time.
    pub timed_out: u64,
    /// Ended with a panic of the service.
    pub panicked: u64,
    /// Were aborted by the shutdown, or with the runtime.
    pub aborted: u64,
    /// Were closed before they were served: the shutdown began as they were accepted.
    pub refused: u64,
}

/// `begun` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestCounts {
    /// How many there were.
    pub begun: u64,
    /// Are being worked on, or answered.
    pub in_flight: u64,
    /// Their response was handed to the connection whole.
    pub answered: u64,
    /// The service, or the body of its response, gave an error.
    pub failed: u64,
    /// The service, or the body of its response, panicked.
    pub panicked: u64,
    /// Were dropped before they were answered: the client has vanished, or the shutdown has aborted them.
    pub cut: u64,
}

impl ServeReport {
    /// Whether nothing was aborted and nothing has panicked.
    pub const fn is_clean(&self) -> bool {
        self.connections.aborted == 0 && self.connections.panicked == 0 && self.requests.panicked == 0
    }
}

/// The counts; those that are zero, and usually are, are left out.
impl fmt::Display for ServeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (connections, requests) = (&self.connections, &self.requests);
        write!(f, "{} connections: {} closed, ", connections.accepted, connections.closed)?;
        write!(f, "{} drained", connections.drained)?;
        write_rest(
            f,
            &[
                (connections.open, "open"),
                (connections.failed, "failed"),
                (connections.timed_out, "timed out"),
                (connections.panicked, "panicked"),
                (connections.aborted, "aborted"),
                (connections.refused, "refused"),
            ],
        )?;
        write!(f, "; {} requests: {} answered", requests.begun, requests.answered)?;
        write_rest(
            f,
            &[
                (requests.in_flight, "in flight"),
                (requests.failed, "failed"),
                (requests.panicked, "panicked"),
                (requests.cut, "cut"),
            ],
        )?;
        match self.accept_errors {
            0 => Ok(()),
            errors => write!(f, "; {errors} accept errors"),
        }
    }
}

fn write_rest(f: &mut fmt::Formatter<'_>, counts: &[(u64, &str)]) -> fmt::Result {
    counts.iter().filter(|(count, _)| *count > 0).try_for_each(|(count, what)| write!(f, ", {count} {what}"))
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionEnd {
    Closed,
    Drained,
    Failed,
    TimedOut,
    Panicked,
    Aborted,
    Refused,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestEnd {
    Answered,
    Failed,
    Panicked,
    Cut,
}

/// What is open and in flight is not counted, but is what has not ended: so it adds up at any moment.
#[derive(Debug, Default)]
pub(super) struct Counters {
    accepted: AtomicU64,
    connections: [AtomicU64; 7],
    begun: AtomicU64,
    requests: [AtomicU64; 4],
    accept_errors: AtomicU64,
}

impl Counters {
    pub(super) fn accepted(&self) {
        self.accepted.fetch_add(1, SeqCst);
    }

    pub(super) fn connection_ended(&self, end: ConnectionEnd) {
        self.connections[end as usize].fetch_add(1, SeqCst);
    }

    pub(super) fn begun(&self) {
        self.begun.fetch_add(1, SeqCst);
    }

    pub(super) fn request_ended(&self, end: RequestEnd) {
        self.requests[end as usize].fetch_add(1, SeqCst);
    }

    pub(super) fn accept_error(&self) {
        self.accept_errors.fetch_add(1, SeqCst);
    }

    fn report(&self) -> ServeReport {
        // The ends first: what begins and ends meanwhile is in flight.
        let [closed, drained, failed, timed_out, panicked, aborted, refused] =
            self.connections.each_ref().map(|count| count.load(SeqCst));
        let ended = closed + drained + failed + timed_out + panicked + aborted + refused;
        let accepted = self.accepted.load(SeqCst);
        let open = accepted - ended;
        let connections = ConnectionCounts {
            accepted,
            open,
            closed,
            drained,
            failed,
            timed_out,
            panicked,
            aborted,
            refused,
        };
        let [answered, failed, panicked, cut] = self.requests.each_ref().map(|count| count.load(SeqCst));
        let begun = self.begun.load(SeqCst);
        let in_flight = begun - (answered + failed + panicked + cut);
        let requests = RequestCounts { begun, in_flight, answered, failed, panicked, cut };
        ServeReport { connections, requests, accept_errors: self.accept_errors.load(SeqCst) }
    }
}
