//! Streams from the outside, on any runtime: each behind a feature of its own, none on by default.
//!
//! | feature | module | gives |
//! |---|---|---|
#![cfg_attr(
    feature = "websocket",
    doc = "| `websocket` | [`websocket`] | WebSockets, client and server, over [`Net`](backstay_core::Net) |"
)]
#![forbid(unsafe_code)]

#[cfg(feature = "websocket")]
pub mod websocket;

// The guide's examples run as tests too.
#[cfg(all(doctest, feature = "websocket"))]
#[doc = include_str!("../../../docs/guide/websocket.md")]
mod websocket_guide {}
