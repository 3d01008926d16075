//! What is sent comes back.

/// Size of [`Job::TcpEcho`](super::Job::TcpEcho) and [`Job::WebSocketEcho`](super::Job::WebSocketEcho).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Connections, all at once.
    pub connections: u64,
    /// Round trips of each, one after the other.
    pub round_trips: u64,
    /// Bytes there, and the same back.
    pub bytes: usize,
}

impl Echo {
    /// Bytes that the servers see in all.
    pub const fn total(&self) -> u64 {
        self.connections * self.round_trips * self.bytes as u64
    }
}
