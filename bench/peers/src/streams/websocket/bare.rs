//! async-tungstenite.

use super::{Peer, Stream};
use crate::contest::Side;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::{WebSocketStream, accept_async, client_async};
use backstay_tokio::Tokio;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};

pub(super) struct Bare(WebSocketStream<Stream>);

impl Peer for Bare {
    const NAME: &'static str = "bare";
    const SIDE: Side = Side::Peer;

    async fn connect(_: &Tokio, stream: Stream) -> Self {
        Self(client_async("ws://localhost/", stream).await.expect("it connects").0)
    }

    async fn accept(_: &Tokio, stream: Stream) -> Self {
        Self(accept_async(stream).await.expect("it is accepted"))
    }

    async fn send(&mut self, bytes: Bytes) {
        SinkExt::send(&mut self.0, Message::Binary(bytes)).await.expect("it is open");
    }

    async fn feed(&mut self, bytes: Bytes, count: u64) {
        for _ in 0..count {
            SinkExt::feed(&mut self.0, Message::Binary(bytes.clone())).await.expect("it is open");
        }
        SinkExt::flush(&mut self.0).await.expect("it is open");
    }

    async fn next(&mut self) -> Option<Bytes> {
        Some(StreamExt::next(&mut self.0).await?.expect("a message").into_data())
    }
}
