//! Streams from the outside, on any runtime: each behind a feature of its own, none on by default.
//!
//! | feature | module | gives |
//! |---|---|---|
#![cfg_attr(
    feature = "blocking",
    doc = "| `blocking` | [`blocking`] | an iterator or a reader that blocks |"
)]
#![cfg_attr(
    feature = "fs-events",
    doc = "| `fs-events` | [`fs_events`] | what changes in folders and files |"
)]
#![cfg_attr(feature = "sqlite", doc = "| `sqlite` | [`sqlite`] | an embedded SQL database |")]
#![cfg_attr(
    feature = "websocket",
    doc = "| `websocket` | [`websocket`] | WebSockets, client and server, over [`Net`](backstay_core::Net) |"
)]
//!
//! With the feature `serde`, their configurations can be in files.
#![forbid(unsafe_code)]

#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "fs-events")]
pub mod fs_events;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "fs-events", feature = "sqlite"))]
mod turns;
#[cfg(any(feature = "blocking", feature = "fs-events", feature = "sqlite"))]
mod waking;
#[cfg(feature = "websocket")]
pub mod websocket;

// The guide's examples run as tests too.
#[cfg(all(doctest, feature = "websocket"))]
#[doc = include_str!("../../../docs/guide/websocket.md")]
mod websocket_guide {}

// The guide's examples run as tests too.
#[cfg(all(doctest, feature = "blocking", feature = "fs-events", feature = "sqlite"))]
#[doc = include_str!("../../../docs/guide/external-sources.md")]
mod guide {}
