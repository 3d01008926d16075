//! A future for each item of a stream, a limited number at a time.

mod backstay;
mod buffered;
mod concurrency;
mod futures;

use crate::bench::{Size, Table};
use crate::contest::{Goal, Side};
use crate::items::{self, Item, When, items};
use crate::one_thread;
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
CONCURRENT MAP: the sum of all outputs of a stream's items, at most so many at a time, in any order
  unordered    futures 0.3, map and buffer_unordered
  for_each     futures 0.3, for_each_concurrent
  buffered     futures-buffered 0.2, map and buffered_unordered
  concurrency  futures-concurrency 7, co().limit(..).map(..).for_each(..)
  backstay     map_concurrent, in a loop
  each         backstay's each_concurrent",
    columns: &["unordered", "for_each", "buffered", "concurrency", "backstay", "each"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// A contestant.
trait Map {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// The sum of the outputs of all items, each of which is its own future.
    fn sum(items: impl ExactSizeIterator<Item = Item>, limit: usize) -> impl Future<Output = u64>;
}

#[derive(Clone, Copy, Debug)]
struct Job {
    items: u64,
    limit: usize,
    when: When,
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    let items = if size == Size::Quick { 10_000 } else { 100_000 };
    rows(items)
}

/// The rows, with so many items each.
pub fn rows(items: u64) -> Vec<Work> {
    use When::{PendingOnce, Ready};
    [
        ("map-16-ready", 16, Ready, 0.5),
        ("map-16-pending", 16, PendingOnce, 1.0),
        ("map-256-ready", 256, Ready, 0.5),
        ("map-256-pending", 256, PendingOnce, 1.0),
    ]
    .map(|(name, limit, when, at_most)| work(name, Job { items, limit, when }, at_most))
    .into()
}

fn work(name: &'static str, job: Job, at_most: f64) -> Work {
    let Job { items, limit, when } = job;
    let kind = match when {
        When::Ready => "ready at the first poll",
        When::PendingOnce => "pending once, and woken at once",
    };
    Work {
        name,
        about: format!("{items} items of a ready stream, futures {kind}; at most {limit} at a time"),
        unit: "item",
        units: items,
        answer: items::sum(items),
        clock: Clock::Thread,
        goal: Some(Goal { of: Some(buffered::NAME), at_most }),
        ways: vec![
            way::<futures::Unordered>(job),
            way::<futures::ForEach>(job),
            way::<buffered::Buffered>(job),
            way::<concurrency::Concurrency>(job),
            way::<backstay::Map>(job),
            way::<backstay::Each>(job),
        ],
    }
}

fn way<M: Map>(job: Job) -> Way {
    Way { name: M::NAME, side: M::SIDE, run: Box::new(move |meter| run::<M>(job, meter)) }
}

fn run<M: Map>(Job { items: count, limit, when }: Job, meter: Meter) -> Outcome {
    measured(meter, || one_thread::block_on(M::sum(items(count, when), limit)))
}
