//! The server, and the client, on every runtime.

mod accepting;
mod addresses;
mod axum;
mod client;
mod config;
mod ends;
mod failures;
mod kit;
mod limits;
mod rate_limit;
mod service;
mod slow;
mod websocket;
