//! Turns of a limit on a rate that a Redis server keeps, beside the same script through another client.

mod backstay;
mod redis;
mod server;

pub use server::{MISSING, is_there};

use crate::bench::{Bench, Size, Table};
use crate::contest::Side;
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;
use futures::future::join_all;
use server::Server;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;

/// The bench.
pub const BENCH: Bench = Bench {
    title: "\
A limit on a rate in Redis, beside another client, on the same work.
  server       one of this machine, over TCP; it keeps nothing on a disk
  runtime      tokio's current-thread runtime
  time         the wall's: the server runs meanwhile",
    tables: &[TABLE],
};

/// The table.
pub const TABLE: Table = Table {
    heading: "\
REDIS: a permit waited for, and there is one; one script decides, the same for all
  redis        redis 1, MultiplexedConnection: one connection for all callers; the script alone
  backstay     SharedRateLimiter over backstay-redis, eight connections at most
  lease        the same; it takes ten from the server at a time
  turn         one caller
  64           64 callers at once, in one task",
    columns: &["redis", "backstay", "lease"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// So many come back in each millisecond: more than are taken.
const PERMITS: u32 = 1_000;

const EVERY: Duration = Duration::from_millis(1);

/// How many there are at first, and at most.
const BURST: u32 = 1_000_000;

/// How long anybody waits for an answer: longer than a server that runs takes.
const SOON: Duration = Duration::from_secs(30);

/// A contestant.
trait Node {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// What all callers have together. Is called in the runtime.
    fn new(port: u16) -> impl Future<Output = Self>;

    /// One turn after the other; gives how many the server has granted.
    fn turns(&self, times: u64) -> impl Future<Output = u64>;
}

/// The rows; none where no server can be started.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 2_560 } else { 25_600 })
}

/// The rows, with so many turns each.
pub fn rows(times: u64) -> Vec<Work> {
    let Some(server) = Server::start().map(Arc::new) else {
        return Vec::new();
    };
    let row = |name, callers| {
        let times = times.next_multiple_of(callers);
        Work {
            name,
            about: format!("{times} turns, {callers} at a time"),
            unit: "turn",
            units: times,
            answer: times,
            clock: Clock::Wall,
            goal: None,
            ways: vec![
                way::<redis::Redis>(&server, callers, times),
                way::<backstay::Backstay>(&server, callers, times),
                way::<backstay::Lease>(&server, callers, times),
            ],
        }
    };
    vec![row("redis-turn", 1), row("redis-turn-64", 64)]
}

fn way<N: Node>(server: &Arc<Server>, callers: u64, times: u64) -> Way {
    let server = Arc::clone(server);
    let run = move |meter| run::<N>(server.port(), callers, times, meter);
    Way { name: N::NAME, side: N::SIDE, run: Box::new(run) }
}

fn run<N: Node>(port: u16, callers: u64, times: u64, meter: Meter) -> Outcome {
    let runtime = Builder::new_current_thread().enable_all().build().expect("it needs no more than memory");
    let turns = async |node: &N, each| {
        let granted = join_all((0..callers).map(|_| node.turns(each))).await;
        granted.into_iter().sum()
    };
    let node = runtime.block_on(async {
        let node = N::new(port).await;
        // One before, so that all connections are there, and the server knows the script.
        let _: u64 = turns(&node, 1).await;
        node
    });
    measured(meter, || runtime.block_on(turns(&node, times / callers)))
}
