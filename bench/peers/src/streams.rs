//! Streams and their sources, beside other crates.
//!
//! | to see | look at |
//! |---|---|
//! | WebSockets | [`websocket`] |

pub mod websocket;
