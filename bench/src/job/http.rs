//! Requests over HTTP.

/// Size of [`Job::Http`](super::Job::Http).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http {
    /// Keep-alive connections, all at once.
    pub connections: u64,
    /// Requests of each, one after the other.
    pub requests: u64,
    /// What is asked for.
    pub content: Content,
}

/// What is asked for over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A fixed text of 13 bytes.
    Plaintext,
    /// A small document, made for each request and read by the client.
    Json,
}
