//! Requests at planned times.

use crate::workload::Rate;

/// Size of [`Job::HttpLatency`](super::Job::HttpLatency): requests at planned times, that of number `n` over connection `n` modulo
/// `connections`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Keep-alive connections, all at once.
    pub connections: u64,
    /// Requests in all.
    pub requests: u64,
    /// How many a second.
    pub rate: Rate,
}
