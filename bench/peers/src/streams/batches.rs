//! Items as `Vec`s of a hundred.

mod backstay;
mod futures;
mod tokio_stream;

use super::numbers::Numbers;
use crate::bench::{Size, Table};
use crate::contest::{Goal, Side};
use crate::current_thread;
use crate::items::{self, When};
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;
use std::time::Duration;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
BATCHES: the sum of all numbers, from batches of a hundred
  chunks         futures 0.3, by count alone
  ready_chunks   futures 0.3, what is ready, up to a hundred
  timeout        tokio-stream 0.1, chunks_timeout: a hundred or ten seconds; looks at no clock while items are ready
  backstay       batch, within ten seconds
  count          batch, by count alone",
    columns: &["chunks", "ready_chunks", "timeout", "backstay", "count"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

const SIZE: usize = 100;
const WITHIN: Duration = Duration::from_secs(10);

/// A contestant.
trait Batches {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// The sum of all numbers in all batches.
    fn sum(numbers: Numbers) -> impl Future<Output = u64>;
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 100_000 } else { 1_000_000 })
}

/// The rows, with so many items each.
pub fn rows(count: u64) -> Vec<Work> {
    // Where all are ready the peer looks at no clock, which is its fault and not its merit.
    let as_fast = Goal { of: Some(tokio_stream::NAME), at_most: 1.0 };
    [("batch-ready", When::Ready, None), ("batch-pending", When::PendingOnce, Some(as_fast))]
        .map(|(name, when, goal)| Work {
            name,
            about: format!("{count} items, {}", if when == When::Ready { "ready" } else { "pending" }),
            unit: "item",
            units: count,
            answer: items::sum(count),
            clock: Clock::Thread,
            goal,
            ways: vec![
                way::<futures::Chunks>(count, when),
                way::<futures::ReadyChunks>(count, when),
                way::<tokio_stream::ChunksTimeout>(count, when),
                way::<backstay::Backstay>(count, when),
                way::<backstay::Count>(count, when),
            ],
        })
        .into()
}

fn way<B: Batches>(count: u64, when: When) -> Way {
    Way { name: B::NAME, side: B::SIDE, run: Box::new(move |meter| run::<B>(count, when, meter)) }
}

fn run<B: Batches>(count: u64, when: When, meter: Meter) -> Outcome {
    measured(meter, || current_thread::block_on(B::sum(Numbers::new(count, when))))
}
