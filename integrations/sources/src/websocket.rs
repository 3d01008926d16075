//! WebSockets (RFC 6455), client and server, on any runtime.
//!
//! | you want | use |
//! |---|---|
//! | to connect | [`connect`]; over TLS or a proxy, [`connect_over`] |
//! | to accept all that come | [`listen`] |
//! | to accept one | [`accept`]; over TLS or a proxy, [`accept_over`] |
//! | one behind an HTTP server | [`answer_upgrade`], then [`upgraded`] |
//! | messages | [`WebSocket`], a stream, with [`send`](WebSocket::send) and [`close`](WebSocket::close) |
//! | to read and send in two tasks | [`WebSocket::split`] |
//! | limits, keep-alive | [`Config`] |
//!
//! Everything runs in the task that awaits it; nothing is spawned. It works over [`Net`](backstay_core::Net), so also
//! on the simulated network, where a test can cut it: the guide is `docs/guide/websocket.md`.
//!
//! The protocol itself is that of the crate `tungstenite`. There are no extensions (no compression) and no
//! subprotocols. The masks and keys of the handshake are the crate's own random numbers: on the simulated runtime bytes
//! on the wire differ from run to run, while what comes when does not.

mod config;
mod connection;
mod error;
mod futures;
mod handle;
mod handshake;
mod io;
mod keep_alive;
mod listener;
mod message;
mod open;
mod position;
mod socket;
mod split;
mod timer;
mod upgrade;

pub use bytes::Bytes;
pub use config::{Config, ConfigBuilder};
pub use error::{ProtocolError, SendError, WaitedFor, WebSocketError};
pub use futures::{CloseFuture, FlushFuture, SendCloseFuture, SendFuture};
pub use listener::{Listener, listen};
pub use message::{CloseCode, CloseCodeError, CloseFrame, Message, Text};
pub use open::{accept, accept_over, connect, connect_over};
pub use socket::WebSocket;
pub use split::{Reader, ReuniteError, Writer};
pub use upgrade::{answer_upgrade, upgraded};
