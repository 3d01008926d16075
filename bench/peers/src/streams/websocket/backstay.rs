//! backstay's, whole, in halves, and with larger buffers.

use super::{Peer, Stream};
use crate::contest::Side;
use backstay_sources::websocket::{Bytes, Config, Reader, WebSocket, Writer, accept_over, connect_over};
use backstay_tokio::Tokio;
use futures::StreamExt;

pub(super) struct Whole(WebSocket<Tokio, Stream>);

impl Peer for Whole {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    async fn connect(rt: &Tokio, stream: Stream) -> Self {
        Self(connect_over(rt, stream, "ws://localhost/", Config::new()).await.expect("it connects"))
    }

    async fn accept(rt: &Tokio, stream: Stream) -> Self {
        Self(accept_over(rt, stream, "a client", Config::new()).await.expect("it is accepted"))
    }

    async fn send(&mut self, bytes: Bytes) {
        self.0.send(bytes).await.expect("it is open");
    }

    async fn feed(&mut self, bytes: Bytes, count: u64) {
        for _ in 0..count {
            self.0.feed(bytes.clone()).await.expect("it is open");
        }
        self.0.flush().await.expect("it is open");
    }

    async fn next(&mut self) -> Option<Bytes> {
        Some(StreamExt::next(&mut self.0).await?.expect("a message").into_bytes())
    }
}

pub(super) struct Halves(Reader<Tokio, Stream>, Writer<Tokio, Stream>);

impl Peer for Halves {
    const NAME: &'static str = "split";
    const SIDE: Side = Side::Variant;

    async fn connect(rt: &Tokio, stream: Stream) -> Self {
        let (reader, writer) = Whole::connect(rt, stream).await.0.split();
        Self(reader, writer)
    }

    async fn accept(rt: &Tokio, stream: Stream) -> Self {
        let (reader, writer) = Whole::accept(rt, stream).await.0.split();
        Self(reader, writer)
    }

    async fn send(&mut self, bytes: Bytes) {
        self.1.send(bytes).await.expect("it is open");
    }

    async fn feed(&mut self, bytes: Bytes, count: u64) {
        for _ in 0..count {
            self.1.feed(bytes.clone()).await.expect("it is open");
        }
        self.1.flush().await.expect("it is open");
    }

    async fn next(&mut self) -> Option<Bytes> {
        Some(StreamExt::next(&mut self.0).await?.expect("a message").into_bytes())
    }
}

pub(super) struct Wide(Whole);

impl Wide {
    fn config() -> Config {
        Config::builder().read_buffer(128 << 10).write_buffer(128 << 10).build().expect("it is good")
    }
}

impl Peer for Wide {
    const NAME: &'static str = "wide";
    const SIDE: Side = Side::Variant;

    async fn connect(rt: &Tokio, stream: Stream) -> Self {
        let opened = connect_over(rt, stream, "ws://localhost/", Self::config()).await;
        Self(Whole(opened.expect("it connects")))
    }

    async fn accept(rt: &Tokio, stream: Stream) -> Self {
        Self(Whole(accept_over(rt, stream, "a client", Self::config()).await.expect("it is accepted")))
    }

    async fn send(&mut self, bytes: Bytes) {
        self.0.send(bytes).await;
    }

    async fn feed(&mut self, bytes: Bytes, count: u64) {
        self.0.feed(bytes, count).await;
    }

    async fn next(&mut self) -> Option<Bytes> {
        self.0.next().await
    }
}
