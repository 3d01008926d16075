//! Many streams as one.

mod backstay;
mod buffered;
mod concurrency;
mod futures;
mod lite;
mod numbers;
mod tokio;

use crate::bench::{Size, Table};
use crate::contest::{Goal, Side};
use crate::one_thread;
use crate::work::{Clock, Outcome, Way, Work, measured};
use ::futures::{Stream, StreamExt};
use backstay_bench::sample::Meter;
use numbers::{Numbers, numbers};

/// The table.
pub const TABLE: Table = Table {
    heading: "\
MERGE: the sum of all items of so many streams
  select       futures 0.3, select
  select_all   futures 0.3
  buffered     futures-buffered 0.2, MergeUnbounded
  concurrency  futures-concurrency 7, Vec::merge
  or           futures-lite 2, or: the first stream before the second
  merge        tokio-stream 0.1
  StreamMap    tokio-stream 0.1, with the stream's number as its key
  MergeSet     backstay, of two
  backstay     merge_with of two, MergeSet of more",
    columns: &[
        "select",
        "select_all",
        "buffered",
        "concurrency",
        "or",
        "merge",
        "StreamMap",
        "MergeSet",
        "backstay",
    ],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// A contestant.
trait Merge {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    fn merged(streams: Vec<Numbers>) -> impl Stream<Item = u64>;
}

/// Which streams have items, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ready,
    Pending,
    // One of them is pending before each item; the others never give any.
    OneActive,
}

#[derive(Clone, Copy, Debug)]
struct Job {
    streams: u64,
    items: u64,
    kind: Kind,
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    let items = if size == Size::Quick { 16_000 } else { 400_000 };
    rows(items)
}

/// The rows, with so many items each.
pub fn rows(items: u64) -> Vec<Work> {
    use Kind::{OneActive, Pending, Ready};
    let buffered = Some(Goal { of: Some(buffered::NAME), at_most: 1.0 });
    let best = Some(Goal { of: None, at_most: 1.0 });
    [
        ("merge-2-ready", 2, Ready, best),
        ("merge-2-pending", 2, Pending, best),
        ("merge-16-ready", 16, Ready, best),
        ("merge-16-pending", 16, Pending, best),
        ("merge-16-one", 16, OneActive, buffered),
        ("merge-1k-ready", 1_000, Ready, best),
        ("merge-1k-pending", 1_000, Pending, best),
        ("merge-1k-one", 1_000, OneActive, buffered),
    ]
    .map(|(name, streams, kind, goal)| work(name, Job { streams, items, kind }, goal))
    .into()
}

fn work(name: &'static str, job: Job, goal: Option<Goal>) -> Work {
    let Job { streams, items, kind } = job;
    let kind = match kind {
        Kind::Ready => "of all, all ready",
        Kind::Pending => "of all, each pending once, and woken at once",
        Kind::OneActive => "of one, each pending once, and woken at once; the others wait",
    };
    let mut ways = vec![
        way::<futures::SelectAll>(job),
        way::<buffered::Buffered>(job),
        way::<concurrency::Concurrency>(job),
        way::<tokio::Map>(job),
    ];
    if streams == 2 {
        ways.push(way::<futures::Select>(job));
        ways.push(way::<lite::Or>(job));
        ways.push(way::<tokio::Merge>(job));
        ways.push(way::<backstay::With>(job));
        ways.push(way::<backstay::SetOfTwo>(job));
    } else {
        ways.push(way::<backstay::Set>(job));
    }
    Work {
        name,
        about: format!("{streams} streams, {items} items {kind}"),
        unit: "item",
        units: items,
        answer: items,
        clock: Clock::Thread,
        goal,
        ways,
    }
}

fn way<M: Merge>(job: Job) -> Way {
    Way { name: M::NAME, side: M::SIDE, run: Box::new(move |meter| run::<M>(job, meter)) }
}

fn run<M: Merge>(Job { streams, items, kind }: Job, meter: Meter) -> Outcome {
    measured(meter, || {
        one_thread::block_on(async {
            let mut merged = std::pin::pin!(M::merged(numbers(streams, items, kind)));
            let mut sum = 0;
            while sum < items
                && let Some(item) = merged.next().await
            {
                sum += item;
            }
            sum
        })
    })
}

/// Two of them, for those that merge no more.
fn two(streams: Vec<Numbers>) -> [Numbers; 2] {
    streams.try_into().unwrap_or_else(|_| unreachable!("this row has two"))
}
