//! WebSockets, beside the bare crate over the same sockets.

mod backstay;
mod bare;

use crate::bench::{Bench, Family, Size, Table};
use crate::contest::Side;
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;
use backstay_core::net::{Net, TcpListener, TcpStream};
use backstay_core::{BlockOn, Config, Flavor};
use backstay_tokio::{Tokio, TokioOwner};
use std::net::SocketAddr;

/// The bench.
pub const BENCH: Bench = Bench {
    title: "\
WebSockets, beside the bare crate, on the same work.
  runtime      tokio's current-thread runtime; client and server are a task each
  sockets      real ones, over loopback, without Nagle's algorithm
  time         of this thread's processor, which does the system calls too",
    tables: &[TABLE],
};

/// All of them.
pub const FAMILIES: [Family; 1] = [(TABLE, works)];

/// The table.
pub const TABLE: Table = Table {
    heading: "\
WEBSOCKET: messages between a client and a server
  bare         async-tungstenite 0.35 as it is
  backstay     WebSocket, with its defaults; in `split`, each end in halves; in `wide`, with the bare crate's
               buffers of 128 KiB instead of 16 KiB
  ws-echo-…    a message there and back, of so many bytes
  ws-feed      messages of 64 bytes one way, 1000 fed and then flushed",
    columns: &["bare", "backstay", "split", "wide"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

type Stream = <Tokio as Net>::TcpStream;

/// A contestant.
trait Peer: Sized + Send + 'static {
    const NAME: &'static str;
    const SIDE: Side;

    fn connect(rt: &Tokio, stream: Stream) -> impl Future<Output = Self>;
    fn accept(rt: &Tokio, stream: Stream) -> impl Future<Output = Self>;

    /// Sends, and waits until it is written.
    fn send(&mut self, bytes: bytes::Bytes) -> impl Future<Output = ()> + Send;
    /// Sends so many, and waits until all are written.
    fn feed(&mut self, bytes: bytes::Bytes, count: u64) -> impl Future<Output = ()> + Send;
    /// The next message; nothing at the end.
    fn next(&mut self) -> impl Future<Output = Option<bytes::Bytes>> + Send;
}

#[derive(Clone, Copy, Debug)]
enum How {
    Echo { size: usize },
    Feed,
}

const FED: u64 = 1_000;

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    let factor = if size == Size::Quick { 1 } else { 10 };
    let row = |name, how, rounds: u64| {
        let rounds = rounds * factor;
        let (units, bytes) = match how {
            How::Echo { size } => (rounds, size as u64 * rounds),
            How::Feed => (rounds * FED, 64 * FED * rounds),
        };
        Work {
            name,
            about: format!("{units} messages"),
            unit: "message",
            units,
            answer: bytes,
            clock: Clock::Thread,
            goal: None,
            ways: vec![
                way::<bare::Bare>(how, rounds),
                way::<backstay::Whole>(how, rounds),
                way::<backstay::Halves>(how, rounds),
                way::<backstay::Wide>(how, rounds),
            ],
        }
    };
    vec![
        row("ws-echo-64", How::Echo { size: 64 }, 500),
        row("ws-echo-16k", How::Echo { size: 16 << 10 }, 200),
        row("ws-echo-256k", How::Echo { size: 256 << 10 }, 20),
        row("ws-feed", How::Feed, 10),
    ]
}

fn way<P: Peer>(how: How, rounds: u64) -> Way {
    Way { name: P::NAME, side: P::SIDE, run: Box::new(move |meter| run::<P>(how, rounds, meter)) }
}

fn run<P: Peer>(how: How, rounds: u64, meter: Meter) -> Outcome {
    let owner = TokioOwner::new(Config::new().flavor(Flavor::CurrentThread)).expect("it starts");
    let rt = owner.runtime();
    let (client, server) = owner.block_on(pair::<P>(rt));
    measured(meter, || {
        owner.block_on(async {
            match how {
                How::Echo { size } => echo(rt, client, server, size, rounds).await,
                How::Feed => feed(rt, client, server, rounds).await,
            }
        })
    })
}

async fn pair<P: Peer>(rt: &Tokio) -> (P, P) {
    let listener = rt.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let (one, other) = futures::join!(rt.connect(addr), listener.accept());
    let (one, (other, _)) = (one.expect("a connection"), other.expect("a connection"));
    for stream in [&one, &other] {
        stream.set_nodelay(true).expect("it is open");
    }
    futures::join!(P::connect(rt, one), P::accept(rt, other))
}

async fn echo<P: Peer>(rt: &Tokio, mut client: P, mut server: P, size: usize, rounds: u64) -> u64 {
    use backstay_core::Runtime;
    let serves = rt.spawn(async move {
        for _ in 0..rounds {
            let bytes = server.next().await.expect("it is open");
            server.send(bytes).await;
        }
        server
    });
    let asks = rt.spawn(async move {
        let (bytes, mut sum) = (bytes::Bytes::from(vec![7; size]), 0);
        for _ in 0..rounds {
            client.send(bytes.clone()).await;
            sum += client.next().await.expect("it is open").len() as u64;
        }
        (client, sum)
    });
    let (_server, (_client, sum)) = (serves.await.expect("no panic"), asks.await.expect("no panic"));
    sum
}

async fn feed<P: Peer>(rt: &Tokio, mut client: P, mut server: P, rounds: u64) -> u64 {
    use backstay_core::Runtime;
    let reads = rt.spawn(async move {
        let mut sum = 0;
        for _ in 0..rounds * FED {
            sum += server.next().await.expect("it is open").len() as u64;
        }
        (server, sum)
    });
    let sends = rt.spawn(async move {
        let bytes = bytes::Bytes::from_static(&[7; 64]);
        for _ in 0..rounds {
            client.feed(bytes.clone(), FED).await;
        }
        client
    });
    let (_client, (_server, sum)) = (sends.await.expect("no panic"), reads.await.expect("no panic"));
    sum
}
