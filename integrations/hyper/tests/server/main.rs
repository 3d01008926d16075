//! The server, and the client, on every runtime.

mod axum;
mod kit;
mod websocket;
