//! The latest items of two streams.

mod async_stream;
mod backstay;
mod futures;
mod tokio_stream;

use super::numbers::Numbers;
use crate::bench::{Size, Table};
use crate::contest::Side;
use crate::items::When;
use crate::one_thread;
use crate::work::{Clock, Outcome, Way, Work, measured};
use ::futures::{Stream, StreamExt};
use backstay_bench::sample::Meter;
use std::pin::pin;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
COMBINE: pairs of the latest items of two streams, counted, with the last of them
  select       futures 0.3, select and scan; where one stream says when, the other first
  merge        tokio-stream 0.1, merge and filter_map: takes turns, and so has no row of the one that says when
  stream!      async-stream 0.3, with tokio's select!; where both say when, in random order
  backstay     combine_latest, with_latest_from",
    columns: &["select", "merge", "stream!", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// A contestant, at one kind of work.
trait Combine {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// Pairs of the latest items of both.
    fn pairs(first: Numbers, second: Numbers) -> impl Stream<Item = (u64, u64)>;
}

#[derive(Clone, Copy, Debug)]
struct Job {
    // Of each of both.
    items: u64,
    when: When,
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 100_000 } else { 1_000_000 })
}

/// The rows, with so many items of both together.
pub fn rows(count: u64) -> Vec<Work> {
    let items = count / 2;
    let ready = Job { items, when: When::Ready };
    let pending = Job { items, when: When::PendingOnce };
    let latest = || {
        vec![
            way::<futures::Latest>,
            way::<tokio_stream::Latest>,
            way::<async_stream::Latest>,
            way::<backstay::Latest>,
        ]
    };
    let with_latest =
        || vec![way::<futures::WithLatest>, way::<async_stream::WithLatest>, way::<backstay::WithLatest>];
    // The first item of the one waits for the other's.
    let at_both = ("a pair for each of them", count - 1);
    let at_one = ("a pair for each of one of them", items);
    [
        ("combine-latest-ready", at_both, ready, latest()),
        ("combine-latest-pending", at_both, pending, latest()),
        ("with-latest-ready", at_one, ready, with_latest()),
        ("with-latest-pending", at_one, pending, with_latest()),
    ]
    .map(|(name, (what, pairs), job, ways)| Work {
        name,
        about: format!(
            "{count} items of two streams, {}; {what}",
            if job.when == When::Ready { "ready" } else { "pending" }
        ),
        unit: "item",
        units: count,
        answer: pairs + 2 * (items - 1),
        clock: Clock::Thread,
        goal: None,
        ways: ways.into_iter().map(|way| way(job)).collect(),
    })
    .into()
}

fn way<C: Combine>(job: Job) -> Way {
    Way { name: C::NAME, side: C::SIDE, run: Box::new(move |meter| run::<C>(job, meter)) }
}

/// How many pairs there are, and both parts of the last. Who comes first where both are ready is not in it.
fn run<C: Combine>(Job { items, when }: Job, meter: Meter) -> Outcome {
    measured(meter, || {
        one_thread::block_on(async {
            let mut stream = pin!(C::pairs(Numbers::new(items, when), Numbers::new(items, when)));
            let (mut pairs, mut last) = (0, (0, 0));
            while let Some(pair) = stream.next().await {
                pairs += 1;
                last = pair;
            }
            pairs + last.0 + last.1
        })
    })
}
