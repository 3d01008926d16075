//! Streams from the outside, on any runtime: each behind a feature of its own, none on by default.
//!
//! | feature | module | gives |
//! |---|---|---|
//! | `websocket` | [`websocket`] | WebSockets, client and server, over [`Net`](backstay_core::Net) |

#![forbid(unsafe_code)]

#[cfg(feature = "websocket")]
pub mod websocket;
