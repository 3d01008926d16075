//! Streams written as async blocks.

mod async_stream;
mod backstay;
mod futures;

use crate::bench::{Size, Table};
use crate::contest::Side;
use crate::current_thread;
use crate::items::{self, When, items};
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
GENERATORS: the sum of what a body gives, which awaits each number before it gives it
  stream!      async-stream 0.3: through a thread-local, with unsafe code
  unfold       futures 0.3: a state instead of a body
  backstay     generate: an emit may be inside of a join! or of another task's",
    columns: &["stream!", "unfold", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// A contestant.
trait Generator {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// The sum of all numbers that it gives.
    fn sum<F: Future<Output = u64>>(numbers: impl Iterator<Item = F>) -> impl Future<Output = u64>;
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 100_000 } else { 1_000_000 })
}

/// The rows, with so many items each.
pub fn rows(count: u64) -> Vec<Work> {
    [("generate-ready", When::Ready), ("generate-pending", When::PendingOnce)]
        .map(|(name, when)| Work {
            name,
            about: format!("{count} items, {}", if when == When::Ready { "ready" } else { "pending" }),
            unit: "item",
            units: count,
            answer: items::sum(count),
            clock: Clock::Thread,
            goal: None,
            ways: vec![
                way::<async_stream::AsyncStream>(count, when),
                way::<futures::Unfold>(count, when),
                way::<backstay::Backstay>(count, when),
            ],
        })
        .into()
}

fn way<G: Generator>(count: u64, when: When) -> Way {
    Way { name: G::NAME, side: G::SIDE, run: Box::new(move |meter| run::<G>(count, when, meter)) }
}

fn run<G: Generator>(count: u64, when: When, meter: Meter) -> Outcome {
    measured(meter, || current_thread::block_on(G::sum(items(count, when))))
}
